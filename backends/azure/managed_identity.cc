#include "backends/azure/managed_identity.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/encoding.h"
#include "core/file_descriptor.h"

namespace skybridge::azure {
namespace {

constexpr std::string_view kImdsHost = "http://169.254.169.254";
constexpr std::string_view kImdsPath = "/metadata/identity/oauth2/token";
constexpr std::string_view kResource = "https://storage.azure.com/";  // here without "/.default"
constexpr std::chrono::milliseconds kFirstDelay{800};
constexpr std::chrono::seconds kFirstDelayWhenGone{3};
constexpr std::chrono::seconds kLongestDelay{64};
constexpr std::chrono::hours kLongLived{2};
constexpr std::size_t kMaxArcSecretBytes = 4096;

// The name of each service's parameters, in the order of the enumeration.
struct Dialect {
  std::string_view name;
  std::string_view api_version;
  std::string_view client_id;
  std::string_view object_id;    // empty: cannot be asked for
  std::string_view resource_id;  // likewise
};
constexpr std::array kDialects{
    Dialect{"instance metadata service", "2018-02-01", "client_id", "object_id", "msi_res_id"},
    Dialect{"App Service", "2019-08-01", "client_id", "principal_id", "mi_res_id"},
    Dialect{"App Service (2017)", "2017-09-01", "clientid", "", ""},
    Dialect{"Cloud Shell", "", "", "", ""},
    Dialect{"Azure Arc", "2019-11-01", "", "", ""},
};

const Dialect& DialectOf(ManagedIdentityKind kind) {
  return kDialects[static_cast<std::size_t>(kind)];
}

// 410: the service is being upgraded; 404: the identity is being set up.
bool IsPassing(int status) {
  return status == 404 || status == 410 || status == 429 || status >= 500;
}

// {"error":"invalid_request","error_description":"Identity not found"}
bool IsNoIdentity(const HttpResponse& response) {
  // Docker Desktop answers for the address with a 403 that says that the network is unreachable.
  if (response.status == 403) return response.body.find("unreachable") != std::string::npos;
  return response.status == 400 && response.body.find("Identity not found") != std::string::npos;
}

struct Parameter {
  std::string_view name;
  std::string_view value;
};

// What is asked for, in the service's words; nothing for the default identity. kInvalidArgument as
// told in Make.
Result<Parameter> WhichIdentity(const ManagedIdentityOptions& options) {
  const Dialect& dialect = DialectOf(options.service.kind);
  Parameter found;
  for (const auto& [name, value] :
       {std::pair(dialect.client_id, std::string_view(options.client_id)),
        std::pair(dialect.object_id, std::string_view(options.object_id)),
        std::pair(dialect.resource_id, std::string_view(options.resource_id))}) {
    if (value.empty()) continue;
    if (!found.value.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "a managed identity takes one of client_id, object_id and resource_id");
    }
    if (name.empty()) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("the managed identity of {} cannot be chosen by that id", dialect.name));
    }
    found = {name, value};
  }
  return found;
}

// "Basic realm=/var/opt/azcmagent/tokens/1.key"
std::string_view RealmOf(std::string_view challenge) {
  constexpr std::string_view kRealm = "Basic realm=";
  if (!challenge.starts_with(kRealm)) return {};
  challenge.remove_prefix(kRealm.size());
  if (challenge.size() >= 2 && challenge.front() == '"' && challenge.back() == '"') {
    challenge = challenge.substr(1, challenge.size() - 2);
  }
  return challenge;
}

}  // namespace

