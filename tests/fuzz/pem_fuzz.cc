// Keys and certificates as PEM: OCI API keys, instance certificates, Azure client certificates.
#include <string>

#include "backends/azure/client_assertion.h"
#include "backends/oci/certificate.h"
#include "backends/private_key.h"
#include "tests/fuzz/fuzz_target.h"

namespace skybridge {

FUZZ_TARGET(pem) {
  // Without a pass phrase: deriving a key from one takes as long as the file demands.
  if (const auto key = PrivateKey::FromPem(input, "", "fuzz")) {
    fuzz::Require(key->fingerprint().size() == 47, "16 pairs joined by ':'");
    (void)key->Sign("message");
  }
  if (const auto leaf = oci::ParseLeafCertificate(input)) {
    fuzz::Require(!leaf->tenancy.empty(), "a leaf names its tenancy");
  }
  for (const std::string& body : oci::PemBodies(input)) {
    fuzz::Require(body.size() <= input.size(), "a body is a part of the text");
  }
  if (const auto assertion =
          azure::CertificateAssertion::Make({.pem = Secret(input), .send_chain = true})) {
    (void)(*assertion)->Make({.audience = "https://a/t", .client_id = "c", .now = WallTime{}});
  }
}

}  // namespace skybridge
