#include "cli/store_factory.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "backends/azure/open_store.h"
#include "backends/endpoint_state.h"
#include "backends/http/counting_transport.h"
#include "backends/http/curl_transport.h"
#include "backends/local/local_store.h"
#include "backends/oci/oci_store.h"
#include "backends/oci/pre_authenticated.h"
#include "backends/oci/region.h"
#include "backends/rate_limited_store.h"
#include "backends/retrying_store.h"
#include "cli/azure_identity.h"
#include "cli/oci_identity.h"
#include "cli/trusted_certificates.h"
#include "cli/vault_secrets.h"
#include "core/config_environment.h"
#include "core/log.h"

namespace skybridge::cli {
namespace {

// A user who starts a command wants to know soon that the network is down. Calls to a store that
// has answered once are retried for longer.
constexpr int kOpenAttempts = 3;
constexpr std::chrono::milliseconds kOpenRetryDelay{500};

// What opening a remote works with.
struct Opening {
  const std::string& what;  // for errors
  const CurlOptions& curl;
  const Environment& environment;
  Clock& clock;
  EndpointRegistry& endpoints;
  const CallContext& context;
};

template <class Attempt>
auto FewAttempts(const Opening& opening, EndpointState& endpoint, Attempt attempt)
    -> decltype(attempt()) {
  const auto waited_until = [&](MonotonicTime time) {
    return time < opening.context.deadline && opening.clock.SleepUntil(time, opening.context.stop);
  };
  const MonotonicTime pause_end = endpoint.pace.pause_end();
  if (pause_end > opening.clock.Now() && !waited_until(pause_end)) {
    return Fail(Error{.code = ErrorCode::kThrottled,
                      .message = "the service has asked another remote for a pause",
                      .retryable = true});
  }
  for (int tries = 1;; ++tries) {
    auto result = attempt();
    if (result || !result.error().retryable) return result;
    const auto wish = result.error().retry_after;
    const MonotonicTime next = opening.clock.Now() + wish.value_or(kOpenRetryDelay);
    if (wish || result.error().code == ErrorCode::kThrottled) endpoint.pace.PauseUntil(next);
    if (tries == kOpenAttempts || !waited_until(next)) return result;
  }
}

// Members are destroyed from the last to the first: top-down.
class RemoteStack final : public OpenStore {
 public:
  RemoteStack(const RemoteConfig& remote, const CurlOptions& curl, Clock& clock)
      : clock_(clock),
        limits_{.max_in_flight = remote.max_requests,
                .calls_per_second = remote.requests_per_second},
        retry_{.unreachable_after = remote.unreachable_after},
        curl_(clock, curl),
        transport_(curl_) {}

  // Logs the requests that this remote needed.
  ~RemoteStack() override {
    for (const auto& [operation, counts] : transport_.Snapshot()) {
      Log(LogLevel::kDebug, "requests: {} {} times, {} bytes up, {} bytes down", operation,
          counts.requests, counts.body_bytes_sent, counts.body_bytes_received);
    }
  }

  HttpTransport& transport() { return transport_; }
  void Put(std::unique_ptr<ObjectStore> store, std::shared_ptr<EndpointState> endpoint) {
    base_ = std::move(store);
    endpoint_ = std::move(endpoint);
    limited_ = std::make_unique<RateLimitedStore>(*base_, clock_, limits_);
    retrying_ = std::make_unique<RetryingStore>(*limited_, *endpoint_, clock_, retry_);
  }
  ObjectStore& store() override { return *retrying_; }

  void KeepIdentity(std::shared_ptr<azure::Credential> identity) {
    identity_ = std::move(identity);
  }
  void DescribeIdentity(std::string description) { description_ = std::move(description); }
  std::string Identity() const override { return identity_ ? identity_->Describe() : description_; }
  std::string Warning() const override { return identity_ ? identity_->Warning() : std::string(); }

