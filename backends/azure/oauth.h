// OAuth: bearer tokens of Microsoft Entra ID. BearerCredential keeps one fresh; a TokenSource knows how to get one.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "backends/azure/credential.h"
#include "backends/http_transport.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "core/secret.h"

namespace skybridge::azure {

inline constexpr std::string_view kPublicAuthority = "https://login.microsoftonline.com";
inline constexpr std::string_view kStorageScope = "https://storage.azure.com/.default";

struct AccessToken {
  Secret value;
  MonotonicTime expires;
  MonotonicTime refresh_at;  // from here on a new one is wanted
};

class TokenSource {
 public:
  virtual ~TokenSource() = default;
  // One exchange with the authority. Safe from many threads.
  // Errors: kUnauthenticated (not retryable: wrong secret, unknown tenant), kThrottled, kUnavailable.
  virtual Result<AccessToken> Fetch(const CallContext& context) = 0;
};

struct ServicePrincipal {
  std::string authority = std::string(kPublicAuthority);  // https, or http to this machine
  std::string tenant_id;
  std::string client_id;
  Secret client_secret;
  std::string scope = std::string(kStorageScope);
};

// The form that is posted to the authority (OAuth 2.0 client credentials grant, Microsoft identity platform v2.0). Its
// body is `form`, which must outlive the request.
HttpRequest MakeTokenRequest(const ServicePrincipal& principal, std::string_view form);
std::string MakeTokenForm(const ServicePrincipal& principal);
// `asked` is the time before the request was sent: the lifetime counts from there. expires_in may be number or text.
Result<AccessToken> ParseTokenReply(const HttpResponse& response, MonotonicTime asked, WallTime now);

class ServicePrincipalSource final : public TokenSource {
 public:
  // kInvalidArgument if the authority is plain http on another machine, or a field is empty.
  // Transport and clock must outlive it.
  static Result<std::unique_ptr<ServicePrincipalSource>> Make(ServicePrincipal principal, HttpTransport& transport,
                                                              const Clock& clock);
  Result<AccessToken> Fetch(const CallContext& context) override;

 private:
  ServicePrincipalSource(ServicePrincipal principal, HttpTransport& transport, const Clock& clock)
      : principal_(std::move(principal)), transport_(transport), clock_(clock) {}

  const ServicePrincipal principal_;
  HttpTransport& transport_;
  const Clock& clock_;
};

// Keeps one token for all threads. When it nears its end one caller fetches the next while the others go on with the
// old one; when there is none, they wait for that caller. A refresh that fails is tried again after kRefreshPause, and
// the old token serves until it really expires.
class BearerCredential final : public Credential {
 public:
  static constexpr std::chrono::seconds kRefreshPause{30};

  // `clock` must outlive it.
  BearerCredential(std::unique_ptr<TokenSource> source, const Clock& clock)
      : clock_(clock), source_(std::move(source)) {}

  // A token goes over https only, or to this machine.
  Status Authorize(HttpRequest& request, const CallContext& context) override;
  // Drops the token that the request carried, unless a newer one is there already.
  bool Refused(const HttpRequest& request) override;

 private:
  Result<std::string> CurrentToken(const CallContext& context) EXCLUDES(mutex_);
  Status WaitForFetch(const CallContext& context) REQUIRES(mutex_);
  bool Usable(MonotonicTime now) const REQUIRES(mutex_) { return token_ && now < token_->expires; }

  const Clock& clock_;
  const std::unique_ptr<TokenSource> source_;

  Mutex mutex_;  // guards what follows; never held across a fetch
  CondVar fetched_;
  std::optional<AccessToken> token_ GUARDED_BY(mutex_);
  bool fetching_ GUARDED_BY(mutex_) = false;
  MonotonicTime next_refresh_ GUARDED_BY(mutex_) = MonotonicTime::min();
};

}  // namespace skybridge::azure
