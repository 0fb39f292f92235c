// Chooses the credential of an Azure remote: the configured one, or the first identity that this
// machine has. Only the vault is contacted before the credential is used.
#pragma once

#include <memory>
#include <string>

#include "backends/azure/credential.h"
#include "backends/http_transport.h"
#include "core/call_context.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/environment.h"
#include "core/vault_secret.h"

namespace skybridge::cli {

struct AzureIdentityRequest {
  const AuthConfig& auth;  // not kAutomatic
  const AzureUri& uri;
  std::string account_endpoint = {};  // that of RemoteConfig
  HttpTransport& transport;           // both must outlive the credential
  Clock& clock;
  const Environment& environment;
  std::shared_ptr<SecretVault> vault = nullptr;  // for secrets that OCI Vault keeps; may be nullptr
  CallContext context = {};                      // of reading them
};

// Errors: those of reading the secrets; kInvalidArgument for a value that cannot be right.
Result<std::shared_ptr<azure::Credential>> MakeAzureCredential(const AzureIdentityRequest& request);

}  // namespace skybridge::cli
