// EndpointPause: until when callers stay away from an endpoint that answered "slow down". One
// object for each service endpoint, shared by all stores and threads that talk to it, so that one
// throttled call slows them all.
#pragma once

#include <algorithm>

#include "core/clock.h"
#include "core/mutex.h"

namespace skybridge {

// Safe from many threads.
class EndpointPause {
 public:
  // Never shortens a pause that is longer already.
  void ExtendTo(MonotonicTime until) {
    MutexLock lock(mutex_);
    until_ = std::max(until_, until);
  }
  MonotonicTime until() const {
    MutexLock lock(mutex_);
    return until_;
  }

 private:
  mutable Mutex mutex_;
  MonotonicTime until_ GUARDED_BY(mutex_) = MonotonicTime::min();
};

}  // namespace skybridge
