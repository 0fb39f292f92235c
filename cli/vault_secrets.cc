#include "cli/vault_secrets.h"

#include <string>
#include <utility>
#include <vector>

#include "backends/azure/rotating_secret.h"
#include "backends/http/curl_transport.h"
#include "backends/oci/region.h"
#include "backends/oci/vault.h"
#include "cli/oci_identity.h"
#include "cli/trusted_certificates.h"

namespace skybridge::cli {
namespace {

// Members are destroyed from the last to the first.
class OpenedVault final : public SecretVault {
 public:
  OpenedVault(const Clock& clock, CurlOptions options) : transport_(clock, std::move(options)) {}

  HttpTransport& transport() { return transport_; }
  void Put(std::unique_ptr<oci::Vault> vault) { vault_ = std::move(vault); }
  Result<Secret> Fetch(const VaultSecret& secret, const CallContext& context) override {
    return vault_->Fetch(secret, context);
  }

 private:
  CurlTransport transport_;
  std::unique_ptr<oci::Vault> vault_;
};

Result<std::unique_ptr<azure::TokenSource>> SourceWith(const azure::ServicePrincipal& principal,
                                                       Secret secret, HttpTransport& transport,
                                                       Clock& clock) {
  azure::ServicePrincipal complete = principal;
  complete.client_secret = std::move(secret);
  auto made = azure::ServicePrincipalSource::Make(std::move(complete), transport, clock);
  if (!made) return Fail(std::move(made).error());
  return *std::move(made);
}

// The versions to try, in order.
std::vector<VaultSecret> Versions(const VaultSecret& secret) {
  const bool is_any = secret.version.empty() && (secret.stage.empty() || secret.stage == "CURRENT");
  if (!is_any) return {secret};
  std::vector<VaultSecret> versions;
  for (const char* stage : {"CURRENT", "LATEST", "PREVIOUS"}) {
    versions.push_back(secret);
    versions.back().stage = stage;
  }
  return versions;
}

}  // namespace

Result<std::unique_ptr<SecretVault>> OpenVault(const std::optional<VaultConfig>& config,
                                               const Environment& environment, Clock& clock,
                                               const CallContext& context) {
  if (!config) return nullptr;
  CurlOptions curl{.allow_plain_http = config->allow_http};
  const Status trusted = TrustCertificates(curl, config->ca_file, environment);
  if (!trusted && !config->endpoint.starts_with("http://")) return Fail(trusted.error());
  auto vault = std::make_unique<OpenedVault>(clock, curl);
  OciIdentity identity = TRY(MakeOciIdentity(
      {.auth = config->auth, .region = config->region, .needs_region = config->endpoint.empty()},
      {vault->transport(), environment, clock}, context));
  if (config->endpoint.empty() && identity.region.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "vault: neither a region nor an endpoint is configured");
  }
  std::string endpoint = config->endpoint;
  if (endpoint.empty()) endpoint = TRY(oci::VaultEndpoint(identity.region, identity.variables));
  vault->Put(std::make_unique<oci::Vault>(endpoint, vault->transport(),
                                          std::move(identity.provider), clock));
  return vault;
}

Result<std::unique_ptr<azure::TokenSource>> MakeServicePrincipalSource(
    PrincipalWithSecret request, HttpTransport& transport, const Environment& environment,
    Clock& clock, const CallContext& context) {
  const VaultSecret* kept = request.client_secret.vault_secret();
  if (kept == nullptr || request.vault == nullptr) {
    Secret secret = TRY(request.client_secret.Resolve(environment, nullptr, context));
    return SourceWith(request.principal, std::move(secret), transport, clock);
  }
  std::vector<azure::RotatingSecretSource::FetchSecret> versions;
  for (VaultSecret& version : Versions(*kept)) {
    versions.emplace_back([vault = request.vault, version = std::move(version)](
                              const CallContext& call) { return vault->Fetch(version, call); });
  }
  std::string description = "service principal " + request.principal.client_id + " with " +
                            request.client_secret.Describe();
  return std::make_unique<azure::RotatingSecretSource>(
      std::move(description), std::move(versions),
      [principal = std::move(request.principal), &transport, &clock](Secret secret) {
        return SourceWith(principal, std::move(secret), transport, clock);
      },
      clock);
}

}  // namespace skybridge::cli
