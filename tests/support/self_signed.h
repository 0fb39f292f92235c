// A private key and a certificate for it, made when a test asks.
#pragma once

#include <string>

namespace skybridge::testing {

struct SelfSigned {
  std::string key_pem;            // PKCS #8, plain
  std::string encrypted_key_pem;  // the same, under `pass_phrase`
  std::string certificate_pem;
};

struct SelfSignedOptions {
  std::string name = "test";
  std::string pass_phrase = "open sesame";
  bool elliptic = false;  // P-256 instead of RSA 2048
};

SelfSigned MakeSelfSigned(const SelfSignedOptions& options = {});

// Whether `signature` is RSASSA-PKCS1-v1_5 with SHA-256 of `text`, by the key of the certificate.
bool VerifyRs256(const std::string& certificate_pem, const std::string& text,
                 const std::string& signature);

}  // namespace skybridge::testing
