// Retry-After: how long a service wishes to be left alone. Pure; safe from many threads.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "core/clock.h"

namespace skybridge {

// A longer wish is cut to this: one wrong answer must not close an endpoint to all its callers for
// a day.
inline constexpr std::chrono::minutes kLongestRetryAfter{10};

// Seconds or an HTTP date (RFC 9110, section 10.2.3); a date that is past is zero. Anything else is
// as if it were not there.
std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view text, WallTime now);
// The same wish in milliseconds, as Azure's retry-after-ms.
std::optional<std::chrono::milliseconds> ParseRetryAfterMs(std::string_view text);

}  // namespace skybridge
