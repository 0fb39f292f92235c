// SendInTurn: sends a request again when the service refuses it for its rate. A call of several
// requests then goes on from where it was; repeated as a whole, it would hardly ever get through a
// service that refuses every second request.
#pragma once

#include "core/call_context.h"
#include "core/clock.h"
#include "core/result.h"
#include "core/service_line.h"

namespace skybridge {

// `send()` makes one request, with a signature of its own each time, and returns a Result. A
// refusal is kThrottled: the service has done nothing. Without a line nothing is repeated.
template <class Send>
auto SendInTurn(const CallContext& context, const Clock& clock, Send send) -> decltype(send()) {
  for (int refusals = 1;; ++refusals) {
    const MonotonicTime start = clock.Now();
    auto answer = send();
    if (context.line == nullptr) return answer;
    if (answer || answer.error().code != ErrorCode::kThrottled) {
      const bool served = answer || answer.error().remote.http_status != 0;
      if (served) context.line->Served(clock.Now() - start);
      return answer;
    }
    if (!context.line->AwaitTurn(answer.error(), refusals)) return answer;
  }
}

}  // namespace skybridge
