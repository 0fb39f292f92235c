#include "backends/oci/signer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/digest.h"
#include "core/time_text.h"
#include "core/url.h"

namespace skybridge::oci {
namespace {

// What is signed of a URL.
struct Signed {
  std::string host;    // as in the Host header
  std::string target;  // path and query, byte for byte
};

Signed PartsOf(const std::string& url) {
  const auto parts = ParseUrl(url);
  if (!parts) return {};  // it cannot be sent either
  return {.host = parts->authority(),
          .target = parts->query.empty() ? parts->path : parts->path + "?" + parts->query};
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

std::string ValueOf(std::string_view name, const HttpRequest& request, const Signed& url) {
  if (name == "(request-target)") return LowerCase(request.method) + " " + url.target;
  if (name == "host") return url.host;
  if (name == "content-length") return std::to_string(request.body.size());
  return std::string(request.headers.Get(name));
}

}  // namespace

std::string SigningString(const HttpRequest& request, std::span<const std::string_view> names) {
  const Signed url = PartsOf(request.url);
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += '\n';
    text += name;
    text += ": ";
    text += ValueOf(name, request, url);
  }
  return text;
}

Status SignRequest(const Identity& identity, SigningProfile profile, WallTime now,
                   HttpRequest& request) {
  if (identity.key == nullptr) return {};
  request.headers.Set("date", FormatHttpDate(now));
  std::vector<std::string_view> names = {"date", "(request-target)", "host"};
  if (!identity.delegation_token.empty()) {
    request.headers.Set("opc-obo-token", identity.delegation_token);
    names.emplace_back("opc-obo-token");
  }
  if (profile == SigningProfile::kJsonBody) {
    request.headers.Set("content-type", "application/json");
    request.headers.Set("x-content-sha256", Base64Encode(Sha256(request.body)));
    names.insert(names.end(), {"content-length", "content-type", "x-content-sha256"});
  }
  const std::string signature = TRY(identity.key->Sign(SigningString(request, names)));
  request.headers.Set(
      "authorization",
      fmt::format(
          R"(Signature version="1",keyId="{}",algorithm="rsa-sha256",headers="{}",signature="{}")",
          identity.key_id, fmt::join(names, " "), Base64Encode(AsBytes(signature))));
  return {};
}

}  // namespace skybridge::oci
