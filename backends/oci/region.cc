#include "backends/oci/region.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace skybridge::oci {
namespace {

struct Region {
  std::string_view id;
  std::string_view code;
  std::string_view domain;
};

constexpr std::string_view kCommercialDomain = "oraclecloud.com";

constexpr Region kRegions[] = {
    {"af-casablanca-1", "lej", "oraclecloud.com"},
    {"af-johannesburg-1", "jnb", "oraclecloud.com"},
    {"ap-batam-1", "hsg", "oraclecloud.com"},
    {"ap-chuncheon-1", "yny", "oraclecloud.com"},
    {"ap-delhi-1", "onm", "oraclecloud.com"},
    {"ap-hyderabad-1", "hyd", "oraclecloud.com"},
    {"ap-kulai-2", "jbp", "oraclecloud.com"},
    {"ap-melbourne-1", "mel", "oraclecloud.com"},
    {"ap-mumbai-1", "bom", "oraclecloud.com"},
    {"ap-osaka-1", "kix", "oraclecloud.com"},
    {"ap-seoul-1", "icn", "oraclecloud.com"},
    {"ap-singapore-1", "sin", "oraclecloud.com"},
    {"ap-singapore-2", "xsp", "oraclecloud.com"},
    {"ap-sydney-1", "syd", "oraclecloud.com"},
    {"ap-tokyo-1", "nrt", "oraclecloud.com"},
    {"ca-montreal-1", "yul", "oraclecloud.com"},
    {"ca-toronto-1", "yyz", "oraclecloud.com"},
    {"eu-amsterdam-1", "ams", "oraclecloud.com"},
    {"eu-frankfurt-1", "fra", "oraclecloud.com"},
    {"eu-madrid-1", "mad", "oraclecloud.com"},
    {"eu-madrid-3", "orf", "oraclecloud.com"},
    {"eu-marseille-1", "mrs", "oraclecloud.com"},
    {"eu-milan-1", "lin", "oraclecloud.com"},
    {"eu-paris-1", "cdg", "oraclecloud.com"},
    {"eu-stockholm-1", "arn", "oraclecloud.com"},
    {"eu-turin-1", "nrq", "oraclecloud.com"},
    {"eu-zurich-1", "zrh", "oraclecloud.com"},
    {"il-jerusalem-1", "mtz", "oraclecloud.com"},
    {"me-abudhabi-1", "auh", "oraclecloud.com"},
    {"me-dubai-1", "dxb", "oraclecloud.com"},
    {"me-jeddah-1", "jed", "oraclecloud.com"},
    {"me-riyadh-1", "ruh", "oraclecloud.com"},
    {"mx-monterrey-1", "mty", "oraclecloud.com"},
    {"mx-queretaro-1", "qro", "oraclecloud.com"},
    {"sa-bogota-1", "bog", "oraclecloud.com"},
    {"sa-santiago-1", "scl", "oraclecloud.com"},
    {"sa-saopaulo-1", "gru", "oraclecloud.com"},
    {"sa-valparaiso-1", "vap", "oraclecloud.com"},
    {"sa-vinhedo-1", "vcp", "oraclecloud.com"},
    {"uk-cardiff-1", "cwl", "oraclecloud.com"},
    {"uk-london-1", "lhr", "oraclecloud.com"},
    {"us-ashburn-1", "iad", "oraclecloud.com"},
    {"us-chicago-1", "ord", "oraclecloud.com"},
    {"us-phoenix-1", "phx", "oraclecloud.com"},
    {"us-saltlake-2", "aga", "oraclecloud.com"},
    {"us-sanjose-1", "sjc", "oraclecloud.com"},
    {"eu-frankfurt-2", "str", "oraclecloud.eu"},
    {"eu-madrid-2", "vll", "oraclecloud.eu"},
    {"ap-dcc-canberra-1", "wga", "oraclecloud10.com"},
    {"eu-dcc-dublin-1", "ork", "oraclecloud14.com"},
    {"eu-dcc-dublin-2", "snn", "oraclecloud14.com"},
    {"eu-dcc-milan-1", "bgy", "oraclecloud14.com"},
    {"eu-dcc-milan-2", "mxp", "oraclecloud14.com"},
    {"eu-dcc-rating-1", "dus", "oraclecloud14.com"},
    {"eu-dcc-rating-2", "dtm", "oraclecloud14.com"},
    {"ap-dcc-gazipur-1", "dac", "oraclecloud15.com"},
    {"eu-jovanovac-1", "beg", "oraclecloud20.com"},
    {"me-alrayyan-1", "vve", "oraclecloud21.com"},
    {"me-dcc-doha-1", "doh", "oraclecloud21.com"},
    {"us-somerset-1", "ebb", "oraclecloud23.com"},
    {"us-thames-1", "ebl", "oraclecloud23.com"},
    {"eu-crissier-1", "avf", "oraclecloud24.com"},
    {"eu-dcc-zurich-1", "avz", "oraclecloud24.com"},
    {"me-abudhabi-3", "ahu", "oraclecloud26.com"},
    {"me-alain-1", "rba", "oraclecloud26.com"},
    {"me-abudhabi-2", "rkt", "oraclecloud29.com"},
    {"me-abudhabi-4", "shj", "oraclecloud29.com"},
    {"ap-chuncheon-2", "bno", "oraclecloud35.com"},
    {"ap-seoul-2", "dtz", "oraclecloud35.com"},
    {"ap-suwon-1", "dln", "oraclecloud35.com"},
    {"us-ashburn-2", "yxj", "oraclecloud42.com"},
    {"us-newark-1", "pgc", "oraclecloud42.com"},
    {"eu-budapest-1", "jsk", "oraclecloud51.com"},
    {"sa-riodejaneiro-1", "hnw", "oraclecloud52.com"},
    {"ap-chiyoda-1", "nja", "oraclecloud8.com"},
    {"ap-ibaraki-1", "ukb", "oraclecloud8.com"},
    {"me-dcc-muscat-1", "mct", "oraclecloud9.com"},
    {"me-ibri-1", "ibr", "oraclecloud9.com"},
    {"us-gov-ashburn-1", "ric", "oraclegovcloud.com"},
    {"us-gov-chicago-1", "pia", "oraclegovcloud.com"},
    {"us-gov-phoenix-1", "tus", "oraclegovcloud.com"},
    {"us-langley-1", "lfi", "oraclegovcloud.com"},
    {"us-luke-1", "luf", "oraclegovcloud.com"},
    {"uk-gov-cardiff-1", "brs", "oraclegovcloud.uk"},
    {"uk-gov-london-1", "ltn", "oraclegovcloud.uk"},
};

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

using Json = nlohmann::json;

// The member `name`, compared without case: the metadata service and the files write it
// differently.
std::string Member(const Json& object, std::string_view name) {
  for (const auto& [key, value] : object.items()) {
    if (LowerCase(key) == name && value.is_string()) return LowerCase(value.get<std::string>());
  }
  return {};
}

RegionFacts FactsOf(const Json& json) {
  if (!json.is_object()) return {};
  return {Member(json, "regionidentifier"), Member(json, "regionkey"),
          Member(json, "realmdomaincomponent")};
}

void AddRegion(const Json& json, std::vector<RegionFacts>& regions) {
  RegionFacts region = FactsOf(json);
  if (!region.id.empty() && !region.domain.empty()) regions.push_back(std::move(region));
}

// A region, or a list of them. What is not understood adds nothing, as in the SDKs.
void AddRegions(const Json& json, std::vector<RegionFacts>& regions) {
  if (json.is_array()) {
    for (const Json& entry : json) AddRegion(entry, regions);
  } else {
    AddRegion(json, regions);
  }
}

std::vector<RegionFacts> AddedRegions(const Environment& environment) {
  std::vector<RegionFacts> regions;
  if (const auto text = environment("OCI_REGION_METADATA"))
    AddRegions(Json::parse(*text, nullptr, false), regions);
  if (const auto home = environment("HOME")) {
    std::ifstream in(*home + "/.oci/regions-config.json", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!text.empty()) AddRegions(Json::parse(text, nullptr, false), regions);
  }
  return regions;
}

std::optional<std::string> FindDomain(std::string_view region_id, const Environment& environment) {
  for (const Region& region : std::span(kRegions)) {
    if (region.id == region_id) return std::string(region.domain);
  }
  for (const RegionFacts& region : AddedRegions(environment)) {
    if (region.id == region_id) return region.domain;
  }
  return std::nullopt;
}

bool IsOn(std::string_view variable, const Environment& environment) {
  return LowerCase(environment(variable).value_or("")) == "true";
}

bool IsLabel(std::string_view text) {
  return !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
  });
}

