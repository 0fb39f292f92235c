#include "tests/support/azure_sas_signer.h"

#include <initializer_list>

#include <fmt/format.h>

#include "core/digest.h"
#include "core/encoding.h"

namespace skybridge::testing {
namespace {

constexpr std::string_view kVersion = "2023-11-03";

std::string Signed(std::string_view key, std::string_view text, const std::string& query) {
  const std::string bytes = Base64Decode(key).value();
  return query + "&sig=" + PercentEncode(Base64Encode(HmacSha256(AsBytes(bytes), AsBytes(text))));
}

std::string Lines(std::initializer_list<std::string_view> fields) {
  return fmt::format("{}", fmt::join(fields, "\n"));
}

std::string CommonQuery(const SasTerms& terms) {
  return fmt::format("sv={}&sp={}&se={}&spr={}", kVersion, terms.permissions,
                     PercentEncode(terms.expiry), PercentEncode(terms.protocols));
}

std::string Resource(const SasTerms& terms) {
  return fmt::format("/blob/{}/{}", terms.account, terms.container);
}

std::string Element(std::string_view xml, std::string_view name) {
  const std::string open = fmt::format("<{}>", name);
  const auto begin = xml.find(open);
  const auto end = xml.find(fmt::format("</{}>", name));
  if (begin == std::string_view::npos || end == std::string_view::npos) return {};
  return std::string(xml.substr(begin + open.size(), end - begin - open.size()));
}

}  // namespace

std::string SignAccountSas(std::string_view key, const SasTerms& terms) {
  // account, sp, ss, srt, st, se, sip, spr, sv, ses, and a line end
  const std::string text = Lines({terms.account, terms.permissions, "b", "sco", "", terms.expiry,
                                  "", terms.protocols, kVersion, "", ""});
  return Signed(key, text, CommonQuery(terms) + "&ss=b&srt=sco");
}

std::string SignServiceSas(std::string_view key, const SasTerms& terms) {
  // sp, st, se, resource, si, sip, spr, sv, sr, snapshot, ses, rscc, rscd, rsce, rscl, rsct
  const std::string text = Lines({terms.permissions, "", terms.expiry, Resource(terms), "", "",
                                  terms.protocols, kVersion, "c", "", "", "", "", "", "", ""});
  return Signed(key, text, CommonQuery(terms) + "&sr=c");
}

std::string SignUserDelegationSas(std::string_view key_reply, const SasTerms& terms) {
  const std::string object = Element(key_reply, "SignedOid");
  const std::string tenant = Element(key_reply, "SignedTid");
  const std::string start = Element(key_reply, "SignedStart");
  const std::string end = Element(key_reply, "SignedExpiry");
  const std::string service = Element(key_reply, "SignedService");
  const std::string version = Element(key_reply, "SignedVersion");
  // sp, st, se, resource, skoid, sktid, skt, ske, sks, skv, saoid, suoid, scid, sip, spr, sv, sr,
  // snapshot, ses, rscc, rscd, rsce, rscl, rsct
  const std::string text = Lines({terms.permissions,
                                  "",
                                  terms.expiry,
                                  Resource(terms),
                                  object,
                                  tenant,
                                  start,
                                  end,
                                  service,
                                  version,
                                  "",
                                  "",
                                  "",
                                  "",
                                  terms.protocols,
                                  kVersion,
                                  "c",
                                  "",
                                  "",
                                  "",
                                  "",
                                  "",
                                  "",
                                  ""});
  return Signed(
      Element(key_reply, "Value"), text,
      fmt::format("{}&sr=c&skoid={}&sktid={}&skt={}&ske={}&sks={}&skv={}", CommonQuery(terms),
                  object, tenant, PercentEncode(start), PercentEncode(end), service, version));
}

}  // namespace skybridge::testing
