#include "backends/oci/vault.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/encoding.h"

namespace skybridge::oci {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kBundles = "/20190301/secretbundles";
constexpr int kAttempts = 3;
constexpr std::chrono::seconds kFirstPause{1};

std::string Selector(const VaultSecret& secret) {
  if (!secret.stage.empty()) return "stage=" + PercentEncode(secret.stage);
  if (!secret.version.empty()) return "versionNumber=" + PercentEncode(secret.version);
  return "stage=CURRENT";
}

Error Explained(Error error) {
  if (error.code == ErrorCode::kNotFound || error.code == ErrorCode::kContainerNotFound) {
    error.code = ErrorCode::kNotFound;
    error.Advise("it does not exist, or the policy lacks: read secret-bundles");
  }
  return error;
}

}  // namespace

Call MakeGetSecretBundle(std::string_view endpoint, const VaultSecret& secret) {
  Call call;
  call.http.operation = "oci.get_secret_bundle";
  if (!secret.secret_id.empty()) {
    call.http.method = "GET";
    call.http.url = fmt::format("{}{}/{}?{}", endpoint, kBundles, PercentEncode(secret.secret_id),
                                Selector(secret));
    return call;
  }
  call.http.method = "POST";
  call.signing = SigningProfile::kJsonBody;
  call.http.url =
      fmt::format("{}{}/actions/getByName?secretName={}&vaultId={}&{}", endpoint, kBundles,
                  PercentEncode(secret.name), PercentEncode(secret.vault_id), Selector(secret));
  return call;
}

Result<Secret> ParseSecretBundle(std::string_view body) {
  const auto bad = [] { return Fail(ErrorCode::kCorrupt, "the vault's answer holds no secret"); };
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("secretBundleContent")) return bad();
  const Json& content = json["secretBundleContent"];
  if (!content.is_object() || !content.contains("content") || !content["content"].is_string())
    return bad();
  auto bytes = Base64Decode(content["content"].get_ref<const std::string&>());
  if (!bytes) return bad();
  // The line end that a console or an editor adds is not part of anybody's password.
  bytes->erase(bytes->find_last_not_of("\r\n") + 1);
  Secret secret(*std::move(bytes));
  if (secret.empty()) return bad();
  return secret;
}

Result<Secret> Vault::Fetch(const VaultSecret& secret, const CallContext& context) {
  Clock& clock = client_.clock();
  std::chrono::milliseconds pause = kFirstPause;
  for (int attempt = 1;; ++attempt, pause *= 2) {
    auto response =
        client_.Send(MakeGetSecretBundle(endpoint_, secret), secret.Describe(), context);
    if (response) {
      const Secret wiped(std::move(response->body));
      return ParseSecretBundle(wiped.Reveal());
    }
    const Error& error = response.error();
    const MonotonicTime wake = clock.Now() + error.retry_after.value_or(pause);
    if (!error.retryable || attempt == kAttempts || wake >= context.deadline ||
        !clock.SleepUntil(wake, context.stop)) {
      return Fail(Explained(error));
    }
  }
}

}  // namespace skybridge::oci
