// Between WallTime and the kernel's timespec. Pure; safe from many threads.
#pragma once

#include <ctime>

#include "core/clock.h"

namespace skybridge {

// 0 to 999'999'999 nanoseconds, also before 1970.
std::timespec ToTimespec(WallTime time);
// A time that 64 bits of nanoseconds cannot hold (before 1677, after 2262) becomes the nearest one
// that they can, as the kernel does it for file systems whose times end sooner.
WallTime FromTimespec(const std::timespec& time);

}  // namespace skybridge
