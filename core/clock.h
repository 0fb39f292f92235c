// Clock: the source of time; tests replace it. Monotonic time measures durations; wall time signs
// requests and stamps files. The two are never mixed.
#pragma once

#include <chrono>
#include <stop_token>

#include "core/mutex.h"

namespace skybridge {

using MonotonicTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

// Safe from many threads.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime Now() const = 0;
  virtual WallTime WallNow() const = 0;
  // True if `until` was reached, false if stopped first. Back-off, TTL sweeps and polls wait only
  // through this.
  virtual bool SleepUntil(MonotonicTime until, std::stop_token stop) = 0;
  // Waits for a notification of `changed`, at most until `until`. May return early: the caller
  // looks again at what it waits for.
  virtual void WaitUntil(CondVar& changed, Mutex& mutex, MonotonicTime until) const
      REQUIRES(mutex) = 0;
};

// The machine's own clocks.
class SystemClock final : public Clock {
 public:
  MonotonicTime Now() const override;
  WallTime WallNow() const override;
  bool SleepUntil(MonotonicTime until, std::stop_token stop) override;
  void WaitUntil(CondVar& changed, Mutex& mutex, MonotonicTime until) const override
      REQUIRES(mutex);
};

}  // namespace skybridge
