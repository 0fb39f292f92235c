#include "tests/localcloud/tls_identity.h"

#include <memory>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace skybridge::localcloud {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using BignumPtr = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Deleter<X509_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;

constexpr int kSerialBits = 127;  // RFC 5280, 4.1.2.2: at most 20 octets, positive

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
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

std::string Join(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ",") + name;
  return joined;
}

}  // namespace

Result<TlsIdentity> MakeTlsIdentity(const TlsIdentityOptions& options) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const CertificatePtr certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  SetSerialNumber(certificate.get());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), options.begins.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), options.ends.count());
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localcloud"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  if (!AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE") ||
      !AddExtension(certificate.get(), NID_subject_alt_name, Join(options.names))) {
    return Fail(ErrorCode::kInvalidArgument, "not names for a certificate: " + Join(options.names));
  }
  if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0)
    return Fail(ErrorCode::kInternal, "cannot sign a certificate");
  const BioPtr certificate_text(BIO_new(BIO_s_mem()));
  const BioPtr key_text(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(certificate_text.get(), certificate.get());
  PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return TlsIdentity{.certificate_pem = TextOf(certificate_text.get()),
                     .key_pem = TextOf(key_text.get())};
}

}  // namespace skybridge::localcloud
