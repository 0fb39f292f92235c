#include "core/clock.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace skybridge {

MonotonicTime SystemClock::Now() const { return std::chrono::steady_clock::now(); }

WallTime SystemClock::WallNow() const {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

bool SystemClock::SleepUntil(MonotonicTime until, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_until(lock, stop, until, [] { return false; });
  return !stop.stop_requested();
}

void SystemClock::WaitUntil(CondVar& changed, Mutex& mutex, MonotonicTime until) const {
  // Far deadlines overflow the arithmetic inside a condition variable.
  changed.WaitUntil(mutex, std::min(until, Now() + std::chrono::hours(1)));
}

}  // namespace skybridge