 private:
  Clock& clock_;
  const RateLimits limits_;
  const RetryPolicy retry_;
  CurlTransport curl_;
  CountingTransport transport_;
  std::shared_ptr<EndpointState> endpoint_;      // shared by all remotes of this endpoint
  std::shared_ptr<azure::Credential> identity_;  // shared with the store
  std::string description_;                      // of an identity that is not one of Azure
  std::unique_ptr<ObjectStore> base_;
  std::unique_ptr<RateLimitedStore> limited_;
  std::unique_ptr<RetryingStore> retrying_;
};

class LocalStack final : public OpenStore {
 public:
  explicit LocalStack(std::unique_ptr<ObjectStore> store) : store_(std::move(store)) {}
  ObjectStore& store() override { return *store_; }

 private:
  std::unique_ptr<ObjectStore> store_;
};

// Plain http needs no certificates: the local cloud of tests.
bool IsPlainHttp(const RemoteConfig& remote) {
  const auto* azure = std::get_if<AzureUri>(&remote.uri);
  const std::string& endpoint = azure != nullptr ? azure->dfs_endpoint : remote.endpoint;
  return endpoint.starts_with("http://");
}

Result<CurlOptions> MakeCurlOptions(const RemoteConfig& remote, const Environment& environment) {
  CurlOptions options{.allow_plain_http = remote.allow_http};
  const Status trusted = TrustCertificates(options, remote.ca_file, environment);
  if (!trusted && !(IsPlainHttp(remote) && remote.ca_file.empty())) return Fail(trusted.error());
  return options;
}

Outcome<std::unique_ptr<OpenStore>> OpenAzureRemote(const RemoteConfig& remote,
                                                    const Opening& opening) {
  const auto& [what, curl, environment, clock, endpoints, context] = opening;
  const auto& uri = std::get<AzureUri>(remote.uri);
  auto stack = std::make_unique<RemoteStack>(remote, curl, clock);
  azure::Options options{.account = uri.account,
                         .container = uri.container,
                         .root = uri.path.path,
                         .dfs_endpoint = uri.dfs_endpoint,
                         .blob_endpoint = uri.blob_endpoint,
                         .allow_http = remote.allow_http,
                         .tell_access = remote.tell_access};
  if (remote.account_permissions) {
    options.account_ids =
        std::make_shared<const azure::AccountIds>(azure::AccountIds{.users = remote.users,
                                                                    .groups = remote.groups,
                                                                    .default_uid = getuid(),
                                                                    .default_gid = getgid()});
  }
  if (remote.namespace_kind != NamespaceKind::kDetect) {
    options.hierarchical = remote.namespace_kind == NamespaceKind::kHierarchical;
  }
  std::shared_ptr<SecretVault> vault =
      CLI_TRY_IN(OpenVault(remote.vault, environment, clock, context), what, Phase::kConfiguration);
  options.credential = CLI_TRY_IN(MakeAzureCredential({.auth = remote.auth,
                                                       .uri = uri,
                                                       .account_endpoint = remote.account_endpoint,
                                                       .transport = stack->transport(),
                                                       .clock = clock,
                                                       .environment = environment,
                                                       .vault = std::move(vault),
                                                       .context = context}),
                                  what, Phase::kConfiguration);
  stack->KeepIdentity(options.credential);
  // Both endpoints of an account are one service: the account's limits hold for both together.
  auto endpoint = opening.endpoints.Of(uri.dfs_endpoint);
  const auto open = [&] {
    return azure::OpenStore(options, stack->transport(), opening.clock, opening.context);
  };
  auto store = CLI_TRY_IN(FewAttempts(opening, *endpoint, open), what, Phase::kRemote);
  const auto probe = [&] { return store->Probe(opening.context); };
  CLI_TRY_IN(FewAttempts(opening, *endpoint, probe), what, Phase::kRemote);
  stack->Put(std::move(store), std::move(endpoint));
  return stack;
}

// Puts the parts of the URL into the options. The URL must belong to the configured bucket.
Status TakePreAuthenticatedUrl(const Secret& url, oci::OciStoreOptions& options) {
  oci::PreAuthenticatedUrl parsed = TRY(oci::ParsePreAuthenticatedUrl(url));
  if (parsed.bucket != options.bucket || parsed.name_space != options.name_space) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("the pre-authenticated request is for oci://{}@{}/, not for oci://{}@{}/",
                    parsed.bucket, parsed.name_space, options.bucket, options.name_space));
  }
  if (options.endpoint.empty()) options.endpoint = std::move(parsed.endpoint);
  options.access = std::move(parsed.access);
  return {};
}

