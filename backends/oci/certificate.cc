#include "backends/oci/certificate.h"

#include <memory>
#include <optional>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/digest.h"
#include "core/encoding.h"

namespace skybridge::oci {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using X509Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

std::string_view View(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

// The value of the first attribute of the subject that begins with `prefix`, without it.
std::optional<std::string> SubjectValue(const X509* certificate, std::string_view prefix) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const std::string_view value = View(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));
    if (value.starts_with(prefix)) return std::string(value.substr(prefix.size()));
  }
  return std::nullopt;
}

std::string DerOf(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return {};
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

std::string ColonPairs(const std::string& hex) {
  std::string text;
  for (std::size_t i = 0; i < hex.size(); i += 2) text += (i == 0 ? "" : ":") + hex.substr(i, 2);
  return text;
}

}  // namespace

Result<LeafCertificate> ParseLeafCertificate(std::string_view pem) {
  const Bio text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  const X509Certificate certificate(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr),
                                    &X509_free);
  if (!certificate) {
    ERR_clear_error();
    return Fail(ErrorCode::kUnauthenticated, "the instance's certificate is not a PEM certificate");
  }
  auto tenancy = SubjectValue(certificate.get(), "opc-tenant:");
  if (!tenancy) tenancy = SubjectValue(certificate.get(), "opc-identity:");
  if (!tenancy || tenancy->empty()) {
    return Fail(ErrorCode::kUnauthenticated,
                "the instance's certificate names no tenancy (opc-tenant)");
  }
  const std::string der = DerOf(certificate.get());
  return LeafCertificate{.body_base64 = Base64Encode(AsBytes(der)),
                         .sha256_fingerprint = ColonPairs(HexEncode(Sha256(AsBytes(der)))),
                         .tenancy = *std::move(tenancy)};
}

std::vector<std::string> PemBodies(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  std::vector<std::string> bodies;
  for (auto begin = pem.find(kBegin); begin != std::string_view::npos;
       begin = pem.find(kBegin, begin)) {
    begin += kBegin.size();
    const auto end = pem.find(kEnd, begin);
    if (end == std::string_view::npos) break;
    std::string body;
    for (const char c : pem.substr(begin, end - begin)) {
      if (c != '\n' && c != '\r' && c != ' ') body += c;
    }
    bodies.push_back(std::move(body));
    begin = end;
  }
  return bodies;
}

}  // namespace skybridge::oci
