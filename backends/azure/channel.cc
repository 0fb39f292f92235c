#include "backends/azure/channel.h"

#include <algorithm>

#include <fmt/format.h>

#include "backends/azure/error.h"
#include "backends/azure/nonce.h"
#include "backends/azure/url.h"
#include "backends/send_in_turn.h"
#include "core/deadline.h"
#include "core/service_line.h"
#include "core/time_text.h"

namespace skybridge::azure {
namespace {

// The value of `timeout=`; 0 to send none: the service's own default is right when there is time
// enough.
std::int64_t ServerTimeoutSeconds(const Clock& clock, const CallContext& context) {
  constexpr std::chrono::seconds kLead{5};
  constexpr std::chrono::minutes kLongEnough{10};
  if (context.deadline == MonotonicTime::max()) return 0;
  const auto left =
      std::chrono::duration_cast<std::chrono::seconds>(TimeLeft(context.deadline, clock.Now()));
  if (left > kLongEnough) return 0;
  return std::max<std::int64_t>(1, (left - kLead).count());
}

bool IsSuccess(int status) { return status >= 200 && status < 300; }

}  // namespace

Channel::Channel(const Options& options, HttpTransport& transport, const Clock& clock)
    : transport_(transport),
      clock_(clock),
      server_clock_(clock),
      credential_(options.credential),
      api_version_(options.api_version) {}

Result<HttpResponse> Channel::Send(const HttpRequest& request, const ObjectKey& key,
                                   const CallContext& context) const {
  return SendInTurn(context, clock_, [&] { return SendAuthorized(request, key, context); });
}

Result<HttpResponse> Channel::SendAuthorized(const HttpRequest& request, const ObjectKey& key,
                                             const CallContext& context) const {
  bool refused = false;
  auto response = SendOnce(request, refused, context);
  if (refused) response = SendOnce(request, refused, context);
  const std::string what = fmt::format("{} '{}'", request.operation, key.path);
  if (response) {
    const bool stranger = !IsFromService(response->headers);
    if (stranger && IsMeaninglessFromStrangers(response->status))
      return Fail(StrangersAnswer(what, *response));
    server_clock_.Learn(response->headers);
    if (IsSuccess(response->status)) return response;
    return Fail(MakeError(what, *response, clock_.WallNow()));
  }
  response.error().message = what + ": " + response.error().message;
  return response;
}

Result<HttpResponse> Channel::SendOnce(HttpRequest request, bool& refused,
                                       const CallContext& context) const {
  if (const auto seconds = ServerTimeoutSeconds(clock_, context); seconds > 0) {
    request.url = WithQuery(request.url, fmt::format("timeout={}", seconds));
  }
  request.headers.Add("x-ms-version", api_version_);
  request.headers.Add("x-ms-date", FormatHttpDate(clock_.WallNow()));
  request.headers.Add("x-ms-client-request-id", MakeUuid());
  TRY_VOID(credential_->Authorize(request, WithoutLine(context)));
  auto response = transport_.Send(request, context);
  refused = response && response->status == 401 && credential_->Refused(request);
  return response;
}

}  // namespace skybridge::azure
