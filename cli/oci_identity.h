// Makes the OCI identity that a configuration's `auth` describes.
#pragma once

#include <memory>
#include <string>

#include "backends/http_transport.h"
#include "backends/oci/identity.h"
#include "backends/oci/region.h"
#include "core/call_context.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/environment.h"
#include "core/vault_secret.h"

namespace skybridge::cli {

struct OciIdentity {
  std::unique_ptr<oci::IdentityProvider> provider;
  std::string description;     // for people; empty: nothing to tell
  std::string region;          // the configured one, else what the identity knows; may be empty
  oci::Environment variables;  // tell where the region's services are
};

struct OciIdentityRequest {
  const AuthConfig& auth;
  std::string region;         // configured; may be empty
  bool needs_region = false;  // an instance is asked for a region or realm that nothing here knows
};

// All except `vault` must outlive the identity; `vault` may be nullptr.
struct OciSurroundings {
  HttpTransport& transport;
  const Environment& environment;
  Clock& clock;
  SecretVault* vault = nullptr;
};

// Errors: what is wrong with profile, key or environment; those of the metadata service.
Result<OciIdentity> MakeOciIdentity(const OciIdentityRequest& request,
                                    const OciSurroundings& surroundings,
                                    const CallContext& context);

// The same variables in the form that backends/oci reads. `environment` must outlive it.
oci::Environment OciVariables(const Environment& environment);

}  // namespace skybridge::cli
