#include "cli/store_factory.h"

#include <unistd.h>

#include <cerrno>
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
#include "backends/rate_limited_store.h"
#include "backends/retrying_store.h"
#include "cli/azure_identity.h"
#include "cli/oci_identity.h"
#include "cli/vault_secrets.h"
#include "core/config_environment.h"
#include "core/log.h"

namespace skybridge::cli {
namespace {

// Who starts a command wants to know soon that the network is down; a store that has answered once
// is worth more patience.
constexpr int kOpenAttempts = 3;
constexpr std::chrono::milliseconds kOpenRetryDelay{500};

template <class Attempt>
auto FewAttempts(Clock& clock, const CallContext& context, Attempt attempt) -> decltype(attempt()) {
  for (int tries = 1;; ++tries) {
    auto result = attempt();
    if (result || !result.error().retryable || tries == kOpenAttempts) return result;
    const MonotonicTime next = clock.Now() + result.error().retry_after.value_or(kOpenRetryDelay);
    if (next >= context.deadline || !clock.SleepUntil(next, context.stop)) return result;
  }
}

// Members are destroyed from the last to the first: top-down.
class RemoteStack final : public OpenStore {
 public:
  RemoteStack(const RemoteConfig& remote, Clock& clock)
      : clock_(clock),
        limits_{.max_in_flight = remote.max_requests,
                .calls_per_second = remote.requests_per_second},
        retry_{.unreachable_after = remote.unreachable_after},
        curl_({.ca_file = remote.ca_file, .allow_plain_http = remote.allow_http}),
        transport_(curl_) {}

  // What this remote cost, for those who look.
  ~RemoteStack() override {
    for (const auto& [operation, counts] : transport_.Snapshot()) {
      Log(LogLevel::kDebug, "requests: {} {} times, {} bytes up, {} bytes down", operation,
          counts.requests, counts.body_bytes_sent, counts.body_bytes_received);
    }
  }

  HttpTransport& transport() { return transport_; }
  void Put(std::unique_ptr<ObjectStore> store) {
    base_ = std::move(store);
    limited_ = std::make_unique<RateLimitedStore>(*base_, clock_, limits_);
    retrying_ = std::make_unique<RetryingStore>(*limited_, endpoint_, clock_, retry_);
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
  EndpointState endpoint_;
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

Status CheckCaFile(const std::string& path) {
  if (path.empty() || access(path.c_str(), R_OK) == 0) return {};
  return Fail(ErrorFromErrno(errno, "ca_file " + path));
}

Outcome<std::unique_ptr<OpenStore>> OpenAzureRemote(const RemoteConfig& remote,
                                                    const std::string& what,
                                                    const Environment& environment, Clock& clock,
                                                    const CallContext& context) {
  const auto& uri = std::get<AzureUri>(remote.uri);
  auto stack = std::make_unique<RemoteStack>(remote, clock);
  azure::Options options{.account = uri.account,
                         .container = uri.container,
                         .root = uri.path.path,
                         .dfs_endpoint = uri.dfs_endpoint,
                         .blob_endpoint = uri.blob_endpoint,
                         .allow_http = remote.allow_http};
  if (remote.namespace_kind != NamespaceKind::kDetect) {
    options.hierarchical = remote.namespace_kind == NamespaceKind::kHierarchical;
  }
  std::shared_ptr<SecretVault> vault =
      CLI_TRY_IN(OpenVault(remote.vault, environment, clock, context), what, Phase::kConfiguration);
  options.credential = CLI_TRY_IN(MakeAzureCredential({.auth = remote.auth,
                                                       .uri = uri,
                                                       .transport = stack->transport(),
                                                       .clock = clock,
                                                       .environment = environment,
                                                       .vault = std::move(vault),
                                                       .context = context}),
                                  what, Phase::kConfiguration);
  stack->KeepIdentity(options.credential);
  const auto open = [&] { return azure::OpenStore(options, stack->transport(), clock, context); };
  auto store = CLI_TRY_IN(FewAttempts(clock, context, open), what, Phase::kRemote);
  const auto probe = [&] { return store->Probe(context); };
  CLI_TRY_IN(FewAttempts(clock, context, probe), what, Phase::kRemote);
  stack->Put(std::move(store));
  return stack;
}

// What the URL says, put into the options; it must be of the bucket that the configuration names.
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
                                                  const std::string& what,
                                                  const Environment& environment, Clock& clock,
                                                  const CallContext& context) {
  const auto& uri = std::get<OciUri>(remote.uri);
  auto vault =
      CLI_TRY_IN(OpenVault(remote.vault, environment, clock, context), what, Phase::kConfiguration);
  auto stack = std::make_unique<RemoteStack>(remote, clock);
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
                               .environment = OciVariables(environment)};
  if (remote.auth.type == AuthType::kPreAuthenticatedRequest) {
    const Secret url = CLI_TRY_IN(remote.auth.url.Resolve(environment, vault.get(), context), what,
                                  Phase::kConfiguration);
    const Status taken = TakePreAuthenticatedUrl(url, options);
    if (!taken) return Fails(what, taken.error(), Phase::kConfiguration);
    stack->DescribeIdentity(
        "a pre-authenticated request, which can read, write and list as it was made to, but never "
        "delete or rename");
  }
  auto store = CLI_TRY_IN(
      oci::MakeOciStore(options, stack->transport(), std::move(identity.provider), clock), what,
      Phase::kConfiguration);
  const auto probe = [&] { return store->Probe(context); };
  CLI_TRY_IN(FewAttempts(clock, context, probe), what, Phase::kRemote);
  stack->Put(std::move(store));
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
  const Status ca_file = CheckCaFile(complete.ca_file);
  if (!ca_file) return Fails(what, ca_file.error(), Phase::kConfiguration);
  if (std::holds_alternative<OciUri>(complete.uri))
    return OpenOciRemote(complete, what, environment_, clock_, context);
  return OpenAzureRemote(complete, what, environment_, clock_, context);
}

}  // namespace skybridge::cli
