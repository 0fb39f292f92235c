// Where the identity that signs OCI requests comes from: an API key, or a session token that another program renews.
#pragma once

#include <memory>

#include "backends/oci/config_file.h"
#include "backends/oci/signer.h"

namespace skybridge::oci {

// Safe from many threads.
class IdentityProvider {
 public:
  virtual ~IdentityProvider() = default;
  // Errors: kUnauthenticated, kPermissionDenied, kNotFound: what is wrong with the key or token file.
  virtual Result<std::shared_ptr<const Identity>> Current() = 0;
  // The service refused `refused` (401). True if Current() may now give another one, so that one more try makes sense.
  virtual bool Renew(const Identity& refused) = 0;
};

// An API key signs for ever; a security token ("oci session authenticate") is read again when its file changes.
// Errors: those of the key file; kUnauthenticated if the profile's fingerprint is not that of the key.
Result<std::unique_ptr<IdentityProvider>> MakeIdentityProvider(const Profile& profile, KeyFilePolicy policy);

}  // namespace skybridge::oci
