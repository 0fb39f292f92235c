// What instance-principal federation needs of X.509 certificates: their text for JSON, a
// fingerprint, and whose they are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace skybridge::oci {

struct LeafCertificate {
  std::string body_base64;         // the PEM without armour and line ends
  std::string sha256_fingerprint;  // of the DER, lower-case hex pairs joined by ':'
  std::string tenancy;  // the OCID after "opc-tenant:" (or "opc-identity:") in the subject
};

// Errors: kUnauthenticated (no certificate, or one that names no tenancy).
Result<LeafCertificate> ParseLeafCertificate(std::string_view pem);

// The body of every certificate of a chain, in order; empty for an empty text.
std::vector<std::string> PemBodies(std::string_view pem);

}  // namespace skybridge::oci
