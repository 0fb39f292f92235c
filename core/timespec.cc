#include "core/timespec.h"

#include <cstdint>

namespace skybridge {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

}  // namespace

// Not floor<seconds>: the earliest second begins before the earliest nanosecond that fits.
std::timespec ToTimespec(WallTime time) {
  const std::int64_t total = time.time_since_epoch().count();
  const std::int64_t rest = total % kNanosPerSecond;
  const bool borrows = rest < 0;
  return {.tv_sec = total / kNanosPerSecond - (borrows ? 1 : 0),
          .tv_nsec = borrows ? rest + kNanosPerSecond : rest};
}

WallTime FromTimespec(const std::timespec& time) {
  std::int64_t total = 0;
  if (__builtin_mul_overflow(std::int64_t{time.tv_sec}, kNanosPerSecond, &total) ||
      __builtin_add_overflow(total, std::int64_t{time.tv_nsec}, &total)) {
    return time.tv_sec < 0 ? WallTime::min() : WallTime::max();
  }
  return WallTime(std::chrono::nanoseconds(total));
}

}  // namespace skybridge
