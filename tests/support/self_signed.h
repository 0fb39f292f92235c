// A private key and a certificate for it, made when somebody asks: for a server that speaks TLS
// (its clients then trust the certificate as an authority), or for an application that signs.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/result.h"

namespace skybridge::testing {

struct SelfSigned {
  std::string certificate_pem;
  std::string key_pem;            // PKCS #8, plain
  std::string encrypted_key_pem;  // the same, under `pass_phrase`
};

struct SelfSignedOptions {
  std::string name = "test";
  // Of a server: subject alternative names, in OpenSSL's spelling ("DNS:localhost",
  // "IP:127.0.0.1").
  std::vector<std::string> names = {};
  bool elliptic = false;  // P-256 instead of RSA 2048
  std::string pass_phrase = "open sesame";
  // The time of validity, from now.
  std::chrono::seconds begins = -std::chrono::hours(1);
  std::chrono::seconds ends = std::chrono::hours(24 * 365);
};

// A new key each time. kInvalidArgument for names that cannot stand in a certificate.
Result<SelfSigned> MakeSelfSigned(const SelfSignedOptions& options = {});

// Whether `signature` is RSASSA-PKCS1-v1_5 with SHA-256 of `text`, by the key of the certificate.
bool VerifyRs256(const std::string& certificate_pem, const std::string& text,
                 const std::string& signature);

}  // namespace skybridge::testing
