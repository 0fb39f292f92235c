#include "tests/localcloud/azure_client_proof.h"

#include <chrono>
#include <memory>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <nlohmann/json.hpp>

#include "core/deleter.h"
#include "core/encoding.h"

namespace skybridge::localcloud::azure {
namespace {

using Json = nlohmann::json;

using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using CertificatePtr = std::unique_ptr<X509, Deleter<X509_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;

constexpr std::string_view kJwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

// Clients round their time to seconds, and no two clocks are equal.
constexpr std::chrono::minutes kAllowedSkew{5};

CertificatePtr ReadCertificate(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return CertificatePtr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

std::string Thumbprint(X509* certificate, const EVP_MD* algorithm) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  X509_digest(certificate, algorithm, reinterpret_cast<unsigned char*>(digest.data()), &size);
  digest.resize(size);
  return Base64UrlEncode(AsBytes(digest));
}

// PS256 (RSASSA-PSS, which new clients use) or RS256.
bool IsSignedBy(X509* certificate, std::string_view algorithm, std::string_view text,
                std::string_view signature) {
  const DigestContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;  // of the context
  const int padding = algorithm == "PS256" ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
  return EVP_DigestVerifyInit(context.get(), &parameters, EVP_sha256(), nullptr,
                              X509_get0_pubkey(certificate)) == 1 &&
         EVP_PKEY_CTX_set_rsa_padding(parameters, padding) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                          text.size()) == 1;
}

Json ParsePart(std::string_view part) {
  const auto text = Base64UrlDecode(part);
  return Json::parse(text.value_or(""), nullptr, /*allow_exceptions=*/false);
}

std::string TextOf(const Json& object, const char* name) {
  return object.is_object() && object.contains(name) && object[name].is_string()
             ? object[name].get<std::string>()
             : std::string();
}

WallTime TimeOf(const Json& object, const char* name) {
  const bool known = object.is_object() && object.contains(name) && object[name].is_number();
  return WallTime(std::chrono::seconds(known ? object[name].get<std::int64_t>() : 0));
}

bool NamesCertificate(const Json& header, X509* certificate) {
  const std::string sha256 = TextOf(header, "x5t#S256");
  if (!sha256.empty()) return sha256 == Thumbprint(certificate, EVP_sha256());
  return TextOf(header, "x5t") == Thumbprint(certificate, EVP_sha1());
}

std::optional<ProofRefusal> CheckJwt(const std::string& jwt, const ServicePrincipal& principal,
                                     const std::string& token_path, WallTime now) {
  const std::size_t first = jwt.find('.');
  const std::size_t last = jwt.rfind('.');
  if (first == std::string::npos || first == last) {
    return ProofRefusal{.number = 50027, .text = "JWT token is invalid or malformed."};
  }
  const Json header = ParsePart(std::string_view(jwt).substr(0, first));
  const Json claims = ParsePart(std::string_view(jwt).substr(first + 1, last - first - 1));
  const auto signature = Base64UrlDecode(std::string_view(jwt).substr(last + 1));
  const CertificatePtr certificate = ReadCertificate(principal.certificate_pem);
  const std::string algorithm = TextOf(header, "alg");
  if (certificate == nullptr || (algorithm != "RS256" && algorithm != "PS256") || !signature ||
      !NamesCertificate(header, certificate.get()) ||
      !IsSignedBy(certificate.get(), algorithm, jwt.substr(0, last), *signature)) {
    return ProofRefusal{.number = 700027, .text = "Client assertion failed signature validation."};
  }
  if (TextOf(claims, "iss") != principal.client_id ||
      TextOf(claims, "sub") != principal.client_id) {
    return ProofRefusal{.number = 700021, .text = "Issuer and subject are not the application."};
  }
  if (!TextOf(claims, "aud").ends_with(token_path)) {
    return ProofRefusal{.number = 700023,
                        .text = "Client assertion audience is not this endpoint."};
  }
  if (now + kAllowedSkew < TimeOf(claims, "nbf") || now >= TimeOf(claims, "exp")) {
    return ProofRefusal{.number = 700024,
                        .text = "Client assertion is not within its valid time range."};
  }
  return std::nullopt;
}

}  // namespace

std::optional<ProofRefusal> CheckClientProof(const Query& form, const ServicePrincipal& principal,
                                             const std::string& token_path, WallTime now) {
  if (!form.Has("client_assertion")) {
    const std::string secret = form.Get("client_secret");
    if (!secret.empty() && secret == principal.client_secret) return std::nullopt;
    return ProofRefusal{.number = 7000215, .text = "Invalid client secret provided."};
  }
  if (form.Get("client_assertion_type") != kJwtBearer) {
    return ProofRefusal{.status = 400, .number = 900144, .text = "client_assertion_type is wrong."};
  }
  const std::string assertion = form.Get("client_assertion");
  if (!principal.federated_token.empty() && assertion == principal.federated_token) {
    return std::nullopt;
  }
  if (!principal.certificate_pem.empty()) return CheckJwt(assertion, principal, token_path, now);
  return ProofRefusal{.number = 70021, .text = "No matching federated identity record found."};
}

}  // namespace skybridge::localcloud::azure
