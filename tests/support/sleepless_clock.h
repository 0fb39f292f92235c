// SleeplessClock: the machine's clocks, but who sleeps moves them ahead instead of waiting. For
// code that talks to real servers and backs off in between: a minute of backing off takes no time,
// and can be measured.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "core/clock.h"
#include "core/mutex.h"

namespace skybridge::testing {

// Safe from many threads.
class SleeplessClock final : public Clock {
 public:
  MonotonicTime Now() const override { return clock_.Now() + slept(); }
  WallTime WallNow() const override { return clock_.WallNow() + slept(); }

  bool SleepUntil(MonotonicTime until, std::stop_token stop) override {
    if (stop.stop_requested()) return false;
    std::function<void()> hook;
    {
      MutexLock lock(mutex_);
      const auto wait = until - (clock_.Now() + slept_);
      if (wait > wait.zero()) slept_ += wait;
      hook = std::exchange(at_next_sleep_, nullptr);
    }
    if (hook) hook();
    return true;
  }

  void WaitUntil(CondVar& changed, Mutex& mutex, MonotonicTime until) const override
      REQUIRES(mutex) {
    clock_.WaitUntil(changed, mutex,
                     clock_.Now() + std::min<std::chrono::nanoseconds>(
                                        until - Now(), std::chrono::milliseconds(2)));
  }

  void Advance(std::chrono::nanoseconds by) {
    MutexLock lock(mutex_);
    slept_ += by;
  }
  // All the time that was slept or skipped.
  std::chrono::nanoseconds slept() const {
    MutexLock lock(mutex_);
    return slept_;
  }
  // Runs once, when somebody sleeps next, before that one goes on: what others do between two
  // attempts.
  void AtNextSleep(std::function<void()> hook) {
    MutexLock lock(mutex_);
    at_next_sleep_ = std::move(hook);
  }

 private:
  SystemClock clock_;
  mutable Mutex mutex_;
  std::chrono::nanoseconds slept_ GUARDED_BY(mutex_){0};
  std::function<void()> at_next_sleep_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::testing