bool IsHostName(std::string_view text) {
  for (auto dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
    if (!IsLabel(text.substr(0, dot))) return false;
    text.remove_prefix(dot + 1);
  }
  return IsLabel(text);
}

Result<std::string> OverTls(const std::string& host) {
  if (IsHostName(host)) return "https://" + host;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("OCI: '{}' is not a host name: check region and realm", host));
}

bool HoldsItsDomain(std::string_view region) { return region.find('.') != std::string_view::npos; }

}  // namespace

Environment ProcessEnvironment() {
  return [](std::string_view name) -> std::optional<std::string> {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody calls setenv
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

RegionFacts ParseRegionFacts(std::string_view json) {
  return FactsOf(Json::parse(json, nullptr, /*allow_exceptions=*/false));
}

std::string RegionId(std::string_view id_or_code, const Environment& environment) {
  std::string lower = LowerCase(id_or_code);
  for (const Region& region : std::span(kRegions)) {
    if (region.id == lower || region.code == lower) return std::string(region.id);
  }
  for (const RegionFacts& region : AddedRegions(environment)) {
    if (region.code == lower) return region.id;
  }
  return lower;
}

bool IsKnownRegion(std::string_view region_id, const Environment& environment) {
  return FindDomain(region_id, environment).has_value();
}

std::string RealmDomain(std::string_view region_id, const Environment& environment) {
  if (auto domain = FindDomain(region_id, environment)) return *std::move(domain);
  const std::optional<std::string> otherwise = environment("OCI_DEFAULT_REALM");
  return otherwise && !otherwise->empty() ? *otherwise : std::string(kCommercialDomain);
}

Result<std::string> ObjectStorageEndpoint(std::string_view id_or_code, std::string_view name_space,
                                          const Environment& environment) {
  const std::string region = RegionId(id_or_code, environment);
  if (HoldsItsDomain(region)) return OverTls("objectstorage." + region);
  const std::string domain = RealmDomain(region, environment);
  const bool dual_stack = IsOn("OCI_DUAL_STACK_ENDPOINT_ENABLED", environment);
  if (domain == kCommercialDomain &&
      IsOn("OCI_REALM_SPECIFIC_SERVICE_ENDPOINT_TEMPLATE_ENABLED", environment)) {
    // Without a namespace, as for asking its name, its label falls away.
    return OverTls(fmt::format("{}{}objectstorage.{}{}.oci.customer-oci.com", name_space,
                               name_space.empty() ? "" : ".", region, dual_stack ? ".ds" : ""));
  }
  return OverTls(fmt::format("objectstorage.{}{}.{}", region, dual_stack ? ".ds.oci" : "", domain));
}

Result<std::string> AuthEndpoint(std::string_view id_or_code, const Environment& environment) {
  const std::string region = RegionId(id_or_code, environment);
  if (HoldsItsDomain(region)) return OverTls("auth." + region);
  return OverTls(fmt::format("auth.{}.{}", region, RealmDomain(region, environment)));
}

Result<std::string> VaultEndpoint(std::string_view id_or_code, const Environment& environment) {
  const std::string region = RegionId(id_or_code, environment);
  if (HoldsItsDomain(region)) return OverTls("secrets.vaults." + region);
  return OverTls(fmt::format("secrets.vaults.{}.oci.{}", region, RealmDomain(region, environment)));
}

}  // namespace skybridge::oci