ManagedIdentityService FindManagedIdentity(const Environment& environment) {
  const auto get = [&](const char* name) { return environment.Get(name).value_or(""); };
  const std::string identity_endpoint = get("IDENTITY_ENDPOINT");
  const std::string msi_endpoint = get("MSI_ENDPOINT");
  if (!identity_endpoint.empty() && environment.Get("IDENTITY_HEADER")) {
    return {ManagedIdentityKind::kAppService2019, identity_endpoint,
            Secret(get("IDENTITY_HEADER"))};
  }
  if (!identity_endpoint.empty() && environment.Get("IMDS_ENDPOINT")) {
    return {ManagedIdentityKind::kAzureArc, identity_endpoint, Secret()};
  }
  if (!msi_endpoint.empty() && environment.Get("MSI_SECRET")) {
    return {ManagedIdentityKind::kAppService2017, msi_endpoint, Secret(get("MSI_SECRET"))};
  }
  if (!msi_endpoint.empty()) return {ManagedIdentityKind::kCloudShell, msi_endpoint, Secret()};
  std::string host =
      environment.Get("AZURE_POD_IDENTITY_AUTHORITY_HOST").value_or(std::string(kImdsHost));
  while (host.ends_with('/')) host.pop_back();
  return {ManagedIdentityKind::kImds, host + std::string(kImdsPath), Secret()};
}

Result<std::unique_ptr<ManagedIdentitySource>> ManagedIdentitySource::Make(
    ManagedIdentityOptions options, HttpTransport& transport, Clock& clock) {
  const auto which = WhichIdentity(options);
  if (!which) return Fail(which.error());
  return std::unique_ptr<ManagedIdentitySource>(
      new ManagedIdentitySource(std::move(options), transport, clock));
}

HttpRequest ManagedIdentitySource::MakeRequest() const {
  const ManagedIdentityKind kind = options_.service.kind;
  HttpRequest request{
      .operation = "azure.managed_identity", .method = "GET", .url = options_.service.endpoint};
  request.url += fmt::format("?api-version={}&resource={}", DialectOf(kind).api_version,
                             PercentEncode(kResource));
  if (const auto which = WhichIdentity(options_); which && !which->value.empty()) {
    request.url += fmt::format("&{}={}", which->name, PercentEncode(which->value));
  }
  switch (kind) {
    case ManagedIdentityKind::kImds:
    case ManagedIdentityKind::kAzureArc:
      request.headers.Add("Metadata", "true");
      break;
    case ManagedIdentityKind::kAppService2019:
      request.headers.Add("X-IDENTITY-HEADER", std::string(options_.service.header.Reveal()));
      break;
    case ManagedIdentityKind::kAppService2017:
      request.headers.Add("secret", std::string(options_.service.header.Reveal()));
      break;
    case ManagedIdentityKind::kCloudShell: {
      static const std::string kForm = "resource=" + PercentEncode(kResource);
      request.method = "POST";
      request.url = options_.service.endpoint;
      request.body = AsBytes(kForm);
      request.headers.Add("Metadata", "true");
      request.headers.Add("Content-Type", "application/x-www-form-urlencoded");
      break;
    }
  }
  return request;
}

Status ManagedIdentitySource::Probe(const CallContext& context) {
  if (!options_.probe || options_.service.kind != ManagedIdentityKind::kImds || answers_) return {};
  CallContext short_context = context;
  short_context.deadline = std::min(context.deadline, clock_.Now() + kProbeTime);
  // Without its header the service refuses at once: no token is made for a question.
  const HttpRequest request{.operation = "azure.managed_identity_probe",
                            .method = "GET",
                            .url = options_.service.endpoint + "?api-version=2018-02-01"};
  const auto response = transport_.Send(request, short_context);
  if (!response && response.error().code == ErrorCode::kCancelled) return Fail(response.error());
  if (!response) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("no instance metadata service answers within {} s ({})",
                            kProbeTime.count(), response.error().message));
  }
  if (IsNoIdentity(*response))
    return Fail(ErrorCode::kNotFound, "the instance metadata service is unreachable");
  answers_ = true;
  return {};
}

Result<AccessToken> ManagedIdentitySource::Fetch(const CallContext& context) {
  TRY_VOID(Probe(context));
  std::chrono::milliseconds delay{0};
  for (int tries = 1;; ++tries) {
    auto token = Ask(context);
    if (token || !token.error().retryable || tries == kAttempts) return token;
    const bool gone = token.error().remote.http_status == 410;
    if (delay.count() == 0) {
      delay = gone ? std::chrono::milliseconds(kFirstDelayWhenGone) : kFirstDelay;
    } else {
      delay = std::min<std::chrono::milliseconds>(delay * 2, kLongestDelay);
    }
    const std::chrono::nanoseconds wait = token.error().retry_after.value_or(delay);
    const MonotonicTime next = clock_.Now() + wait;
    if (next >= context.deadline || !clock_.SleepUntil(next, context.stop)) return token;
  }
}

