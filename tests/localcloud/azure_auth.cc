#include "tests/localcloud/azure_auth.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_sas.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr std::chrono::minutes kMaxClockSkew{15};
constexpr std::string_view kFirstVersionWithTokens = "2017-11-09";

bool SameSecret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// "! # $ % & * . ^ _ ` | ~ + 0-9 a-z" is the order of the primary key.
int Weight(char c) {
  static constexpr std::string_view kOrder = "!#$%&*.^_`|~+0123456789abcdefghijklmnopqrstuvwxyz";
  const std::size_t at = kOrder.find(c);
  return at == std::string_view::npos ? static_cast<int>(kOrder.size()) : static_cast<int>(at);
}

bool IsMinor(char c) { return c == '-' || c == '\''; }

std::string FoldBlanks(std::string_view text) {
  std::string folded;
  for (const char c : Trim(text)) {
    const bool blank = c == ' ' || c == '\t';
    if (!blank) {
      folded += c;
    } else if (folded.back() != ' ') {
      folded += ' ';
    }
  }
  return folded;
}

std::string CanonicalHeaders(const HttpHeaders& headers) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& [name, value] : headers) {
    std::string lower = Lower(name);
    if (lower.starts_with("x-ms-")) fields.emplace_back(std::move(lower), FoldBlanks(value));
  }
  std::stable_sort(fields.begin(), fields.end(),
                   [](const auto& a, const auto& b) { return HeaderNameLess(a.first, b.first); });
  std::string text;
  for (const auto& [name, value] : fields) text += name + ':' + value + '\n';
  return text;
}

std::string CanonicalResource(const Request& request, const Target& target,
                              std::string_view account) {
  std::map<std::string, std::vector<std::string>> parameters;
  for (const auto& [name, value] : target.query.fields()) parameters[Lower(name)].push_back(value);
  std::string text =
      "/" + std::string(account) + (request.raw_path.empty() ? "/" : request.raw_path);
  for (auto& [name, values] : parameters) {
    std::sort(values.begin(), values.end());
    text += '\n' + name + ':';
    for (std::size_t i = 0; i < values.size(); ++i) text += (i == 0 ? "" : ",") + values[i];
  }
  return text;
}

[[noreturn]] void RefuseAuthentication(const std::string& detail) {
  throw Refusal{.status = 403,
                .code = "AuthenticationFailed",
                .message =
                    "Server failed to authenticate the request. Make sure the value of "
                    "Authorization header is "
                    "formed correctly including the signature.",
                .details = {{"AuthenticationErrorDetail", detail}}};
}

[[noreturn]] void RefuseToken(const std::string& code, const std::string& message) {
  Refusal refusal{.status = 401, .code = code, .message = message};
  AddTokenChallenge(refusal.headers);
  throw refusal;
}

void CheckDate(const Request& request, WallTime now) {
  const std::string_view text = request.headers.Get("x-ms-date", request.headers.Get("Date"));
  const auto date = ParseHttpDate(text);
  if (!date) RefuseAuthentication("The Date header in the request is incorrect.");
  const auto skew = now > *date ? now - *date : *date - now;
  if (skew > kMaxClockSkew) {
    RefuseAuthentication("Request date header too old: '" + std::string(text) +
                         "', the server's is '" + FormatHttpDate(now) + "'");
  }
}

std::string AuthorizeSharedKey(const AuthRequest& asked, std::string_view value) {
  const std::size_t colon = value.find(':');
  if (colon == std::string_view::npos || value.substr(0, colon) != asked.credentials.account) {
    RefuseAuthentication(
        "The account of the Authorization header is not the account of the resource.");
  }
  CheckDate(asked.request, asked.now);
  const std::string text =
      SharedKeyStringToSign(asked.request, asked.target, asked.credentials.account);
  const Sha256Digest signature = HmacSha256(AsBytes(asked.credentials.key), AsBytes(text));
  if (!SameSecret(Base64Encode(signature), value.substr(colon + 1))) {
    RefuseAuthentication(
        "The MAC signature found in the HTTP request is not the same as any computed signature. "
        "Server used following string to sign: '" +
        text + "'.");
  }
  return "$superuser";
}

std::string AuthorizeBearer(const AuthRequest& asked, std::string_view token,
                            const TokenIssuer& issuer) {
  if (asked.request.headers.Get("x-ms-version") < kFirstVersionWithTokens) {
    RefuseToken("InvalidAuthenticationInfo", "Tokens need a newer x-ms-version.");
  }
  TokenIssuer::Claims claims;
  if (!issuer.Read(token, claims)) {
    RefuseToken("InvalidAuthenticationInfo",
                "Authentication information is not given in the correct format.");
  }
  if (asked.request.tokens_expired || asked.now >= claims.expires) {
    RefuseToken("InvalidAuthenticationInfo", "Lifetime validation failed. The token is expired.");
  }
  return claims.object_id;
}

}  // namespace

