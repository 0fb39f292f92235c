// How a call waits for another thread: until that thread notifies it, and not long past its own
// deadline or stop.
//
//   MutexLock lock(mutex_);
//   while (busy_) TRY_VOID(WaitWithin(context, clock_, idle_, mutex_, "the publication"));
#pragma once

#include <string_view>

#include "core/call_context.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "core/result.h"

namespace skybridge {

// Whether the call may go on. Errors: kTimedOut, kCancelled; their text names `what`.
Status CheckContext(const CallContext& context, const Clock& clock, std::string_view what);

// Returns after a notification or after a short time; the caller then checks its condition again.
// Errors: as above, and then it has not waited.
Status WaitWithin(const CallContext& context, const Clock& clock, CondVar& changed, Mutex& mutex,
                  std::string_view what) REQUIRES(mutex);

}  // namespace skybridge
