// Secrets that OCI Vault keeps, for the stores of either cloud.
#pragma once

#include <memory>
#include <optional>

#include "backends/azure/oauth.h"
#include "core/call_context.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/environment.h"
#include "core/vault_secret.h"

namespace skybridge::cli {

// The configured vault, with a transport of its own; nullptr where none is configured. It reads no
// secret yet. `environment` and `clock` must outlive it.
Result<std::unique_ptr<SecretVault>> OpenVault(const std::optional<VaultConfig>& config,
                                               const Environment& environment, Clock& clock,
                                               const CallContext& context);

struct PrincipalWithSecret {
  azure::ServicePrincipal principal;  // without its secret
  SecretReference client_secret;
  std::shared_ptr<SecretVault> vault;  // may be nullptr
};

// A source of Azure tokens. A secret of the vault that Azure refuses is fetched again: the current
// version, then the latest and the previous one, unless the reference names a version or another
// stage.
Result<std::unique_ptr<azure::TokenSource>> MakeServicePrincipalSource(
    PrincipalWithSecret request, HttpTransport& transport, const Environment& environment,
    Clock& clock, const CallContext& context);

}  // namespace skybridge::cli
