// Locations, endpoints and secret references, as people and configurations write them.
#include <string>

#include <fmt/format.h>

#include "backends/azure/url.h"
#include "backends/http/endpoint.h"
#include "core/secret_reference.h"
#include "core/service_endpoint.h"
#include "core/uri.h"
#include "core/vault_secret.h"
#include "tests/fuzz/fuzz_target.h"

namespace skybridge {
namespace {

// No query of a location reaches a message: it may be a SAS token.
constexpr std::string_view kSignature = "SECRETSECRET";

void CheckLocations(std::string_view text) {
  if (const auto uri = ParseUri(text)) {
    const auto again = ParseUri(ToString(*uri));
    const bool is_directory = std::holds_alternative<LocalDirectory>(*uri);
    fuzz::Require(is_directory || (again && *again == *uri), "a URI is written as it was read");
  }
  const auto location = ParseLocation(text);
  fuzz::Require(!location || ToString(*location).find('\0') == std::string::npos, "no NUL");
  if (const auto remote = ParseRemoteLocation(text)) ToString(*remote);
  if (const auto key = ParseKey(text)) {
    fuzz::Require(!key->path.starts_with('/') && !key->path.ends_with('/'), "no slash at the ends");
    fuzz::Require(ParseKey(key->path) == *key, "a key is a path");
  }
  if (text.find(kSignature) != std::string_view::npos) return;
  const auto with_secret = ParseUri(fmt::format("{}?sig={}", text, kSignature));
  fuzz::Require(with_secret || with_secret.error().message.find(kSignature) == std::string::npos,
                "a query stays out of messages");
}

// Where both understand a URL, a secret over plain http goes nowhere but to this machine.
void CheckSecrets(const std::string& url) {
  const auto endpoint = ParseEndpoint(url);
  if (!endpoint || endpoint->scheme != "http") return;
  fuzz::Require(!azure::IsSafeForSecrets(url) || endpoint->is_local,
                "plain http with a secret stays on this machine");
}

}  // namespace

FUZZ_TARGET(uri) {
  CheckLocations(input);
  CheckSecrets(std::string(input));
  for (const EndpointPath path : {EndpointPath::kRefused, EndpointPath::kAllowed}) {
    const auto endpoint = ParseServiceEndpoint(input, path);
    if (!endpoint) continue;
    const auto again = ParseServiceEndpoint(endpoint->url, path);
    fuzz::Require(again && again->url == endpoint->url, "an endpoint is written as it was read");
  }
  if (const auto secret = ParseVaultSecret(input)) {
    const auto again = ParseVaultSecret(secret->Describe().substr(std::string("ocivault:").size()));
    fuzz::Require(again && again->Describe() == secret->Describe(), "a reference is itself");
  }
  if (const auto reference = SecretReference::Parse(input, "key")) {
    const bool literal = reference->kind() == SecretReference::Kind::kLiteral;
    fuzz::Require(!literal || reference->Describe() == "the value of key", "a literal is not told");
  }
}

}  // namespace skybridge
