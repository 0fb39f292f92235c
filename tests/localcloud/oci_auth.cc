#include "tests/localcloud/oci_auth.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "core/digest.h"
#include "core/encoding.h"
#include "core/time_text.h"

namespace skybridge::localcloud::oci {
namespace {

constexpr auto kMaxClockSkew = std::chrono::minutes(5);

using SharedKey = std::shared_ptr<EVP_PKEY>;

tl::unexpected<OciFailure> NotAuthenticated(std::string_view why) {
  return Refuse(401, "NotAuthenticated",
                fmt::format("The required information to complete authentication was not provided "
                            "or was incorrect: {}",
                            why));
}

// The value of `name="..."` in the Authorization header; parameters may come in any order.
std::string Parameter(std::string_view authorization, std::string_view name) {
  const std::string opening = std::string(name) + "=\"";
  for (std::size_t at = 0; (at = authorization.find(opening, at)) != std::string_view::npos; ++at) {
    const char before = at == 0 ? ' ' : authorization[at - 1];
    if (before != ' ' && before != ',') continue;
    const std::size_t begin = at + opening.size();
    const std::size_t end = authorization.find('"', begin);
    if (end == std::string_view::npos) return {};
    return std::string(authorization.substr(begin, end - begin));
  }
  return {};
}

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    if (end != 0) words.push_back(LowerCase(text.substr(0, end)));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return words;
}

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Outcome<std::string> SigningString(const Request& request, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += '\n';
    if (name == "(request-target)") {
      text += fmt::format("(request-target): {} {}", LowerCase(request.method), request.raw_target);
      continue;
    }
    const std::string* value = request.headers.Find(name);
    if (value == nullptr)
      return NotAuthenticated(fmt::format("the signed header '{}' is missing", name));
    text += fmt::format("{}: {}", name, *value);
  }
  return text;
}

std::optional<std::string_view> MissingName(const std::vector<std::string>& names,
                                            SignedBody body) {
  if (!Contains(names, "(request-target)")) return "(request-target)";
  if (body != SignedBody::kFederation && !Contains(names, "host")) return "host";
  if (!Contains(names, "date") && !Contains(names, "x-date")) return "date";
  if (body == SignedBody::kNone) return std::nullopt;
  for (const std::string_view name : {"content-length", "content-type", "x-content-sha256"}) {
    if (!Contains(names, name)) return name;
  }
  return std::nullopt;
}

bool IsFresh(const Request& request, const std::vector<std::string>& names, WallTime now) {
  const std::string_view name = Contains(names, "x-date") ? "x-date" : "date";
  const auto sent = ParseHttpDate(request.headers.Get(name));
  return sent && std::chrono::abs(now - *sent) <= kMaxClockSkew;
}

bool BodyDigestMatches(const Request& request) {
  return request.headers.Get("x-content-sha256") == Base64Encode(Sha256(AsBytes(request.body)));
}

bool SignatureMatches(EVP_PKEY* key, std::string_view text, std::string_view signature_base64) {
  const auto signature = Base64Decode(signature_base64);
  if (!signature) return false;
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature->data()),
                          signature->size(), reinterpret_cast<const unsigned char*>(text.data()),
                          text.size()) == 1;
}

SharedKey ParseKey(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  const bool is_private = pem.find("PRIVATE KEY") != std::string_view::npos;
  EVP_PKEY* key = is_private ? PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr)
                             : PEM_read_bio_PUBKEY(text.get(), nullptr, nullptr, nullptr);
  return SharedKey(key, [](EVP_PKEY* owned) { EVP_PKEY_free(owned); });
}

}  // namespace

struct OciAuthenticator::Keys {
  struct Entry {
    SharedKey key;
    std::optional<WallTime> expires;
  };
  std::map<std::string, Entry, std::less<>> by_id;
};

OciAuthenticator::OciAuthenticator() : keys_(std::make_unique<Keys>()) {}
OciAuthenticator::~OciAuthenticator() = default;

Status OciAuthenticator::Register(std::string key_id, std::string_view pem,
                                  std::optional<WallTime> expires) {
  SharedKey key = ParseKey(pem);
  if (key == nullptr) return Fail(ErrorCode::kInvalidArgument, "not a PEM key: " + key_id);
  const MutexLock lock(mutex_);
  keys_->by_id.insert_or_assign(std::move(key_id), Keys::Entry{std::move(key), expires});
  return {};
}

void OciAuthenticator::RequireDelegation(std::string token) {
  const MutexLock lock(mutex_);
  delegation_token_ = std::move(token);
}

void OciAuthenticator::Revoke(std::string_view key_id) {
  const MutexLock lock(mutex_);
  const auto found = keys_->by_id.find(key_id);
  if (found != keys_->by_id.end()) keys_->by_id.erase(found);
}

Outcome<std::string> OciAuthenticator::Verify(const Request& request, SignedBody body,
                                              WallTime now) const {
  const std::string_view authorization = request.headers.Get("authorization");
  if (authorization.substr(0, 10) != "Signature ") return NotAuthenticated("no signature");
  if (Parameter(authorization, "version") != "1")
    return NotAuthenticated("the signature version is not 1");
  if (Parameter(authorization, "algorithm") != "rsa-sha256")
    return NotAuthenticated("the algorithm is not rsa-sha256");
  const std::vector<std::string> names = SplitWords(Parameter(authorization, "headers"));
  if (const auto missing = MissingName(names, body)) {
    return NotAuthenticated(fmt::format("the signature does not cover '{}'", *missing));
  }
  if (!IsFresh(request, names, now))
    return NotAuthenticated("the date is missing or more than 5 minutes off");
  if (Contains(names, "x-content-sha256") && !BodyDigestMatches(request)) {
    return NotAuthenticated("x-content-sha256 is not the body's digest");
  }
  std::string key_id = Parameter(authorization, "keyId");
  if (request.tokens_expired && key_id.substr(0, 3) == "ST$")
    return NotAuthenticated("the session token has expired");
  SharedKey key;
  {
    const MutexLock lock(mutex_);
    const auto found = keys_->by_id.find(key_id);
    const bool is_certificate = key_id.find("/fed-x509") != std::string::npos;
    if (found == keys_->by_id.end() || is_certificate != (body == SignedBody::kFederation)) {
      return NotAuthenticated("the key id is not known");
    }
    if (found->second.expires && now >= *found->second.expires) {
      return NotAuthenticated("the token has expired");
    }
    const bool must_delegate = !delegation_token_.empty() && key_id.starts_with("ST$");
    if (must_delegate && (!Contains(names, "opc-obo-token") ||
                          request.headers.Get("opc-obo-token") != delegation_token_)) {
      return NotAuthenticated("the delegation token is missing, unsigned or another");
    }
    key = found->second.key;
  }
  const std::string text = OCI_TRY(SigningString(request, names));
  if (!SignatureMatches(key.get(), text, Parameter(authorization, "signature"))) {
    return NotAuthenticated("the signature does not match");
  }
  return key_id;
}

}  // namespace skybridge::localcloud::oci
