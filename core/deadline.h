// What is left of a deadline.
#pragma once

#include <chrono>

#include "core/clock.h"

namespace skybridge {

// How long until `deadline`: zero once it is reached, also for one that lies before all time.
constexpr std::chrono::nanoseconds TimeLeft(MonotonicTime deadline, MonotonicTime now) {
  return deadline > now ? deadline - now : std::chrono::nanoseconds(0);
}

}  // namespace skybridge
