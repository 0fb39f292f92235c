// OCI request signing: "Signature version 1" (HTTP Signatures draft-cavage-08), RSA PKCS#1 v1.5
// with SHA-256. Source: "Request Signatures" (Oracle documentation); confirmed against the
// TypeScript and Python SDK signers.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "backends/http_transport.h"
#include "backends/private_key.h"
#include "core/clock.h"

namespace skybridge::oci {

// Who signs: a snapshot that never changes, so that token and key always belong together.
struct Identity {
  std::string key_id;  // "{tenancy}/{user}/{fingerprint}", or "ST$" and a token (then a secret)
  std::shared_ptr<const PrivateKey>
      key;  // none: requests go out unsigned (pre-authenticated requests, public buckets)
  std::optional<WallTime> expires = {};  // none: never, or not known
  std::string delegation_token =
      {};  // secret; sent and signed as opc-obo-token ("on behalf of") unless empty
};

// Which headers the service demands in the signature.
enum class SigningProfile {
  kGeneric,   // GET, HEAD, DELETE: date (request-target) host
  kJsonBody,  // POST and PUT with a JSON or empty body: also content-length, content-type,
              // x-content-sha256
  kRawBody,   // PutObject and UploadPart: as kGeneric, the body is not signed (its checksum headers
              // prove it)
};

// The text that is signed: one line for each of `names` (lower case; "(request-target)" included),
// in that order. Host and Content-Length come from the URL and the body, everything else from the
// headers.
std::string SigningString(const HttpRequest& request, std::span<const std::string_view> names);

// Adds (or replaces, when a request is sent again) Date, Authorization and, for kJsonBody,
// Content-Type and x-content-sha256; opc-obo-token where the identity has one. Without a key
// nothing is added. The URL must be in its final form: its bytes are what is signed.
Status SignRequest(const Identity& identity, SigningProfile profile, WallTime now,
                   HttpRequest& request);

}  // namespace skybridge::oci
