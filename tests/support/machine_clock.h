// MachineClock: the machine's own clock, for what a test lets run in real time.
#pragma once

#include "core/clock.h"

namespace skybridge::testing {

inline Clock& MachineClock() {
  static SystemClock clock;
  return clock;
}

}  // namespace skybridge::testing
