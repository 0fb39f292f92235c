// Verifies OCI request signatures: "Signature version 1", draft-cavage HTTP signatures, RSA-SHA256.
// Source: OCI documentation, "Request Signatures".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/mutex.h"
#include "core/result.h"
#include "tests/localcloud/oci_message.h"

namespace skybridge::localcloud::oci {

// Which headers a signature must cover besides the date, the request target and the host.
enum class SignedBody {
  kNone,        // GET, HEAD, DELETE; also PutObject and UploadPart, the two exemptions
  kRequired,    // every other POST, PUT and PATCH: content-length, content-type, x-content-sha256
  kFederation,  // as kRequired, by the key of a certificate ("/fed-x509"); the host need not be
                // signed
};

// Safe from many threads.
class OciAuthenticator {
 public:
  OciAuthenticator();
  ~OciAuthenticator();

  // `key_id` is "tenancy/user/fingerprint" or "ST$" and a token; `pem` holds a public key or a
  // private one. After `expires` the key id is refused.
  Status Register(std::string key_id, std::string_view pem,
                  std::optional<WallTime> expires = std::nullopt);
  // After this, requests signed by `key_id` are refused, as when a session token has expired.
  void Revoke(std::string_view key_id);

  // From now on requests signed by a token must carry and sign this opc-obo-token; "" ends that.
  void RequireDelegation(std::string token);

  // The key id that signed, or 401 NotAuthenticated. Nothing but the request's own bytes is looked
  // at.
  Outcome<std::string> Verify(const Request& request, SignedBody body, WallTime now) const;

 private:
  struct Keys;

  mutable Mutex mutex_;
  std::unique_ptr<Keys> keys_ GUARDED_BY(mutex_);
  std::string delegation_token_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::localcloud::oci
