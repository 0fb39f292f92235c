#include "tests/support/self_signed.h"

#include <memory>
#include <utility>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "core/deleter.h"
#include "tests/support/seen_secrets.h"

namespace skybridge::testing {
namespace {

using BignumPtr = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Deleter<X509_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;

constexpr unsigned int kRsaBits = 2048;
constexpr int kSerialBits = 127;  // RFC 5280, 4.1.2.2: at most 20 octets, positive

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string KeyPem(EVP_PKEY* key, const std::string& pass_phrase) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  const EVP_CIPHER* cipher = pass_phrase.empty() ? nullptr : EVP_aes_256_cbc();
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, cipher, pass_phrase.data(),
                                static_cast<int>(pass_phrase.size()), nullptr, nullptr);
  return TextOf(bio.get());
}

// Random, since clients remember certificates by issuer and serial number.
void SetSerialNumber(X509* certificate) {
  const BignumPtr serial(BN_new());
  BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
  BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate));
}

bool AddExtension(X509* certificate, int nid, const std::string& value) {
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// What a server's certificate needs to be its own authority, under these names.
bool AddServer(X509* certificate, const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ",") + name;
  return AddExtension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
         AddExtension(certificate, NID_subject_alt_name, joined);
}

Result<std::string> CertificatePem(EVP_PKEY* key, const SelfSignedOptions& options) {
  const CertificatePtr certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  SetSerialNumber(certificate.get());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), options.begins.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), options.ends.count());
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(options.name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate.get(), subject);
  if (!options.names.empty() && !AddServer(certificate.get(), options.names))
    return Fail(ErrorCode::kInvalidArgument, "the names cannot stand in a certificate");
  if (X509_sign(certificate.get(), key, EVP_sha256()) == 0)
    return Fail(ErrorCode::kInternal, "cannot sign a certificate");
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate.get());
  return TextOf(bio.get());
}

}  // namespace

Result<SelfSigned> MakeSelfSigned(const SelfSignedOptions& options) {
  const KeyPtr key(options.elliptic ? EVP_EC_gen("P-256") : EVP_RSA_gen(kRsaBits));
  std::string certificate = TRY(CertificatePem(key.get(), options));
  SelfSigned made{.certificate_pem = std::move(certificate),
                  .key_pem = KeyPem(key.get(), ""),
                  .encrypted_key_pem = KeyPem(key.get(), options.pass_phrase)};
  NoteSecrets(SecretsOfKey(made.key_pem));
  NoteSecrets(SecretsOfKey(made.encrypted_key_pem));
  return made;
}

bool VerifyRs256(const std::string& certificate_pem, const std::string& text,
                 const std::string& signature) {
  const BioPtr bio(
      BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
  const CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  const DigestContextPtr context(EVP_MD_CTX_new());
  return certificate != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr,
                              X509_get0_pubkey(certificate.get())) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                          text.size()) == 1;
}

}  // namespace skybridge::testing
