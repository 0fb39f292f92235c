#include "core/call_wait.h"

#include <algorithm>
#include <chrono>
#include <string>

namespace skybridge {
namespace {

// A stop request notifies no condition variable, so it is polled this often.
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
  clock.WaitUntil(changed, mutex, std::min(context.deadline, clock.Now() + kWaitSlice));
  return {};
}

}  // namespace skybridge
