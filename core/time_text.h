// Times as the wire and the user write them. Pure; safe from many threads; no locale.
#pragma once

#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"

namespace skybridge {

// "Mon, 05 Jan 2026 10:20:30 GMT" (RFC 1123; fractions of a second are cut off).
std::string FormatHttpDate(WallTime time);
// Nothing before 1970: no service is that old, and the time from any of these dates to our own
// clock fits into 64 bits of nanoseconds.
Result<WallTime> ParseHttpDate(std::string_view text);

// "2026-01-05T10:20:30.123456789Z": RFC 3339, UTC, `fraction_digits` (0 to 9) decimals.
std::string FormatRfc3339(WallTime time, int fraction_digits = 9);
// Accepts 'Z' or an offset, and 0 to 9 decimals (more are cut off). Reads whatever Format writes:
// every WallTime (years 1677 to 2262).
Result<WallTime> ParseRfc3339(std::string_view text);

// "1354040105.123456789": Unix seconds as a decimal fraction, trailing zeros dropped.
std::string FormatUnixSeconds(WallTime time);
Result<WallTime> ParseUnixSeconds(std::string_view text);

}  // namespace skybridge
