#include "backends/pace.h"

#include <algorithm>
#include <cmath>

namespace skybridge {
namespace {

using std::chrono::nanoseconds;

// A service that refuses every second request at random serves so many in a row once in a million.
constexpr int kServedWhenTooFast = 20;
// With these two, a service that refuses half of all requests costs a request as much waiting as a
// half of its answer takes: sum of 0.5^k * L/4 * 1.5^(k-1) = L/2.
constexpr int kPartOfLatency = 4;
constexpr double kGrowth = 1.5;
constexpr nanoseconds kLeastDelay = std::chrono::microseconds(500);
constexpr int kLatencyWeight = 8;  // a new answer counts for one part in so many

}  // namespace

void Pace::PauseUntil(MonotonicTime until) {
  MutexLock lock(mutex_);
  pause_end_ = std::max(pause_end_, until);
}

MonotonicTime Pace::pause_end() const {
  MutexLock lock(mutex_);
  return pause_end_;
}

void Pace::NoteServed(nanoseconds latency) {
  MutexLock lock(mutex_);
  usual_latency_ += (latency - usual_latency_) / kLatencyWeight;
  refused_in_a_row_ = 0;
  served_in_a_row_ = std::min(served_in_a_row_ + 1, kServedWhenTooFast);
}

nanoseconds Pace::NoteRefusal(MonotonicTime now, const PaceLimits& limits) {
  MutexLock lock(mutex_);
  // Requests that were on their way when the pause began are no news.
  if (now < pause_end_) return pause_end_ - now;
  const bool too_fast = served_in_a_row_ == kServedWhenTooFast;
  served_in_a_row_ = 0;
  nanoseconds delay = limits.first_delay;
  if (!too_fast) {
    const nanoseconds first = std::max(kLeastDelay, usual_latency_ / kPartOfLatency);
    const double grown = static_cast<double>(first.count()) * std::pow(kGrowth, refused_in_a_row_);
    const double most = static_cast<double>(limits.max_delay.count());
    delay = nanoseconds(static_cast<std::int64_t>(std::min(grown, most)));
    ++refused_in_a_row_;
  }
  if (delay >= limits.first_delay) pause_end_ = now + delay;
  return delay;
}

}  // namespace skybridge
