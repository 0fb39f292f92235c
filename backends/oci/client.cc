#include "backends/oci/client.h"

#include <utility>

#include <fmt/format.h>

#include "backends/identity_failure.h"
#include "backends/oci/error.h"
#include "backends/send_in_turn.h"
#include "core/service_line.h"
#include "core/time_text.h"

namespace skybridge::oci {
namespace {

constexpr int kUnauthorized = 401;
// The service refuses dates further away than this ("Request Signatures").
constexpr std::chrono::minutes kMaxClockSkew{5};

bool IsSuccess(int status) { return status >= 200 && status < 300; }

// A refused signature most often is a wrong clock: say so instead of leaving the reader to guess.
void ExplainClockSkew(const HttpResponse& response, WallTime now, Error& error) {
  const auto server = ParseHttpDate(response.headers.Get("date"));
  if (response.status != kUnauthorized || !server) return;
  const auto behind = std::chrono::round<std::chrono::seconds>(*server - now);
  if (std::chrono::abs(behind) <= kMaxClockSkew) return;
  error.Advise(fmt::format("this machine's clock is {} s {} the service's: set it right",
                           std::chrono::abs(behind).count(),
                           behind.count() > 0 ? "behind" : "ahead of"));
}

}  // namespace

Client::Client(HttpTransport& transport, std::unique_ptr<IdentityProvider> identities, Clock& clock)
    : transport_(transport), identities_(std::move(identities)), clock_(clock) {}

Result<HttpResponse> Client::Send(Call call, std::string_view what, const CallContext& context) {
  if (!call.json.empty()) call.http.body = AsBytes(call.json);
  return SendInTurn(context, clock_, [&] { return SendAsUs(call, what, context); });
}

Result<HttpResponse> Client::SendAsUs(Call& call, std::string_view what,
                                      const CallContext& context) {
  std::shared_ptr<const Identity> identity = TRY(WhoWeAre(context));
  Result<HttpResponse> response = SendSigned(call, *identity, context);
  if (response && response->status == kUnauthorized && identities_->Renew(*identity)) {
    identity = TRY(WhoWeAre(context));
    response = SendSigned(call, *identity, context);
  }
  if (!response) {
    Error error = std::move(response).error();
    error.message = std::string(what) + ": " + error.message;
    return Fail(std::move(error));
  }
  if (!IsFromService(response->headers) && IsMeaninglessFromStrangers(response->status))
    return Fail(StrangersAnswer(what, *response));
  if (IsSuccess(response->status)) return response;
  Error error = ErrorFromResponse(what, *response, clock_.WallNow());
  ExplainClockSkew(*response, clock_.WallNow(), error);
  return Fail(std::move(error));
}

Result<std::shared_ptr<const Identity>> Client::WhoWeAre(const CallContext& context) {
  auto identity = identities_->Current(WithoutLine(context));
  if (!identity) return Fail(AsIdentityFailure(std::move(identity).error()));
  return identity;
}

Result<HttpResponse> Client::SendSigned(Call& call, const Identity& identity,
                                        const CallContext& context) {
  TRY_VOID(SignRequest(identity, call.signing, clock_.WallNow(), call.http));
  return transport_.Send(call.http, context);
}

}  // namespace skybridge::oci
