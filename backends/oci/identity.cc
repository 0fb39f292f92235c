#include "backends/oci/identity.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "backends/oci/refreshing_identity.h"
#include "backends/oci/token_exchange.h"
#include "backends/oci/watched_file.h"

namespace skybridge::oci {
namespace {

Result<std::shared_ptr<const PrivateKey>> LoadKey(const Profile& profile, KeyFilePolicy policy) {
  Result<PrivateKey> key =
      profile.key_content.empty()
          ? LoadPrivateKey(profile.key_file, profile.pass_phrase, policy)
          : PrivateKey::FromPem(profile.key_content, profile.pass_phrase, "in OCI_CLI_KEY_CONTENT");
  if (!key) return Fail(std::move(key).error());
  return std::make_shared<const PrivateKey>(*std::move(key));
}

class FixedIdentity final : public IdentityProvider {
 public:
  explicit FixedIdentity(Identity identity)
      : identity_(std::make_shared<const Identity>(std::move(identity))) {}
  Result<std::shared_ptr<const Identity>> Current(const CallContext& /*context*/) override {
    return identity_;
  }
  bool Renew(const Identity& /*refused*/) override { return false; }

 private:
  const std::shared_ptr<const Identity> identity_;
};

// The token of a file; where nobody has written a new one when the next is wanted, it is exchanged
// for a fresh one. Source: "oci session refresh" of the OCI CLI (POST /v1/authentication/refresh,
// signed by the token it replaces).
class SessionTokenSource final : public IdentitySource {
 public:
  SessionTokenSource(ProfileIdentityOptions options, HttpTransport& transport, Clock& clock)
      : options_(std::move(options)),
        exchange_{transport, clock},
        file_(options_.profile.security_token_file) {}

  Result<Identity> Fetch(const CallContext& context) override {
    if (last_.key == nullptr || file_.HasChanged()) {
      last_ = TRY(Read());
    } else {
      last_ = TRY(Refresh(context));
    }
    return last_;
  }
  bool HasChanged() const override { return file_.HasChanged(); }

 private:
  // Token and key are read together: a new token signed with an old key is refused.
  Result<Identity> Read() {
    const auto written = file_.LastWritten();
    const std::string token = TRY(ReadTokenFile(file_.path(), "security token"));
    auto key = TRY(LoadKey(options_.profile, options_.policy));
    file_.NoteRead(written);
    return TokenIdentity(token, std::move(key));
  }

  Result<Identity> Refresh(const CallContext& context) const {
    constexpr std::string_view kWhat =
        "refresh the OCI session (log in again: oci session authenticate)";
    if (options_.auth_endpoint.empty()) {
      return Fail(
          ErrorCode::kUnauthenticated,
          "the OCI session token was refused or is over, and no region says where to renew it");
    }
    const std::string token = last_.key_id.substr(std::string_view("ST$").size());
    const Call call =
        MakeTokenCall("oci.refresh_session", options_.auth_endpoint + "/v1/authentication/refresh",
                      nlohmann::json{{"currentToken", token}}.dump());
    const HttpResponse response = TRY(exchange_.Send(call, last_, kWhat, context));
    const std::string fresh = TRY(ParseTokenReply(response.body, kWhat));
    return TokenIdentity(fresh, last_.key);
  }

  const ProfileIdentityOptions options_;
  const TokenExchange exchange_;
  WatchedFile file_;
  Identity last_;
};

Status CheckFingerprint(const Profile& profile, const PrivateKey& key) {
  if (profile.fingerprint == key.fingerprint()) return {};
  return Fail(ErrorCode::kUnauthenticated, "the OCI profile names the fingerprint " +
                                               profile.fingerprint + ", but its private key has " +
                                               key.fingerprint());
}

}  // namespace

std::unique_ptr<IdentityProvider> MakeFixedIdentity(Identity identity) {
  return std::make_unique<FixedIdentity>(std::move(identity));
}

Result<std::unique_ptr<IdentityProvider>> MakeIdentityProvider(
    const ProfileIdentityOptions& options, HttpTransport& transport, Clock& clock) {
  const Profile& profile = options.profile;
  if (profile.authentication == Authentication::kSecurityToken) {
    auto source = std::make_unique<SessionTokenSource>(options, transport, clock);
    auto provider = std::make_unique<RefreshingIdentity>(std::move(source), clock);
    TRY(provider->Current({}));  // reads the files, so that what is wrong with them shows now
    return provider;
  }
  if (profile.authentication != Authentication::kApiKey) {
    return Fail(ErrorCode::kInvalidArgument,
                "the OCI profile names a principal, which has no key of its own");
  }
  auto key = TRY(LoadKey(profile, options.policy));
  TRY_VOID(CheckFingerprint(profile, *key));
  std::string key_id = profile.tenancy + "/" + profile.user + "/" + profile.fingerprint;
  return MakeFixedIdentity({.key_id = std::move(key_id), .key = std::move(key)});
}

}  // namespace skybridge::oci
