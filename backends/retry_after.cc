#include "backends/retry_after.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "core/time_text.h"

namespace skybridge {
namespace {

using std::chrono::milliseconds;

// A number that no 64 bits hold is only a very long time.
std::optional<std::int64_t> ParseCount(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return std::nullopt;
  if (text.starts_with('-')) return std::nullopt;
  return error == std::errc() ? count : INT64_MAX;
}

}  // namespace

std::optional<milliseconds> ParseRetryAfter(std::string_view text, WallTime now) {
  if (const auto count = ParseCount(text)) {
    constexpr std::chrono::seconds kMost = kLongestRetryAfter;
    return std::min(std::chrono::seconds(*count), kMost);
  }
  const auto date = ParseHttpDate(text);
  if (!date) return std::nullopt;
  return std::clamp<milliseconds>(std::chrono::duration_cast<milliseconds>(*date - now),
                                  milliseconds(0), kLongestRetryAfter);
}

std::optional<milliseconds> ParseRetryAfterMs(std::string_view text) {
  const auto count = ParseCount(text);
  if (!count) return std::nullopt;
  return std::min<milliseconds>(milliseconds(*count), kLongestRetryAfter);
}

}  // namespace skybridge