Result<AccessToken> ManagedIdentitySource::Ask(const CallContext& context) const {
  const MonotonicTime asked = clock_.Now();
  const std::string_view name = DialectOf(options_.service.kind).name;
  const auto exchanged = Exchange(context);
  if (!exchanged) {
    Error error = exchanged.error();
    const bool nobody_answers = error.code == ErrorCode::kUnavailable ||
                                error.code == ErrorCode::kUnreachable ||
                                error.code == ErrorCode::kTimedOut;
    error.message = fmt::format("managed identity ({}): {}{}", name, error.message,
                                nobody_answers ? "; does this machine have one?" : "");
    return Fail(std::move(error));
  }
  const HttpResponse& response = *exchanged;
  if (IsNoIdentity(response)) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("the {} has no such identity for this machine", name));
  }
  auto token = ParseTokenReply(response, asked, clock_.WallNow());
  if (!token) {
    Error& error = token.error();
    error.message = fmt::format("managed identity ({}): {}", name, error.message);
    error.retryable |= IsPassing(response.status);
    // The service's "not yet".
    if (error.retryable && error.code == ErrorCode::kUnauthenticated)
      error.code = ErrorCode::kUnavailable;
    return token;
  }
  // Machines keep their tokens for a day: with half of it left the service may be away for long.
  if (token->expires - asked >= kLongLived) {
    token->refresh_at = std::min(token->refresh_at, asked + (token->expires - asked) / 2);
  }
  return token;
}

Result<HttpResponse> ManagedIdentitySource::Exchange(const CallContext& context) const {
  HttpRequest request = MakeRequest();
  auto response = transport_.Send(request, context);
  if (options_.service.kind != ManagedIdentityKind::kAzureArc || !response ||
      response->status != 401)
    return response;
  // Who may read the file that Arc names may have the token.
  const Secret proof = TRY(ReadArcChallenge(*response));
  request.headers.Add("Authorization", "Basic " + std::string(proof.Reveal()));
  return transport_.Send(request, context);
}

// Only a small *.key file of Arc's own directory: whoever answered in Arc's place must not get
// other files from us.
Result<Secret> ManagedIdentitySource::ReadArcChallenge(const HttpResponse& response) const {
  const std::string path(RealmOf(response.headers.Get("WWW-Authenticate")));
  const auto slash = path.rfind('/');
  const bool ours = slash != std::string::npos &&
                    path.substr(0, slash) == options_.arc_token_directory && path.ends_with(".key");
  if (!ours) {
    return Fail(ErrorCode::kUnauthenticated,
                fmt::format("Azure Arc's challenge is not a .key file of {}",
                            options_.arc_token_directory));
  }
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) {
    Error error = ErrorFromErrno(errno, "Azure Arc's challenge file " + path);
    error.code = ErrorCode::kUnauthenticated;
    error.Advise("is this user in the group himds?");
    return Fail(std::move(error));
  }
  std::string content(kMaxArcSecretBytes + 1, '\0');
  const std::size_t size = TRY(ReadUpTo(file.get(), content.data(), content.size(), path));
  if (size > kMaxArcSecretBytes) {
    return Fail(ErrorCode::kUnauthenticated,
                fmt::format("Azure Arc's challenge file {} is too long", path));
  }
  content.resize(size);
  return Secret(std::move(content));
}

std::string ManagedIdentitySource::Describe() const {
  const auto which = WhichIdentity(options_);
  const bool chosen = which && !which->value.empty();
  return fmt::format("managed identity {}({})", chosen ? std::string(which->value) + " " : "",
                     DialectOf(options_.service.kind).name);
}

}  // namespace skybridge::azure