Outcome<std::unique_ptr<OpenStore>> OpenOciRemote(const RemoteConfig& remote,
                                                  const Opening& opening) {
  const auto& [what, curl, environment, clock, endpoints, context] = opening;
  const auto& uri = std::get<OciUri>(remote.uri);
  auto vault =
      CLI_TRY_IN(OpenVault(remote.vault, environment, clock, context), what, Phase::kConfiguration);
  auto stack = std::make_unique<RemoteStack>(remote, curl, clock);
  OciIdentity identity = CLI_TRY_IN(
      MakeOciIdentity(
          {.auth = remote.auth, .region = remote.region, .needs_region = remote.endpoint.empty()},
          {stack->transport(), environment, clock, vault.get()}, context),
      what, Phase::kConfiguration);
  oci::OciStoreOptions options{.endpoint = remote.endpoint,
                               .region = identity.region,
                               .name_space = uri.name_space,
                               .bucket = uri.bucket,
                               .root = uri.path,
                               .environment = std::move(identity.variables)};
  stack->DescribeIdentity(std::move(identity.description));
  if (remote.auth.type == AuthType::kPreAuthenticatedRequest) {
    const Secret url = CLI_TRY_IN(remote.auth.url.Resolve(environment, vault.get(), context), what,
                                  Phase::kConfiguration);
    const Status taken = TakePreAuthenticatedUrl(url, options);
    if (!taken) return Fails(what, taken.error(), Phase::kConfiguration);
    stack->DescribeIdentity(
        "a pre-authenticated request, which can read, write and list as it was made to, but never "
        "delete or rename");
  }
  if (options.endpoint.empty() && !options.region.empty()) {
    options.endpoint = CLI_TRY_IN(
        oci::ObjectStorageEndpoint(options.region, options.name_space, options.environment), what,
        Phase::kConfiguration);
  }
  auto endpoint = opening.endpoints.Of(options.endpoint);
  auto store = CLI_TRY_IN(
      oci::MakeOciStore(options, stack->transport(), std::move(identity.provider), clock), what,
      Phase::kConfiguration);
  const auto probe = [&] { return store->Probe(opening.context); };
  CLI_TRY_IN(FewAttempts(opening, *endpoint, probe), what, Phase::kRemote);
  stack->Put(std::move(store), std::move(endpoint));
  return stack;
}

Outcome<std::unique_ptr<OpenStore>> OpenLocal(const LocalDirectory& directory,
                                              const std::string& what, Clock& clock) {
  auto store = OpenLocalStore({.directory = directory.path}, clock);
  if (!store && store.error().code == ErrorCode::kNotFound) {
    return Fails(ExitCode::kNotFound, fmt::format("'{}': no such directory", directory.path));
  }
  if (!store) return Fails(what, store.error(), Phase::kLocal);
  return std::make_unique<LocalStack>(*std::move(store));
}

}  // namespace

Outcome<std::unique_ptr<OpenStore>> StoreFactory::Open(const RemoteConfig& remote,
                                                       const CallContext& context) {
  RemoteConfig complete = remote;
  const std::string what = remote.name.empty() ? remote.Label() : "remote " + remote.name;
  if (const auto* local = std::get_if<LocalDirectory>(&complete.uri))
    return OpenLocal(*local, what, clock_);
  if (complete.auth.type == AuthType::kAutomatic) {
    complete.auth =
        CLI_TRY_IN(AuthFromEnvironment(complete.uri, environment_), what, Phase::kConfiguration);
  }
  const CurlOptions curl =
      CLI_TRY_IN(MakeCurlOptions(complete, environment_), what, Phase::kConfiguration);
  const Opening opening{what, curl, environment_, clock_, endpoints_, context};
  if (std::holds_alternative<OciUri>(complete.uri)) return OpenOciRemote(complete, opening);
  return OpenAzureRemote(complete, opening);
}

}  // namespace skybridge::cli
