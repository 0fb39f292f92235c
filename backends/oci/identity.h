// Who signs OCI requests: one interface for every way to have an identity, and those ways that come
// from a profile.
//
// The others: instance_principal.h, resource_principal.h, workload_identity.h, delegation.h. Each
// gives snapshots that never change, so that a token and the key it is bound to always travel
// together.
#pragma once

#include <memory>
#include <string>

#include "backends/http_transport.h"
#include "backends/oci/config_file.h"
#include "backends/oci/key_file.h"
#include "backends/oci/signer.h"
#include "core/call_context.h"
#include "core/clock.h"

namespace skybridge::oci {

// Safe from many threads.
class IdentityProvider {
 public:
  virtual ~IdentityProvider() = default;
  // May talk to the issuer of tokens within the context. Errors: kUnauthenticated,
  // kPermissionDenied, kNotFound: what is wrong with the key, the token file or the issuer's
  // answer, of which callers of a store hear as AsIdentityFailure says; those of the transport.
  virtual Result<std::shared_ptr<const Identity>> Current(const CallContext& context) = 0;
  // The service refused `refused` (401). True if Current() may now give another one, so that one
  // more try makes sense.
  virtual bool Renew(const Identity& refused) = 0;
};

// Gives the same identity for ever: an API key, or nobody (without a key nothing is signed).
std::unique_ptr<IdentityProvider> MakeFixedIdentity(Identity identity);

struct ProfileIdentityOptions {
  Profile profile;
  KeyFilePolicy policy = KeyFilePolicy::kRefuseIfOthersMayRead;
  // "https://auth.us-ashburn-1.oraclecloud.com": renews session tokens. Empty: only the file does.
  std::string auth_endpoint = {};
};

// An API key signs for ever. A session token ("oci session authenticate") is read again when its
// file changes and exchanged for a fresh one before it ends; the fresh one stays in memory, the
// file is left to the tool that wrote it. `transport` and `clock` must outlive the provider. Sends
// nothing yet. Errors: those of the key file; kUnauthenticated if the profile's fingerprint is not
// that of the key; kInvalidArgument for a profile that names a principal.
Result<std::unique_ptr<IdentityProvider>> MakeIdentityProvider(
    const ProfileIdentityOptions& options, HttpTransport& transport, Clock& clock);

}  // namespace skybridge::oci
