// An RSA private key: signs OCI requests, and the statements by which an application proves itself
// to Microsoft Entra ID. Parsed once; signing costs about 0.6 ms of CPU for 2048 bits.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace skybridge {

// Immutable: safe from many threads.
class PrivateKey {
 public:
  // PKCS#1 or PKCS#8, encrypted or not; text after the END line is tolerated (keys downloaded from
  // the console end with "OCI_API_KEY"). `pass_phrase` is used only if the key is encrypted.
  // `origin` names the key in errors. Errors: kUnauthenticated (not a key, not RSA, wrong or
  // missing pass phrase); never holds key text.
  static Result<PrivateKey> FromPem(std::string_view pem, std::string_view pass_phrase,
                                    std::string_view origin);

  // A new key of 2048 bits (exponent 65537), as session tokens are bound to. Takes about 100 ms of
  // CPU.
  static Result<PrivateKey> Generate();

  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();

  // RSA PKCS#1 v1.5 with SHA-256; the binary signature.
  Result<std::string> Sign(std::string_view message) const;
  // MD5 of the public key (DER, SubjectPublicKeyInfo) as "95:58:b8:...": how OCI names an API key.
  const std::string& fingerprint() const { return fingerprint_; }
  // The public key (DER, SubjectPublicKeyInfo) in base64: a PEM without its armour.
  std::string PublicKeyBase64() const;

 private:
  struct Handle;
  PrivateKey(std::unique_ptr<Handle> handle, std::string fingerprint);

  std::unique_ptr<Handle> handle_;
  std::string fingerprint_;
};

}  // namespace skybridge
