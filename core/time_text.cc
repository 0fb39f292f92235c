#include "core/time_text.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

namespace skybridge {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::array<std::string_view, 7> kWeekdays = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Reads one calendar text from left to right; after a mismatch every read fails.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  int Number(std::size_t digits) {
    int value = 0;
    if (text_.size() < digits) return Bad();
    for (std::size_t i = 0; i < digits; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return Bad();
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return value;
  }
  void Literal(std::string_view expected) {
    if (text_.starts_with(expected)) {
      text_.remove_prefix(expected.size());
    } else {
      Bad();
    }
  }
  template <std::size_t N>
  int Word(const std::array<std::string_view, N>& words) {
    for (std::size_t i = 0; i < N; ++i) {
      if (text_.starts_with(words[i])) {
        text_.remove_prefix(words[i].size());
        return static_cast<int>(i);
      }
    }
    return Bad();
  }
  // ".123" as nanoseconds; nothing there is zero.
  std::int64_t Fraction() {
    if (!text_.starts_with('.')) return 0;
    text_.remove_prefix(1);
    std::int64_t value = 0;
    int digits = 0;
    for (; !text_.empty() && text_[0] >= '0' && text_[0] <= '9'; text_.remove_prefix(1), ++digits) {
      if (digits < 9) value = value * 10 + (text_[0] - '0');
    }
    if (digits == 0) Bad();
    for (; digits < 9; ++digits) value *= 10;
    return value;
  }
  char Peek() const { return text_.empty() ? '\0' : text_[0]; }
  void Skip() { text_.remove_prefix(1); }
  bool ok() const { return ok_ && text_.empty(); }

 private:
  int Bad() {
    ok_ = false;
    return 0;
  }
  std::string_view text_;
  bool ok_ = true;
};

struct Calendar {
  int year, month, day, hour, minute, second;
};

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

// The sum of both; nothing for what 64 bits of nanoseconds cannot hold.
std::optional<WallTime> FromSeconds(std::int64_t whole, std::int64_t nanos) {
  // Rounded towards zero: the earliest second does not fit before its fraction is added.
  if (whole < 0 && nanos > 0) {
    ++whole;
    nanos -= kNanosPerSecond;
  }
  std::int64_t total = 0;
  if (__builtin_mul_overflow(whole, kNanosPerSecond, &total) ||
      __builtin_add_overflow(total, nanos, &total)) {
    return std::nullopt;
  }
  return WallTime(nanoseconds(total));
}

std::optional<WallTime> FromCalendar(const Calendar& c, std::int64_t nanos, minutes offset = {}) {
  const std::chrono::year_month_day date{std::chrono::year(c.year),
                                         std::chrono::month(static_cast<unsigned>(c.month)),
                                         std::chrono::day(static_cast<unsigned>(c.day))};
  if (!date.ok() || c.hour > 23 || c.minute > 59 || c.second > 60) return std::nullopt;
  const seconds whole = std::chrono::sys_days(date).time_since_epoch() + hours(c.hour) +
                        minutes(c.minute) + seconds(c.second) - offset;
  return FromSeconds(whole.count(), nanos);
}

// Not floor<days>: the earliest day begins before the earliest nanosecond that fits.
std::pair<std::chrono::year_month_day, std::chrono::hh_mm_ss<nanoseconds>> Split(WallTime time) {
  constexpr std::int64_t kNanosPerDay = nanoseconds(days(1)).count();
  const std::int64_t total = time.time_since_epoch().count();
  const std::int64_t rest = total % kNanosPerDay;
  const std::int64_t of_day = rest < 0 ? rest + kNanosPerDay : rest;
  const std::chrono::sys_days day{days(total / kNanosPerDay - (rest < 0 ? 1 : 0))};
  return {std::chrono::year_month_day(day),
          std::chrono::hh_mm_ss<nanoseconds>(nanoseconds(of_day))};
}

}  // namespace

