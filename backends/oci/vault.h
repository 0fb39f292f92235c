// Vault: reads secrets of OCI Vault with an OCI identity.
// Source: OCI API reference, "Secret Retrieval API" (20190301): GetSecretBundle,
// GetSecretBundleByName.
#pragma once

#include <memory>
#include <string>

#include "backends/oci/client.h"
#include "core/vault_secret.h"

namespace skybridge::oci {

class Vault final : public SecretVault {
 public:
  // `endpoint` is scheme://host[:port] (VaultEndpoint of the vault's region). `transport` and
  // `clock` must outlive it.
  Vault(std::string endpoint, HttpTransport& transport,
        std::unique_ptr<IdentityProvider> identities, Clock& clock)
      : endpoint_(std::move(endpoint)), client_(transport, std::move(identities), clock) {}

  // Three attempts, 1 s and 2 s apart unless the service names a time.
  Result<Secret> Fetch(const VaultSecret& secret, const CallContext& context) override;

 private:
  const std::string endpoint_;
  Client client_;
};

// The request that Fetch sends. No selector: the service gives CURRENT.
Call MakeGetSecretBundle(std::string_view endpoint, const VaultSecret& secret);
// The secret of a reply. Errors: kCorrupt, without any of its text.
Result<Secret> ParseSecretBundle(std::string_view body);

}  // namespace skybridge::oci
