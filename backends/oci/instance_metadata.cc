#include "backends/oci/instance_metadata.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "backends/oci/error.h"

namespace skybridge::oci {
namespace {

constexpr std::string_view kBase = "http://169.254.169.254/opc/v2";
constexpr int kAttempts = 4;
constexpr std::chrono::seconds kFirstPause{1};
constexpr std::chrono::seconds kAttemptTime{5};

// No PEM, region, id or JSON of this service has one.
bool IsPage(std::string_view body) { return body.find('<') != std::string_view::npos; }

// Also of a portal's page.
bool MayPass(int status) {
  return status == 200 || status == 404 || status == 429 || status >= 500;
}

Error Refusal(std::string_view path, const HttpResponse& response, WallTime now) {
  const std::string what = fmt::format("instance metadata {}", path);
  if (response.status == 200) return StrangersAnswer(what, response);
  Error error = ErrorFromIssuer(what, response, now);
  // The service's "not yet".
  if (MayPass(response.status) && error.code == ErrorCode::kUnauthenticated) {
    error.code = ErrorCode::kUnavailable;
    error.retryable = true;
  }
  return error;
}

std::string Trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

}  // namespace

InstanceMetadata::InstanceMetadata(HttpTransport& transport, Clock& clock,
                                   const Environment& environment)
    : transport_(transport),
      clock_(clock),
      environment_(environment),
      base_(environment("OCI_METADATA_BASE_URL").value_or(std::string(kBase))) {
  while (base_.ends_with('/')) base_.pop_back();
}

Result<std::string> InstanceMetadata::Get(std::string_view path, const CallContext& context) const {
  HttpRequest request{
      .operation = "oci.instance_metadata", .method = "GET", .url = base_ + std::string(path)};
  request.headers.Add("authorization", "Bearer Oracle");
  std::chrono::milliseconds pause = kFirstPause;
  for (int attempt = 1;; ++attempt, pause *= 2) {
    CallContext short_context = context;
    short_context.deadline = std::min(context.deadline, clock_.Now() + kAttemptTime);
    Result<HttpResponse> response = transport_.Send(request, short_context);
    if (response && response->status == 200 && !IsPage(response->body))
      return Trimmed(std::move(response->body));
    const bool may_pass = response ? MayPass(response->status) : response.error().retryable;
    const MonotonicTime wake = clock_.Now() + pause;
    if (may_pass && attempt < kAttempts && wake < context.deadline &&
        clock_.SleepUntil(wake, context.stop))
      continue;
    if (response) return Fail(Refusal(path, *response, clock_.WallNow()));
    Error error = std::move(response).error();
    error.message = fmt::format("instance metadata {}: nobody answers ({})", path, error.message);
    error.Advise("is this an OCI instance?");
    if (error.code != ErrorCode::kCancelled) error.code = ErrorCode::kUnauthenticated;
    error.retryable = false;
    return Fail(std::move(error));
  }
}

Result<InstancePlace> InstanceMetadata::Place(std::string_view region,
                                              const CallContext& context) const {
  std::string id(region);
  if (id.empty()) id = TRY(Get("/instance/region", context));
  if (id.empty()) return Fail(ErrorCode::kCorrupt, "instance metadata: the region is empty");
  id = RegionId(id, environment_);
  const bool holds_its_domain = id.find('.') != std::string::npos;
  if (holds_its_domain || IsKnownRegion(id, environment_)) return InstancePlace{id, environment_};
  const auto told = Get("/instance/regionInfo", context);
  const RegionFacts facts = told ? ParseRegionFacts(*told) : RegionFacts();
  if (facts.domain.empty()) return InstancePlace{id, environment_};
  if (facts.code == id && !facts.id.empty()) id = facts.id;
  // What an instance reaches with its identity is in its own realm.
  const auto in_realm = [given = environment_, domain = facts.domain](std::string_view name) {
    return name == "OCI_DEFAULT_REALM" ? std::optional(domain) : given(name);
  };
  return InstancePlace{id, in_realm};
}

}  // namespace skybridge::oci
