#include "backends/oci/identity.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

#include "core/mutex.h"

namespace skybridge::oci {
namespace {

Result<std::shared_ptr<const PrivateKey>> LoadKey(const Profile& profile, KeyFilePolicy policy) {
  Result<PrivateKey> key = profile.key_content.empty() ? LoadPrivateKey(profile.key_file, profile.pass_phrase, policy)
                                                       : PrivateKey::FromPem(profile.key_content, profile.pass_phrase,
                                                                             "in OCI_CLI_KEY_CONTENT");
  if (!key) return Fail(std::move(key).error());
  return std::make_shared<const PrivateKey>(*std::move(key));
}

class ApiKeyIdentity final : public IdentityProvider {
 public:
  explicit ApiKeyIdentity(std::shared_ptr<const Identity> identity) : identity_(std::move(identity)) {}
  Result<std::shared_ptr<const Identity>> Current() override { return identity_; }
  bool Renew(const Identity&) override { return false; }

 private:
  const std::shared_ptr<const Identity> identity_;
};

class SessionTokenIdentity final : public IdentityProvider {
 public:
  SessionTokenIdentity(Profile profile, KeyFilePolicy policy) : profile_(std::move(profile)), policy_(policy) {}

  // The file's time is looked at on every call: one stat beside a signature that costs a thousand times as much.
  Result<std::shared_ptr<const Identity>> Current() override {
    std::error_code error;
    const auto changed = std::filesystem::last_write_time(profile_.security_token_file, error);
    if (error) return Fail(ErrorFromErrno(error.value(), "security token '" + profile_.security_token_file + "'"));
    MutexLock lock(mutex_);
    if (identity_ != nullptr && changed == file_time_) return identity_;
    identity_ = TRY(Read());
    file_time_ = changed;
    return identity_;
  }

  bool Renew(const Identity& refused) override {
    MutexLock lock(mutex_);
    auto fresh = Read();
    if (!fresh) return false;
    identity_ = *fresh;
    return identity_->key_id != refused.key_id;
  }

 private:
  // Token and key are read together: a new token signed with an old key is refused.
  Result<std::shared_ptr<const Identity>> Read() const REQUIRES(mutex_) {
    std::ifstream in(profile_.security_token_file, std::ios::binary);
    std::string token{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    token.erase(token.find_last_not_of(" \t\r\n") + 1);
    if (token.empty()) {
      return Fail(ErrorCode::kUnauthenticated, "security token '" + profile_.security_token_file + "' is empty");
    }
    auto key = TRY(LoadKey(profile_, policy_));
    return std::make_shared<const Identity>(Identity{"ST$" + token, std::move(key)});
  }

  const Profile profile_;
  const KeyFilePolicy policy_;
  Mutex mutex_;
  std::shared_ptr<const Identity> identity_ GUARDED_BY(mutex_);
  std::filesystem::file_time_type file_time_ GUARDED_BY(mutex_){};
};

Status CheckFingerprint(const Profile& profile, const PrivateKey& key) {
  if (profile.fingerprint == key.fingerprint()) return {};
  return Fail(ErrorCode::kUnauthenticated, "the OCI profile names the fingerprint " + profile.fingerprint +
                                               ", but its private key has " + key.fingerprint());
}

}  // namespace

Result<std::unique_ptr<IdentityProvider>> MakeIdentityProvider(const Profile& profile, KeyFilePolicy policy) {
  if (profile.authentication == Authentication::kSecurityToken) {
    auto provider = std::make_unique<SessionTokenIdentity>(profile, policy);
    TRY(provider->Current());
    return provider;
  }
  auto key = TRY(LoadKey(profile, policy));
  TRY_VOID(CheckFingerprint(profile, *key));
  std::string key_id = profile.tenancy + "/" + profile.user + "/" + profile.fingerprint;
  return std::make_unique<ApiKeyIdentity>(
      std::make_shared<const Identity>(Identity{std::move(key_id), std::move(key)}));
}

}  // namespace skybridge::oci
