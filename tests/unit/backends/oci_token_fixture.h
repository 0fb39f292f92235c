// What tests of token identities share: tokens with an end, an instance's certificate, an
// environment.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "backends/oci/region.h"
#include "core/clock.h"
#include "core/encoding.h"
#include "tests/unit/backends/oci_test_key.h"

namespace skybridge::oci::testing {

// A JSON Web Token that ends at `expires`; `name` makes it one of its own. The signature is none.
inline std::string MakeToken(std::string_view name, WallTime expires) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(expires.time_since_epoch()).count();
  return Base64UrlEncode(AsBytes(R"({"alg":"RS256"})")) + "." +
         Base64UrlEncode(AsBytes(fmt::format(R"({{"sub":"{}","exp":{}}})", name, seconds))) +
         ".c2ln";
}

// A self-signed certificate of the test key, as the metadata service would give it to an instance.
inline std::string MakeInstanceCertificate(const std::string& unit) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> key_text(
      BIO_new_mem_buf(kPkcs8.data(), static_cast<int>(kPkcs8.size())), &BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  for (const auto& [field, value] :
       {std::pair<const char*, std::string>("CN", "instance"), {"OU", unit}}) {
    X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.c_str()),
                               static_cast<int>(value.size()), -1, 0);
  }
  X509_set_issuer_name(certificate.get(), subject);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_X509(text.get(), certificate.get());
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

// An Environment over `variables`, which must outlive it.
inline Environment EnvironmentOf(const std::map<std::string, std::string>& variables) {
  return [&variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

}  // namespace skybridge::oci::testing
