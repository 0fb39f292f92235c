#include "backends/oci/region.h"

#include <algorithm>
#include <cstdlib>
#include <span>

namespace skybridge::oci {
namespace {

struct Region {
  std::string_view id;
  std::string_view code;
  std::string_view domain;
};

constexpr std::string_view kCommercialDomain = "oraclecloud.com";

constexpr Region kRegions[] = {
    {"af-casablanca-1", "lej", "oraclecloud.com"},     {"af-johannesburg-1", "jnb", "oraclecloud.com"},
    {"ap-batam-1", "hsg", "oraclecloud.com"},          {"ap-chuncheon-1", "yny", "oraclecloud.com"},
    {"ap-delhi-1", "onm", "oraclecloud.com"},          {"ap-hyderabad-1", "hyd", "oraclecloud.com"},
    {"ap-kulai-2", "jbp", "oraclecloud.com"},          {"ap-melbourne-1", "mel", "oraclecloud.com"},
    {"ap-mumbai-1", "bom", "oraclecloud.com"},         {"ap-osaka-1", "kix", "oraclecloud.com"},
    {"ap-seoul-1", "icn", "oraclecloud.com"},          {"ap-singapore-1", "sin", "oraclecloud.com"},
    {"ap-singapore-2", "xsp", "oraclecloud.com"},      {"ap-sydney-1", "syd", "oraclecloud.com"},
    {"ap-tokyo-1", "nrt", "oraclecloud.com"},          {"ca-montreal-1", "yul", "oraclecloud.com"},
    {"ca-toronto-1", "yyz", "oraclecloud.com"},        {"eu-amsterdam-1", "ams", "oraclecloud.com"},
    {"eu-frankfurt-1", "fra", "oraclecloud.com"},      {"eu-madrid-1", "mad", "oraclecloud.com"},
    {"eu-madrid-3", "orf", "oraclecloud.com"},         {"eu-marseille-1", "mrs", "oraclecloud.com"},
    {"eu-milan-1", "lin", "oraclecloud.com"},          {"eu-paris-1", "cdg", "oraclecloud.com"},
    {"eu-stockholm-1", "arn", "oraclecloud.com"},      {"eu-turin-1", "nrq", "oraclecloud.com"},
    {"eu-zurich-1", "zrh", "oraclecloud.com"},         {"il-jerusalem-1", "mtz", "oraclecloud.com"},
    {"me-abudhabi-1", "auh", "oraclecloud.com"},       {"me-dubai-1", "dxb", "oraclecloud.com"},
    {"me-jeddah-1", "jed", "oraclecloud.com"},         {"me-riyadh-1", "ruh", "oraclecloud.com"},
    {"mx-monterrey-1", "mty", "oraclecloud.com"},      {"mx-queretaro-1", "qro", "oraclecloud.com"},
    {"sa-bogota-1", "bog", "oraclecloud.com"},         {"sa-santiago-1", "scl", "oraclecloud.com"},
    {"sa-saopaulo-1", "gru", "oraclecloud.com"},       {"sa-valparaiso-1", "vap", "oraclecloud.com"},
    {"sa-vinhedo-1", "vcp", "oraclecloud.com"},        {"uk-cardiff-1", "cwl", "oraclecloud.com"},
    {"uk-london-1", "lhr", "oraclecloud.com"},         {"us-ashburn-1", "iad", "oraclecloud.com"},
    {"us-chicago-1", "ord", "oraclecloud.com"},        {"us-phoenix-1", "phx", "oraclecloud.com"},
    {"us-saltlake-2", "aga", "oraclecloud.com"},       {"us-sanjose-1", "sjc", "oraclecloud.com"},
    {"eu-frankfurt-2", "str", "oraclecloud.eu"},       {"eu-madrid-2", "vll", "oraclecloud.eu"},
    {"ap-dcc-canberra-1", "wga", "oraclecloud10.com"}, {"eu-dcc-dublin-1", "ork", "oraclecloud14.com"},
    {"eu-dcc-dublin-2", "snn", "oraclecloud14.com"},   {"eu-dcc-milan-1", "bgy", "oraclecloud14.com"},
    {"eu-dcc-milan-2", "mxp", "oraclecloud14.com"},    {"eu-dcc-rating-1", "dus", "oraclecloud14.com"},
    {"eu-dcc-rating-2", "dtm", "oraclecloud14.com"},   {"ap-dcc-gazipur-1", "dac", "oraclecloud15.com"},
    {"eu-jovanovac-1", "beg", "oraclecloud20.com"},    {"me-alrayyan-1", "vve", "oraclecloud21.com"},
    {"me-dcc-doha-1", "doh", "oraclecloud21.com"},     {"us-somerset-1", "ebb", "oraclecloud23.com"},
    {"us-thames-1", "ebl", "oraclecloud23.com"},       {"eu-crissier-1", "avf", "oraclecloud24.com"},
    {"eu-dcc-zurich-1", "avz", "oraclecloud24.com"},   {"me-abudhabi-3", "ahu", "oraclecloud26.com"},
    {"me-alain-1", "rba", "oraclecloud26.com"},        {"me-abudhabi-2", "rkt", "oraclecloud29.com"},
    {"me-abudhabi-4", "shj", "oraclecloud29.com"},     {"ap-chuncheon-2", "bno", "oraclecloud35.com"},
    {"ap-seoul-2", "dtz", "oraclecloud35.com"},        {"ap-suwon-1", "dln", "oraclecloud35.com"},
    {"us-ashburn-2", "yxj", "oraclecloud42.com"},      {"us-newark-1", "pgc", "oraclecloud42.com"},
    {"eu-budapest-1", "jsk", "oraclecloud51.com"},     {"sa-riodejaneiro-1", "hnw", "oraclecloud52.com"},
    {"ap-chiyoda-1", "nja", "oraclecloud8.com"},       {"ap-ibaraki-1", "ukb", "oraclecloud8.com"},
    {"me-dcc-muscat-1", "mct", "oraclecloud9.com"},    {"me-ibri-1", "ibr", "oraclecloud9.com"},
    {"us-gov-ashburn-1", "ric", "oraclegovcloud.com"}, {"us-gov-chicago-1", "pia", "oraclegovcloud.com"},
    {"us-gov-phoenix-1", "tus", "oraclegovcloud.com"}, {"us-langley-1", "lfi", "oraclegovcloud.com"},
    {"us-luke-1", "luf", "oraclegovcloud.com"},        {"uk-gov-cardiff-1", "brs", "oraclegovcloud.uk"},
    {"uk-gov-london-1", "ltn", "oraclegovcloud.uk"},
};

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

}  // namespace

Environment ProcessEnvironment() {
  return [](std::string_view name) -> std::optional<std::string> {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody calls setenv
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

std::string RegionId(std::string_view id_or_code) {
  std::string lower = LowerCase(id_or_code);
  for (const Region& region : std::span(kRegions)) {
    if (region.code == lower) return std::string(region.id);
  }
  return lower;
}

std::string RealmDomain(std::string_view region_id, const Environment& environment) {
  for (const Region& region : std::span(kRegions)) {
    if (region.id == region_id) return std::string(region.domain);
  }
  const std::optional<std::string> otherwise = environment("OCI_DEFAULT_REALM");
  return otherwise && !otherwise->empty() ? *otherwise : std::string(kCommercialDomain);
}

std::string ObjectStorageEndpoint(std::string_view id_or_code, const Environment& environment) {
  const std::string region = RegionId(id_or_code);
  if (region.find('.') != std::string::npos) return "https://objectstorage." + region;
  return "https://objectstorage." + region + "." + RealmDomain(region, environment);
}

}  // namespace skybridge::oci
