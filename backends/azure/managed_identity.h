// Managed identity: tokens for the machine, container or function that we run on, from a service on
// it. Source: Azure documentation: managed identities, How to use managed identities to get an
// access token (VM, App Service); Azure Arc: authenticate against Azure resources with managed
// identity.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "backends/azure/oauth.h"
#include "core/clock.h"
#include "core/environment.h"

namespace skybridge::azure {

enum class ManagedIdentityKind {
  kImds,            // virtual machines, scale sets, AKS nodes
  kAppService2019,  // App Service, Functions, Container Apps
  kAppService2017,  // older App Service
  kCloudShell,
  kAzureArc,  // machines elsewhere that Arc manages
};

// Which service answers, and where.
struct ManagedIdentityService {
  ManagedIdentityKind kind = ManagedIdentityKind::kImds;
  std::string endpoint;  // the URL of the token, without query
  Secret header;         // what App Service wants to be told
};

// By IDENTITY_ENDPOINT with IDENTITY_HEADER or IMDS_ENDPOINT, MSI_ENDPOINT with or without
// MSI_SECRET, and AZURE_POD_IDENTITY_AUTHORITY_HOST; else the instance metadata service at
// 169.254.169.254.
ManagedIdentityService FindManagedIdentity(const Environment& environment);

struct ManagedIdentityOptions {
  ManagedIdentityService service;
  // At most one; without any it is the one that the system assigned, or the only one.
  std::string client_id;
  std::string object_id;
  std::string resource_id;
  // Asks the instance metadata service once, for kProbeTime only, before all else: elsewhere than
  // on Azure that address does not answer, and whoever tries several identities does not want to
  // wait.
  bool probe = false;
  std::string arc_token_directory = "/var/opt/azcmagent/tokens";
};

// kNotFound: nothing answers, or the machine has no (such) identity.
class ManagedIdentitySource final : public TokenSource {
 public:
  static constexpr std::chrono::seconds kProbeTime{1};
  static constexpr int kAttempts = 6;

  // Errors: kInvalidArgument for two ids, or an id that the service cannot be asked for. Both must
  // outlive it.
  static Result<std::unique_ptr<ManagedIdentitySource>> Make(ManagedIdentityOptions options,
                                                             HttpTransport& transport,
                                                             Clock& clock);

  // Repeats what the service documents as passing (404, 410, 429, 5xx) within the context; 410 for
  // over 70 seconds.
  Result<AccessToken> Fetch(const CallContext& context) override;
  std::string Describe() const override;

 private:
  ManagedIdentitySource(ManagedIdentityOptions options, HttpTransport& transport, Clock& clock)
      : options_(std::move(options)), transport_(transport), clock_(clock) {}

  HttpRequest MakeRequest() const;
  Status Probe(const CallContext& context);
  Result<AccessToken> Ask(const CallContext& context) const;
  Result<HttpResponse> Exchange(const CallContext& context) const;
  Result<Secret> ReadArcChallenge(const HttpResponse& response) const;

  const ManagedIdentityOptions options_;
  HttpTransport& transport_;
  Clock& clock_;
  std::atomic<bool> answers_{false};  // it has answered once
};

}  // namespace skybridge::azure