std::string FormatHttpDate(WallTime time) {
  const auto [date, clock] = Split(time);
  const std::chrono::weekday weekday{std::chrono::sys_days(date)};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kWeekdays[weekday.c_encoding()],
                     static_cast<unsigned>(date.day()),
                     kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

Result<WallTime> ParseHttpDate(std::string_view text) {
  Reader in(text);
  Calendar c{};
  in.Word(kWeekdays);
  in.Literal(", ");
  c.day = in.Number(2);
  in.Literal(" ");
  c.month = in.Word(kMonths) + 1;
  in.Literal(" ");
  c.year = in.Number(4);
  in.Literal(" ");
  c.hour = in.Number(2);
  in.Literal(":");
  c.minute = in.Number(2);
  in.Literal(":");
  c.second = in.Number(2);
  in.Literal(" GMT");
  if (const auto time = FromCalendar(c, 0); in.ok() && time && *time >= WallTime{}) return *time;
  return Fail(ErrorCode::kInvalidArgument, "not an HTTP date");
}

std::string FormatRfc3339(WallTime time, int fraction_digits) {
  const auto [date, clock] = Split(time);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (fraction_digits > 0) {
    const std::string nanos = fmt::format("{:09}", clock.subseconds().count());
    text += "." + nanos.substr(0, static_cast<std::size_t>(fraction_digits));
  }
  return text + "Z";
}

Result<WallTime> ParseRfc3339(std::string_view text) {
  Reader in(text);
  Calendar c{};
  c.year = in.Number(4);
  in.Literal("-");
  c.month = in.Number(2);
  in.Literal("-");
  c.day = in.Number(2);
  if (in.Peek() == 'T' || in.Peek() == 't' || in.Peek() == ' ') {
    in.Skip();
  } else {
    in.Literal("T");
  }
  c.hour = in.Number(2);
  in.Literal(":");
  c.minute = in.Number(2);
  in.Literal(":");
  c.second = in.Number(2);
  const std::int64_t nanos = in.Fraction();
  minutes offset{0};
  if (in.Peek() == '+' || in.Peek() == '-') {
    const int sign = in.Peek() == '+' ? 1 : -1;
    in.Skip();
    const int offset_hours = in.Number(2);
    in.Literal(":");
    offset = sign * (hours(offset_hours) + minutes(in.Number(2)));
  } else if (in.Peek() == 'z') {
    in.Skip();
  } else {
    in.Literal("Z");
  }
  if (const auto time = FromCalendar(c, nanos, offset); in.ok() && time) return *time;
  return Fail(ErrorCode::kInvalidArgument, "not an RFC 3339 time");
}

std::string FormatUnixSeconds(WallTime time) {
  const std::int64_t total = time.time_since_epoch().count();
  // A negative time with a fraction is written as a negative decimal: -0.5, not -1 + 0.5.
  const std::uint64_t size =
      total < 0 ? 0 - static_cast<std::uint64_t>(total) : static_cast<std::uint64_t>(total);
  std::string text = fmt::format("{}{}", total < 0 ? "-" : "", size / kNanosPerSecond);
  if (const std::uint64_t nanos = size % kNanosPerSecond; nanos != 0) {
    text += fmt::format(".{:09}", nanos);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text;
}

Result<WallTime> ParseUnixSeconds(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view rest = negative ? text.substr(1) : text;
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), whole);
  if (error != std::errc() || rest.starts_with('-')) {
    return Fail(ErrorCode::kInvalidArgument, "not Unix seconds");
  }
  Reader in(rest.substr(static_cast<std::size_t>(end - rest.data())));
  const std::int64_t nanos = in.Fraction();
  const auto time = negative ? FromSeconds(-whole, -nanos) : FromSeconds(whole, nanos);
  if (!in.ok() || !time) return Fail(ErrorCode::kInvalidArgument, "not Unix seconds");
  return *time;
}

}  // namespace skybridge
