// FakeClock: time that moves only when a test says so.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>

#include "core/clock.h"

namespace skybridge::testing {

// Safe from many threads.
class FakeClock final : public Clock {
 public:
  MonotonicTime Now() const override;
  WallTime WallNow() const override;
  bool SleepUntil(MonotonicTime until, std::stop_token stop) override;
  // Looks again every few milliseconds: a test may move the time while a thread waits.
  void WaitUntil(CondVar& changed, Mutex& mutex, MonotonicTime until) const override
      REQUIRES(mutex);

  // Moves both times forward and wakes the sleepers whose time has come.
  void Advance(std::chrono::nanoseconds by);
  void SetWall(WallTime now);
  // Returns when at least `count` threads sleep in SleepUntil.
  void WaitForSleepers(std::size_t count);
  // The next question for the wall time runs `hook` first, on its thread: something happens between
  // two steps of the code that asks.
  void BeforeNextWallNow(std::function<void()> hook);
  // Sleeping advances the clock by itself instead of waiting: for code that backs off on the test's
  // own thread.
  void AdvanceBySleeping(bool on);

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  MonotonicTime now_ = MonotonicTime(std::chrono::hours(1));
  WallTime wall_ = WallTime(std::chrono::seconds(1767608430));  // 2026-01-05T10:20:30Z
  std::size_t sleepers_ = 0;
  bool advance_by_sleeping_ = false;
  mutable std::function<void()> before_wall_now_;
};

}  // namespace skybridge::testing
