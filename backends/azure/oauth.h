// OAuth: bearer tokens of Microsoft Entra ID. BearerCredential keeps one fresh; a TokenSource knows
// how to get one.
#pragma once

#include <memory>
#include <string>

#include "backends/azure/client_assertion.h"
#include "backends/azure/credential.h"
#include "backends/fresh_value.h"
#include "backends/http_transport.h"
#include "core/clock.h"
#include "core/secret.h"

namespace skybridge::azure {

inline constexpr std::string_view kPublicAuthority = "https://login.microsoftonline.com";
inline constexpr std::string_view kStorageScope = "https://storage.azure.com/.default";

using AccessToken = Expiring<Secret>;

class TokenSource {
 public:
  virtual ~TokenSource() = default;
  // One token. Safe from many threads.
  // Errors: kNotFound if this machine has no such identity, so that a chain goes on to the next;
  // kUnauthenticated (not retryable: wrong secret, unknown tenant), kThrottled, kUnavailable.
  virtual Result<AccessToken> Fetch(const CallContext& context) = 0;
  // For people: which identity this is. Holds no secret.
  virtual std::string Describe() const { return "bearer token"; }
};

struct ServicePrincipal {
  std::string authority = std::string(kPublicAuthority);  // https, or http to this machine
  std::string tenant_id;
  std::string client_id;
  Secret client_secret;
  std::shared_ptr<ClientAssertion> assertion;  // instead of the secret
  std::string scope = std::string(kStorageScope);
};

// The form that is posted to the authority (OAuth 2.0 client credentials grant, Microsoft identity
// platform v2.0). Errors: those of the assertion.
Result<Secret> MakeTokenForm(const ServicePrincipal& principal, WallTime now);
// `form` is its body and must outlive it.
HttpRequest MakeTokenRequest(const ServicePrincipal& principal, std::string_view form);
// `asked` is the time before the request was sent: the lifetime counts from there. expires_in, or
// expires_on where there is none, may be number or text.
Result<AccessToken> ParseTokenReply(const HttpResponse& response, MonotonicTime asked,
                                    WallTime now);
// A token that lives so long, renewed in good time: five minutes before its end, or at half its
// life if it is short.
AccessToken MakeAccessToken(std::string&& value, MonotonicTime asked,
                            std::chrono::seconds lifetime);

class ServicePrincipalSource final : public TokenSource {
 public:
  // kInvalidArgument if the authority is plain http on another machine, or a field is empty.
  // Transport and clock must outlive it.
  static Result<std::unique_ptr<ServicePrincipalSource>> Make(ServicePrincipal principal,
                                                              HttpTransport& transport,
                                                              const Clock& clock);
  Result<AccessToken> Fetch(const CallContext& context) override;
  std::string Describe() const override;

 private:
  ServicePrincipalSource(ServicePrincipal principal, HttpTransport& transport, const Clock& clock)
      : principal_(std::move(principal)), transport_(transport), clock_(clock) {}

  const ServicePrincipal principal_;
  HttpTransport& transport_;
  const Clock& clock_;
};

// One token for all threads.
class BearerCredential final : public Credential {
 public:
  // `clock` must outlive it.
  BearerCredential(std::unique_ptr<TokenSource> source, const Clock& clock)
      : source_(std::move(source)),
        token_(
            "azure", [this](const CallContext& context) { return Fetch(context); }, clock) {}

  // A token goes over https only, or to this machine.
  Status Authorize(HttpRequest& request, const CallContext& context) override;
  // Drops the token that the request carried, unless a newer one is there already.
  bool Refused(const HttpRequest& request) override;
  std::string Describe() const override { return source_->Describe(); }

 private:
  Result<AccessToken> Fetch(const CallContext& context) const;

  const std::unique_ptr<TokenSource> source_;
  FreshValue<Secret> token_;
};

}  // namespace skybridge::azure
