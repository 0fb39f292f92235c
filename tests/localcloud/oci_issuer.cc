#include "tests/localcloud/oci_issuer.h"

#include <array>
#include <new>
#include <utility>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "core/encoding.h"

namespace skybridge::localcloud::oci {
namespace {

using nlohmann::json;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

constexpr std::string_view kMetadataPath = "/opc/v2/";
constexpr std::string_view kFederationPath = "/v1/x509";
constexpr std::string_view kRefreshPath = "/v1/authentication/refresh";
constexpr std::string_view kResourceTokenPath = "/20180711/resourcePrincipalToken/";
constexpr std::string_view kResourceSessionPath = "/v1/resourcePrincipalSessionToken";
constexpr std::string_view kWorkloadPath = "/resourcePrincipalSessionTokens";

tl::unexpected<OciFailure> NotAuthenticated(std::string_view why) {
  return Refuse(401, "NotAuthenticated", std::string(why));
}
tl::unexpected<OciFailure> BadRequest(std::string_view why) {
  return Refuse(400, "InvalidParameter", std::string(why));
}

std::string TextOf(const Bio& bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

std::string PrivatePem(EVP_PKEY* key) {
  const Bio text(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_PrivateKey(text.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return TextOf(text);
}

std::string PublicPem(EVP_PKEY* key) {
  const Bio text(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_PUBKEY(text.get(), key);
  return TextOf(text);
}

std::string CertificatePem(X509* certificate) {
  const Bio text(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_X509(text.get(), certificate);
  return TextOf(text);
}

void AddName(X509_NAME* name, const char* field, const std::string& value) {
  X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(value.c_str()),
                             static_cast<int>(value.size()), -1, 0);
}

Key MakeKey() {
  Key key(EVP_RSA_gen(2048), &EVP_PKEY_free);
  if (key == nullptr) throw std::bad_alloc();
  return key;
}

// Of `key`, signed by `signer`; valid for a day.
Certificate MakeCertificate(const std::string& unit, EVP_PKEY* key, EVP_PKEY* signer, long serial) {
  constexpr long kDay = 86'400;
  Certificate certificate(X509_new(), &X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kDay);
  AddName(X509_get_subject_name(certificate.get()), "CN", "localcloud");
  AddName(X509_get_subject_name(certificate.get()), "OU", unit);
  AddName(X509_get_issuer_name(certificate.get()), "CN", "localcloud authority");
  X509_set_pubkey(certificate.get(), key);
  X509_sign(certificate.get(), signer, EVP_sha256());
  return certificate;
}

// Hex pairs joined by ':'.
std::string Fingerprint(std::string_view der, const EVP_MD* algorithm, bool upper) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(der.data(), der.size(), digest.data(), &size, algorithm, nullptr);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    if (i > 0) text += ':';
    text += upper ? fmt::format("{:02X}", digest[i]) : fmt::format("{:02x}", digest[i]);
  }
  return text;
}

std::string Text(const json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

json ParseBody(const Request& request) { return json::parse(request.body, nullptr, false); }

// The public key of a base64 SubjectPublicKeyInfo as PEM; "" if it is none.
std::string PemOfPublicKey(std::string_view base64) {
  const auto der = Base64Decode(base64);
  if (!der) return {};
  const auto* bytes = reinterpret_cast<const unsigned char*>(der->data());
  const Key key(d2i_PUBKEY(nullptr, &bytes, static_cast<long>(der->size())), &EVP_PKEY_free);
  return key == nullptr ? std::string() : PublicPem(key.get());
}

Response TokenReply(const std::string& token) {
  return JsonResponse(200, json{{"token", token}}.dump());
}

Response PlainText(std::string text) {
  Response response{.status = 200, .body = std::move(text)};
  response.headers.Add("Content-Type", "text/plain");
  return response;
}

}  // namespace

struct OciIssuer::Certificates {
  Key authority_key{nullptr, &EVP_PKEY_free};
  Certificate authority{nullptr, &X509_free};
  Key leaf_key{nullptr, &EVP_PKEY_free};
  Certificate leaf{nullptr, &X509_free};
  long serial = 1;
};

OciIssuer::OciIssuer(IssuerOptions options, OciAuthenticator& authenticator)
    : options_(std::move(options)),
      authenticator_(authenticator),
      certificates_(std::make_unique<Certificates>()) {}
OciIssuer::~OciIssuer() = default;

OciIssuer::Certificates& OciIssuer::Made() {
  Certificates& made = *certificates_;
  if (made.authority_key == nullptr) {
    made.authority_key = MakeKey();
    made.authority = MakeCertificate("authority", made.authority_key.get(),
                                     made.authority_key.get(), made.serial++);
    MakeLeaf(made);
  }
  return made;
}

void OciIssuer::MakeLeaf(Certificates& made) {
  made.leaf_key = MakeKey();
  made.leaf = MakeCertificate("opc-tenant:" + options_.tenancy, made.leaf_key.get(),
                              made.authority_key.get(), made.serial++);
}

void OciIssuer::RotateCertificate() {
  const MutexLock lock(mutex_);
  MakeLeaf(Made());
}

void OciIssuer::ExpireTokens() {
  const MutexLock lock(mutex_);
  for (const auto& [token, pem] : tokens_) authenticator_.Revoke("ST$" + token);
  tokens_.clear();
}

std::string_view OciIssuer::OperationOf(const Request& request) {
  const std::string_view path = request.raw_path;
  if (path.starts_with(kMetadataPath)) return "oci.instance_metadata";
  if (path == kFederationPath) return "oci.federate";
  if (path == kRefreshPath) return "oci.refresh_session";
  if (path.starts_with(kResourceTokenPath)) return "oci.resource_principal_token";
  if (path == kResourceSessionPath) return "oci.resource_principal_session";
  if (path == kWorkloadPath) return "oci.workload_identity";
  return {};
}

Outcome<Response> OciIssuer::Handle(const Request& request, WallTime now) {
  const std::string_view path = request.raw_path;
  if (path.starts_with(kMetadataPath)) {
    return Metadata(request, path.substr(kMetadataPath.size()));
  }
  const bool is_get = path.starts_with(kResourceTokenPath);
  if (request.method != (is_get ? "GET" : "POST")) {
    return Refuse(405, "MethodNotAllowed", fmt::format("{} is not allowed here", request.method));
  }
  if (path == kFederationPath) return Federate(request, now);
  if (path == kRefreshPath) return RefreshSession(request, now);
  if (path == kResourceSessionPath) return GiveResourceSession(request, now);
  if (path == kWorkloadPath) return GiveWorkloadToken(request, now);
  return GiveResourceToken(request, now);
}

Outcome<Response> OciIssuer::Metadata(const Request& request, std::string_view path) {
  if (request.headers.Get("authorization") != "Bearer Oracle") {
    return NotAuthenticated("Authorization: Bearer Oracle is required");
  }
  const MutexLock lock(mutex_);
  if (path == "identity/cert.pem") return PlainText(CertificatePem(Made().leaf.get()));
  if (path == "identity/key.pem") return PlainText(PrivatePem(Made().leaf_key.get()));
  if (path == "identity/intermediate.pem") {
    return PlainText(CertificatePem(Made().authority.get()));
  }
  if (path == "instance/region") return PlainText(options_.region_code);
  if (path == "instance/id") return PlainText(options_.instance_id);
  if (path == "instance/regionInfo") {
    return JsonResponse(200, json{{"realmKey", "oc1"},
                                  {"realmDomainComponent", "oraclecloud.com"},
                                  {"regionKey", options_.region_code},
                                  {"regionIdentifier", options_.region}}
                                 .dump());
  }
  return Refuse(404, "NotFound", "no such metadata");
}

Outcome<Response> OciIssuer::Federate(const Request& request, WallTime now) {
  const json body = ParseBody(request);
  const auto der = Base64Decode(Text(body, "certificate"));
  if (!der) return BadRequest("certificate is not base64");
  const auto* bytes = reinterpret_cast<const unsigned char*>(der->data());
  const Certificate leaf(d2i_X509(nullptr, &bytes, static_cast<long>(der->size())), &X509_free);
  if (leaf == nullptr) return BadRequest("certificate is not a certificate");
  const bool is_sha256 = Text(body, "fingerprintAlgorithm") == "SHA256";
  {
    const MutexLock lock(mutex_);
    if (X509_verify(leaf.get(), Made().authority_key.get()) != 1) {
      return NotAuthenticated("the certificate is not of this authority");
    }
  }
  const std::string key_id = is_sha256
                                 ? fmt::format("{}/fed-x509-sha256/{}", options_.tenancy,
                                               Fingerprint(*der, EVP_sha256(), /*upper=*/false))
                                 : fmt::format("{}/fed-x509/{}", options_.tenancy,
                                               Fingerprint(*der, EVP_sha1(), /*upper=*/true));
  if (!authenticator_.Register(key_id, PublicPem(X509_get0_pubkey(leaf.get())))) {
    return BadRequest("the certificate's key is of no use");
  }
  const std::string signer = OCI_TRY(authenticator_.Verify(request, SignedBody::kFederation, now));
  if (signer != key_id) return NotAuthenticated("signed by another certificate");
  return TokenReply(OCI_TRY(MintToken(Text(body, "publicKey"), now)));
}

Outcome<Response> OciIssuer::RefreshSession(const Request& request, WallTime now) {
  const std::string signer = OCI_TRY(authenticator_.Verify(request, SignedBody::kRequired, now));
  const std::string current = Text(ParseBody(request), "currentToken");
  if (signer != "ST$" + current) return NotAuthenticated("the token is not the signer's");
  std::string pem;
  {
    const MutexLock lock(mutex_);
    const auto found = tokens_.find(current);
    if (found == tokens_.end()) return NotAuthenticated("the session is over");
    pem = found->second;
  }
  const auto token = IssueSession(pem, now);
  if (!token) return BadRequest("the session's key is of no use");
  return TokenReply(*token);
}

Outcome<Response> OciIssuer::GiveResourceToken(const Request& request, WallTime now) {
  OCI_TRY(authenticator_.Verify(request, SignedBody::kNone, now));
  if (request.raw_path.substr(kResourceTokenPath.size()) != options_.instance_id) {
    return Refuse(404, "NotAuthorizedOrNotFound", "no such resource");
  }
  const MutexLock lock(mutex_);
  resource_token_ = NewUuid();
  return JsonResponse(200, json{{"resourcePrincipalToken", resource_token_},
                                {"servicePrincipalSessionToken", "service-" + resource_token_}}
                               .dump());
}

Outcome<Response> OciIssuer::GiveResourceSession(const Request& request, WallTime now) {
  OCI_TRY(authenticator_.Verify(request, SignedBody::kRequired, now));
  const json body = ParseBody(request);
  {
    const MutexLock lock(mutex_);
    const std::string token = Text(body, "resourcePrincipalToken");
    if (token.empty() || token != resource_token_ ||
        Text(body, "servicePrincipalSessionToken") != "service-" + token) {
      return NotAuthenticated("the resource principal's tokens are not known");
    }
  }
  return TokenReply(OCI_TRY(MintToken(Text(body, "sessionPublicKey"), now)));
}

Outcome<Response> OciIssuer::GiveWorkloadToken(const Request& request, WallTime now) {
  if (options_.pod_token.empty()) {
    return Refuse(403, "Forbidden", "this cluster is not an enhanced cluster");
  }
  if (request.headers.Get("authorization") != "Bearer " + options_.pod_token) {
    return NotAuthenticated("the service account token is not valid");
  }
  const std::string token = OCI_TRY(MintToken(Text(ParseBody(request), "podKey"), now));
  const std::string reply = json{{"token", "ST$" + token}}.dump();
  return JsonResponse(200, "\"" + Base64Encode(AsBytes(reply)) + "\"");
}

Outcome<std::string> OciIssuer::MintToken(std::string_view public_key_base64, WallTime now) {
  const std::string pem = PemOfPublicKey(public_key_base64);
  if (pem.empty()) return BadRequest("the public key is none");
  auto token = IssueSession(pem, now);
  if (!token) return BadRequest("the public key is of no use");
  return *std::move(token);
}

Result<std::string> OciIssuer::IssueSession(std::string_view pem, WallTime now) {
  const auto seconds = [](WallTime time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  };
  const WallTime expires = now + options_.token_lifetime;
  const json claims{{"jti", NewUuid()},
                    {"iat", seconds(now)},
                    {"exp", seconds(expires)},
                    {"res_tenant", options_.tenancy}};
  std::string token = Base64UrlEncode(AsBytes(R"({"alg":"RS256","typ":"JWT"})")) + "." +
                      Base64UrlEncode(AsBytes(claims.dump())) + "." +
                      Base64UrlEncode(AsBytes(NewUuid()));
  TRY_VOID(authenticator_.Register("ST$" + token, pem, expires));
  const MutexLock lock(mutex_);
  tokens_.emplace(token, pem);
  return token;
}

}  // namespace skybridge::localcloud::oci
