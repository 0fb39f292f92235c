#include "backends/oci/token_claims.h"

#include <cstdint>

#include <nlohmann/json.hpp>

#include "core/encoding.h"

namespace skybridge::oci {
namespace {

using Json = nlohmann::json;

// The year 9999: later times do not fit the nanoseconds of a WallTime.
constexpr std::int64_t kLatestSeconds = 9'000'000'000;

std::string Text(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

TokenClaims ParseTokenClaims(std::string_view token) {
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) return {};
  const auto payload = Base64UrlDecode(token.substr(first + 1, second - first - 1));
  if (!payload) return {};
  const Json json = Json::parse(*payload, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return {};
  TokenClaims claims;
  const auto expires = json.find("exp");
  if (expires != json.end() && expires->is_number()) {
    const auto seconds = expires->get<double>();
    if (seconds > 0 && seconds < static_cast<double>(kLatestSeconds)) {
      claims.expires = WallTime(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
    }
  }
  claims.tenancy = Text(json, "res_tenant");
  if (claims.tenancy.empty()) claims.tenancy = Text(json, "tenant");
  return claims;
}

}  // namespace skybridge::oci
