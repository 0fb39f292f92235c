#include "backends/private_key.h"

#include <cstring>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "core/deleter.h"
#include "core/digest.h"
#include "core/encoding.h"

namespace skybridge {
namespace {

using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;

struct PassPhrase {
  std::string_view text;
  bool asked = false;
};

// Called by OpenSSL only when the key is encrypted.
int GivePassPhrase(char* buffer, int size, int /*for_writing*/, void* user) {
  auto* pass_phrase = static_cast<PassPhrase*>(user);
  pass_phrase->asked = true;
  if (pass_phrase->text.empty() || pass_phrase->text.size() > static_cast<std::size_t>(size))
    return -1;
  std::memcpy(buffer, pass_phrase->text.data(), pass_phrase->text.size());
  return static_cast<int>(pass_phrase->text.size());
}

Error KeyError(std::string_view origin, std::string_view reason) {
  ERR_clear_error();
  return Error{.code = ErrorCode::kUnauthenticated,
               .message = "private key " + std::string(origin) + ": " + std::string(reason)};
}

// SubjectPublicKeyInfo.
std::string PublicDer(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return {};
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

std::string FingerprintOf(EVP_PKEY* key) {
  const std::string hex = HexEncode(Md5(AsBytes(PublicDer(key))));
  std::string text;
  for (std::size_t i = 0; i < hex.size(); i += 2) text += (i == 0 ? "" : ":") + hex.substr(i, 2);
  return text;
}

}  // namespace

struct PrivateKey::Handle {
  KeyPtr key;
};

PrivateKey::PrivateKey(std::unique_ptr<Handle> handle, std::string fingerprint)
    : handle_(std::move(handle)), fingerprint_(std::move(fingerprint)) {}
PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

Result<PrivateKey> PrivateKey::FromPem(std::string_view pem, std::string_view pass_phrase,
                                       std::string_view origin) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return Fail(KeyError(origin, "is not a PEM private key"));  // no text at all
  PassPhrase phrase{.text = pass_phrase};
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &GivePassPhrase, &phrase));
  if (!key) {
    if (phrase.asked && pass_phrase.empty())
      return Fail(KeyError(origin, "is encrypted and no pass phrase is set"));
    if (phrase.asked) return Fail(KeyError(origin, "the pass phrase does not open it"));
    return Fail(KeyError(origin, "is not a PEM private key"));
  }
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA)
    return Fail(KeyError(origin, "is not an RSA key"));
  std::string fingerprint = FingerprintOf(key.get());
  return PrivateKey(std::make_unique<Handle>(Handle{std::move(key)}), std::move(fingerprint));
}

Result<PrivateKey> PrivateKey::Generate() {
  constexpr unsigned int kBits = 2048;
  KeyPtr key(EVP_RSA_gen(kBits));
  if (!key) {
    ERR_clear_error();
    return Fail(ErrorCode::kInternal, "an RSA key could not be made");
  }
  std::string fingerprint = FingerprintOf(key.get());
  return PrivateKey(std::make_unique<Handle>(Handle{std::move(key)}), std::move(fingerprint));
}

std::string PrivateKey::PublicKeyBase64() const {
  return Base64Encode(AsBytes(PublicDer(handle_->key.get())));
}

Result<std::string> PrivateKey::Sign(std::string_view message) const {
  const DigestContextPtr context(EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  std::size_t size = 0;
  std::string signature;
  if (context &&
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, handle_->key.get()) == 1 &&
      EVP_DigestSign(context.get(), nullptr, &size, bytes, message.size()) == 1) {
    signature.resize(size);
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       bytes, message.size()) == 1) {
      signature.resize(size);
      return signature;
    }
  }
  ERR_clear_error();
  return Fail(ErrorCode::kInternal, "RSA signature failed");
}

}  // namespace skybridge
