#include "core/call_wait.h"

#include <chrono>
#include <string>

namespace skybridge {
namespace {

// The call's clock may not be the machine's, and a stop notifies nobody: both are looked at this
// often.
constexpr std::chrono::milliseconds kWaitSlice{20};

}  // namespace

Status CheckContext(const CallContext& context, const Clock& clock, std::string_view what) {
  if (context.stop.stop_requested())
    return Fail(ErrorCode::kCancelled, std::string(what) + " was interrupted");
  if (clock.Now() < context.deadline) return {};
  return Fail(Error{.code = ErrorCode::kTimedOut,
                    .message = std::string(what) + " took too long",
                    .retryable = true});
}

Status WaitWithin(const CallContext& context, const Clock& clock, CondVar& changed, Mutex& mutex,
                  std::string_view what) {
  TRY_VOID(CheckContext(context, clock, what));
  changed.WaitUntil(mutex, std::chrono::steady_clock::now() + kWaitSlice);
  return {};
}

}  // namespace skybridge
