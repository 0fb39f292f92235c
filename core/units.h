// Sizes and times as people write and read them. Pure; safe from many threads; no locale.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace skybridge {

// "1000", "64MiB", "1.5GiB", "10GB": a number and a unit without regard to case. KB MB GB TB PB
// count in 1000; KiB MiB GiB TiB PiB, and the bare letters K M G T P, in 1024; B or nothing is
// bytes. A fraction of a byte is cut off. Errors: kInvalidArgument, also for what 64 bits cannot
// hold.
Result<std::uint64_t> ParseSize(std::string_view text);

// "250ms", "1s", "1.5s", "5m", "2h", "1d", "1h30m". A number needs its unit, but "0" does not.
// Errors: kInvalidArgument, also for over 100 years.
Result<std::chrono::milliseconds> ParseDuration(std::string_view text);

std::string FormatBytes(std::uint64_t bytes);     // "999 B", "1.5 KiB", "64.0 MiB"
std::string FormatRate(double bytes_per_second);  // "61.3 MiB/s"
// "250ms", "4.2s", "3m05s", "2h07m", "3d04h"
std::string FormatDuration(std::chrono::milliseconds time);
std::string FormatCount(std::uint64_t count);  // "1,234,567"

}  // namespace skybridge
