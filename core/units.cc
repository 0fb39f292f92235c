#include "core/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

namespace skybridge {
namespace {

constexpr std::uint64_t kKibi = 1024;
constexpr std::uint64_t kKilo = 1000;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

struct Number {
  std::uint64_t whole = 0;
  double fraction = 0;  // in [0, 1)
  std::string_view rest;
};

// A decimal without sign or exponent. Whole part and fraction apart, so that large sizes stay
// exact.
std::optional<Number> ReadNumber(std::string_view text) {
  Number number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number.whole);
  if (error != std::errc()) return std::nullopt;
  number.rest = text.substr(static_cast<std::size_t>(end - text.data()));
  if (!number.rest.starts_with('.')) return number;
  number.rest.remove_prefix(1);
  if (number.rest.empty() || number.rest[0] < '0' || number.rest[0] > '9') return std::nullopt;
  double weight = 0.1;
  while (!number.rest.empty() && number.rest[0] >= '0' && number.rest[0] <= '9') {
    number.fraction += weight * (number.rest[0] - '0');
    weight /= 10;
    number.rest.remove_prefix(1);
  }
  return number;
}

std::optional<std::uint64_t> SizeUnit(std::string_view unit) {
  const std::string name = Lower(unit);
  if (name.empty() || name == "b") return 1;
  constexpr std::string_view kLetters = "kmgtp";
  const auto power = kLetters.find(name[0]);
  if (power == std::string_view::npos) return std::nullopt;
  const std::string_view tail = std::string_view(name).substr(1);
  if (tail != "" && tail != "b" && tail != "ib") return std::nullopt;
  std::uint64_t factor = 1;
  for (std::size_t i = 0; i <= power; ++i) factor *= tail == "b" ? kKilo : kKibi;
  return factor;
}

struct TimeUnit {
  std::string_view name;
  std::uint64_t milliseconds;
};

constexpr std::array<TimeUnit, 5> kTimeUnits = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::uint64_t kLongestMilliseconds = std::uint64_t{86'400'000} * 36'525;

Error NotASize(std::string_view text) {
  return Error{
      .code = ErrorCode::kInvalidArgument,
      .message = fmt::format(
          "'{}' is not a size; write a number and a unit such as 64MiB, 50GiB or 10GB", text)};
}

Error NotADuration(std::string_view text) {
  return Error{
      .code = ErrorCode::kInvalidArgument,
      .message = fmt::format(
          "'{}' is not a duration; write a number and a unit such as 250ms, 5s, 1m or 2h", text)};
}

}  // namespace

Result<std::uint64_t> ParseSize(std::string_view text) {
  const auto number = ReadNumber(text);
  if (!number) return Fail(NotASize(text));
  std::string_view unit = number->rest;
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  const auto factor = SizeUnit(unit);
  if (!factor) return Fail(NotASize(text));
  std::uint64_t bytes = 0;
  const auto extra =
      static_cast<std::uint64_t>(number->fraction * static_cast<double>(*factor) + 1e-6);
  if (__builtin_mul_overflow(number->whole, *factor, &bytes) ||
      __builtin_add_overflow(bytes, extra, &bytes)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is too large a size", text));
  }
  return bytes;
}

Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  if (text.empty()) return Fail(NotADuration(text));
  double total = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const auto number = ReadNumber(rest);
    if (!number) return Fail(NotADuration(text));
    const auto letters = std::min(number->rest.find_first_of("0123456789"), number->rest.size());
    const std::string_view name = number->rest.substr(0, letters);
    const TimeUnit* unit = nullptr;
    for (const TimeUnit& candidate : kTimeUnits) {
      if (candidate.name == name) unit = &candidate;
    }
    if (unit == nullptr) return Fail(NotADuration(text));
    total += (static_cast<double>(number->whole) + number->fraction) *
             static_cast<double>(unit->milliseconds);
    rest = number->rest.substr(letters);
  }
  if (total > static_cast<double>(kLongestMilliseconds)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is too long a duration", text));
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::llround(total)));
}

std::string FormatBytes(std::uint64_t bytes) {
  if (bytes < kKibi) return fmt::format("{} B", bytes);
  constexpr std::array<const char*, 6> kNames = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / static_cast<double>(kKibi);
  std::size_t unit = 0;
  // 1023.95 would print as "1024.0".
  while (value >= 1023.95 && unit + 1 < kNames.size()) {
    value /= static_cast<double>(kKibi);
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kNames[unit]);
}

std::string FormatRate(double bytes_per_second) {
  if (!(bytes_per_second > 0)) return "0 B/s";
  constexpr double kMost = 1e18;
  return FormatBytes(static_cast<std::uint64_t>(std::min(bytes_per_second, kMost))) + "/s";
}

std::string FormatDuration(std::chrono::milliseconds time) {
  const std::int64_t ms = std::max<std::int64_t>(time.count(), 0);
  if (ms < 1000) return fmt::format("{}ms", ms);
  if (ms < 60'000) return fmt::format("{:.1f}s", std::floor(static_cast<double>(ms) / 100) / 10);
  const std::int64_t seconds = ms / 1000;
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{}h{:02}m", seconds / 3600, seconds % 3600 / 60);
  return fmt::format("{}d{:02}h", seconds / 86'400, seconds % 86'400 / 3600);
}

std::string FormatCount(std::uint64_t count) {
  std::string digits = fmt::format("{}", count);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

}  // namespace skybridge
