#include "backends/azure/client_assertion.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <vector>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <nlohmann/json.hpp>

#include "backends/azure/nonce.h"
#include "core/deleter.h"
#include "core/encoding.h"
#include "core/file_descriptor.h"
#include "core/secret_reference.h"

namespace skybridge::azure {
namespace {

constexpr std::chrono::minutes kAssertionLifetime{10};

using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using CertificatePtr = std::unique_ptr<X509, Deleter<X509_free>>;

tl::unexpected<Error> BadCertificate(std::string_view reason) {
  ERR_clear_error();
  return Fail(ErrorCode::kInvalidArgument, fmt::format("the client certificate {}", reason));
}

BioPtr OpenPem(const Secret& pem) {
  const std::string_view text = pem.Reveal();
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::vector<CertificatePtr> ReadCertificates(const Secret& pem) {
  std::vector<CertificatePtr> certificates;
  const BioPtr bio = OpenPem(pem);
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(one);
  }
  ERR_clear_error();  // the end of the text is an error for OpenSSL
  return certificates;
}

// What an i2d function of OpenSSL makes of `thing`.
template <class Thing>
std::string DerOf(int (*encode)(const Thing*, unsigned char**), const Thing* thing) {
  unsigned char* der = nullptr;
  const int size = encode(thing, &der);
  if (size <= 0) return {};
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}
std::string DerOf(const X509* certificate) { return DerOf(&i2d_X509, certificate); }
std::string PublicKeyBase64(const X509* certificate) {
  return Base64Encode(AsBytes(DerOf<EVP_PKEY>(&i2d_PUBKEY, X509_get0_pubkey(certificate))));
}

// SHA-1 is what x5t is made of: a name, not a proof.
std::string Sha1(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
    return {};
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string UpperHex(std::string_view bytes) {
  std::string hex = HexEncode(AsBytes(bytes));
  for (char& c : hex) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  return hex;
}

std::int64_t UnixSeconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

// The leaf goes first, whatever the order in the file.
bool PutLeafFirst(std::vector<CertificatePtr>& certificates, const PrivateKey& key) {
  for (CertificatePtr& one : certificates) {
    if (PublicKeyBase64(one.get()) != key.PublicKeyBase64()) continue;
    std::swap(one, certificates.front());
    return true;
  }
  return false;
}

std::string MakeHeader(const std::vector<CertificatePtr>& certificates, bool send_chain) {
  const std::string thumbprint = Sha1(DerOf(certificates.front().get()));
  nlohmann::json header = {{"alg", "RS256"},
                           {"typ", "JWT"},
                           {"x5t", Base64UrlEncode(AsBytes(thumbprint))},
                           {"kid", UpperHex(thumbprint)}};
  if (send_chain) {
    auto chain = nlohmann::json::array();
    for (const CertificatePtr& one : certificates)
      chain.push_back(Base64Encode(AsBytes(DerOf(one.get()))));
    header["x5c"] = std::move(chain);
  }
  return Base64UrlEncode(AsBytes(header.dump()));
}

}  // namespace

CertificateAssertion::CertificateAssertion(PrivateKey key, std::string header,
                                           std::string thumbprint)
    : key_(std::move(key)), header_(std::move(header)), thumbprint_(std::move(thumbprint)) {}

Result<std::unique_ptr<CertificateAssertion>> CertificateAssertion::Make(
    const CertificateOptions& options) {
  if (options.pem.Reveal().find("-----BEGIN") == std::string_view::npos)
    return BadCertificate(
        "is not a PEM private key with its certificate; a file is named file:PATH");
  Result<PrivateKey> key = PrivateKey::FromPem(options.pem.Reveal(), options.pass_phrase.Reveal(),
                                               "of the client certificate");
  if (!key) {
    key.error().code = ErrorCode::kInvalidArgument;  // of the configuration
    return Fail(std::move(key).error());
  }
  std::vector<CertificatePtr> certificates = ReadCertificates(options.pem);
  if (certificates.empty())
    return BadCertificate("has a private key but no certificate; put both into one PEM");
  if (!PutLeafFirst(certificates, *key)) return BadCertificate("is not of its private key");
  std::string thumbprint = UpperHex(Sha1(DerOf(certificates.front().get())));
  return std::unique_ptr<CertificateAssertion>(new CertificateAssertion(
      *std::move(key), MakeHeader(certificates, options.send_chain), std::move(thumbprint)));
}

Result<Secret> CertificateAssertion::Make(const AssertionRequest& request) {
  const nlohmann::json claims = {
      {"aud", request.audience},         {"iss", request.client_id},
      {"sub", request.client_id},        {"jti", MakeUuid()},
      {"nbf", UnixSeconds(request.now)}, {"exp", UnixSeconds(request.now + kAssertionLifetime)}};
  const std::string text = header_ + '.' + Base64UrlEncode(AsBytes(claims.dump()));
  const std::string signature = TRY(key_.Sign(text));
  return Secret(text + '.' + Base64UrlEncode(AsBytes(signature)));
}

std::string CertificateAssertion::Describe() const { return "certificate " + thumbprint_; }

Result<Secret> FederatedTokenFile::Make(const AssertionRequest& /*request*/) {
  const std::string label = "federated token file " + path_;
  const FileDescriptor file(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return Fail(ErrorFromErrno(errno, label));
  std::string token(kMaxSecretBytes + 1, '\0');
  const std::size_t size = TRY(ReadUpTo(file.get(), token.data(), token.size(), label));
  token.resize(size);
  if (token.size() > kMaxSecretBytes) return Fail(ErrorCode::kTooLarge, label + " is too long");
  const auto last = token.find_last_not_of(" \t\r\n");
  token.resize(last == std::string::npos ? 0 : last + 1);
  if (token.empty()) return Fail(ErrorCode::kUnauthenticated, label + " is empty");
  return Secret(std::move(token));
}

}  // namespace skybridge::azure