TokenIssuer::TokenIssuer() : secret_(32, '\0') {
  RAND_bytes(reinterpret_cast<unsigned char*>(secret_.data()), static_cast<int>(secret_.size()));
}

std::string TokenIssuer::Issue(std::string_view object_id, std::string_view tenant_id, WallTime now,
                               WallTime expires) const {
  const auto seconds = [](WallTime time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  };
  const nlohmann::json claims{{"aud", "https://storage.azure.com"},
                              {"oid", object_id},
                              {"tid", tenant_id},
                              {"nbf", seconds(now)},
                              {"exp", seconds(expires)},
                              {"jti", NewGuid()}};
  const std::string signed_part = Base64UrlEncode(AsBytes(R"({"alg":"HS256","typ":"JWT"})")) + '.' +
                                  Base64UrlEncode(AsBytes(claims.dump()));
  return signed_part + '.' + Base64UrlEncode(HmacSha256(AsBytes(secret_), AsBytes(signed_part)));
}

bool TokenIssuer::Read(std::string_view token, Claims& claims) const {
  const std::size_t last_dot = token.rfind('.');
  if (last_dot == std::string_view::npos) return false;
  const std::string_view signed_part = token.substr(0, last_dot);
  const std::string expected = Base64UrlEncode(HmacSha256(AsBytes(secret_), AsBytes(signed_part)));
  if (!SameSecret(expected, token.substr(last_dot + 1))) return false;
  const auto payload = Base64UrlDecode(signed_part.substr(signed_part.find('.') + 1));
  const auto json =
      nlohmann::json::parse(payload.value_or(""), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return false;
  claims.object_id = json.value("oid", "");
  claims.tenant_id = json.value("tid", "");
  claims.expires = WallTime(std::chrono::seconds(json.value("exp", std::int64_t{0})));
  return true;
}

std::string TokenIssuer::DelegationKey(std::string_view signed_fields) const {
  return Base64Encode(
      HmacSha256(AsBytes(secret_), AsBytes("delegation\n" + std::string(signed_fields))));
}

bool HeaderNameLess(std::string_view a, std::string_view b) {
  std::string major_a;
  std::string major_b;
  std::copy_if(a.begin(), a.end(), std::back_inserter(major_a), [](char c) { return !IsMinor(c); });
  std::copy_if(b.begin(), b.end(), std::back_inserter(major_b), [](char c) { return !IsMinor(c); });
  for (std::size_t i = 0; i < std::min(major_a.size(), major_b.size()); ++i) {
    if (Weight(major_a[i]) != Weight(major_b[i])) return Weight(major_a[i]) < Weight(major_b[i]);
  }
  if (major_a.size() != major_b.size()) return major_a.size() < major_b.size();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (IsMinor(a[i]) != IsMinor(b[i])) return !IsMinor(a[i]);  // the earlier hyphen sorts later
  }
  return a.size() < b.size();
}

std::string SharedKeyStringToSign(const Request& request, const Target& target,
                                  std::string_view account) {
  const HttpHeaders& headers = request.headers;
  const std::string_view length = headers.Get("Content-Length");
  std::string text = request.method + '\n';
  text += std::string(headers.Get("Content-Encoding")) + '\n';
  text += std::string(headers.Get("Content-Language")) + '\n';
  text += std::string(length == "0" ? "" : length) + '\n';
  text += std::string(headers.Get("Content-MD5")) + '\n';
  text += std::string(headers.Get("Content-Type")) + '\n';
  text += (headers.Find("x-ms-date") != nullptr ? "" : std::string(headers.Get("Date"))) + '\n';
  text += std::string(headers.Get("If-Modified-Since")) + '\n';
  text += std::string(headers.Get("If-Match")) + '\n';
  text += std::string(headers.Get("If-None-Match")) + '\n';
  text += std::string(headers.Get("If-Unmodified-Since")) + '\n';
  text += std::string(headers.Get("Range")) + '\n';
  return text + CanonicalHeaders(headers) + CanonicalResource(request, target, account);
}

std::string Authorize(const AuthRequest& asked, const TokenIssuer& issuer) {
  const std::string_view header = asked.request.headers.Get("Authorization");
  if (header.starts_with("SharedKey ")) return AuthorizeSharedKey(asked, header.substr(10));
  if (header.starts_with("Bearer ")) return AuthorizeBearer(asked, header.substr(7), issuer);
  if (!header.empty()) {
    Refuse(400, "InvalidAuthenticationInfo",
           "Authentication information is not given in the correct format.");
  }
  if (asked.target.query.Has("sig")) return AuthorizeSas(asked, issuer);
  RefuseToken("NoAuthenticationInformation",
              "Server failed to authenticate the request. Please refer to the information in the "
              "www-authenticate header.");
}

}  // namespace skybridge::localcloud::azure
