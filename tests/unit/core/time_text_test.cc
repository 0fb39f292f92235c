#include "core/time_text.h"

#include <gtest/gtest.h>

namespace skybridge {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

const WallTime kTime = WallTime(seconds(1767608430)) + nanoseconds(123456789);

TEST(TimeText, HttpDateRoundTripsAtOneSecond) {
  EXPECT_EQ(FormatHttpDate(kTime), "Mon, 05 Jan 2026 10:20:30 GMT");
  EXPECT_EQ(ParseHttpDate("Mon, 05 Jan 2026 10:20:30 GMT").value(), WallTime(seconds(1767608430)));
  EXPECT_FALSE(ParseHttpDate("Mon, 5 Jan 2026 10:20:30 GMT"));
  EXPECT_FALSE(ParseHttpDate("Mon, 31 Feb 2026 10:20:30 GMT"));
  EXPECT_FALSE(ParseHttpDate(""));
}

TEST(TimeText, Rfc3339KeepsNanoseconds) {
  EXPECT_EQ(FormatRfc3339(kTime), "2026-01-05T10:20:30.123456789Z");
  EXPECT_EQ(FormatRfc3339(kTime, 3), "2026-01-05T10:20:30.123Z");
  EXPECT_EQ(FormatRfc3339(kTime, 0), "2026-01-05T10:20:30Z");
  EXPECT_EQ(ParseRfc3339("2026-01-05T10:20:30.123456789Z").value(), kTime);
  EXPECT_EQ(ParseRfc3339("2026-01-05T12:20:30.5+02:00").value(),
            WallTime(seconds(1767608430)) + nanoseconds(500'000'000));
  EXPECT_FALSE(ParseRfc3339("2026-01-05T10:20:30"));
  EXPECT_FALSE(ParseRfc3339("2026-01-05T10:20:30.Z"));
  EXPECT_FALSE(ParseRfc3339("2026-13-05T10:20:30Z"));
}

TEST(TimeText, UnixSecondsDropTrailingZeros) {
  EXPECT_EQ(FormatUnixSeconds(kTime), "1767608430.123456789");
  EXPECT_EQ(FormatUnixSeconds(WallTime(seconds(5)) + nanoseconds(500'000'000)), "5.5");
  EXPECT_EQ(FormatUnixSeconds(WallTime(seconds(5))), "5");
  EXPECT_EQ(FormatUnixSeconds(WallTime(nanoseconds(-500'000'000))), "-0.5");
  for (const auto time : {kTime, WallTime(seconds(0)), WallTime(nanoseconds(-1'500'000'000))}) {
    EXPECT_EQ(ParseUnixSeconds(FormatUnixSeconds(time)).value(), time);
  }
  EXPECT_FALSE(ParseUnixSeconds("1.5x"));
  EXPECT_FALSE(ParseUnixSeconds(""));
  EXPECT_FALSE(ParseUnixSeconds("99999999999999"));
}

TEST(TimeText, EveryTimeThatAClockHoldsRoundTrips) {
  for (const WallTime time : {WallTime::min(), WallTime::max()}) {
    EXPECT_EQ(ParseRfc3339(FormatRfc3339(time)).value(), time);
    EXPECT_EQ(ParseUnixSeconds(FormatUnixSeconds(time)).value(), time);
  }
  EXPECT_EQ(FormatRfc3339(WallTime::min()), "1677-09-21T00:12:43.145224192Z");
  EXPECT_EQ(FormatUnixSeconds(WallTime::min()), "-9223372036.854775808");
  EXPECT_FALSE(ParseRfc3339("1677-09-21T00:12:43.145224191Z"));
  EXPECT_FALSE(ParseRfc3339("2262-04-11T23:47:16.854775808Z"));
  EXPECT_FALSE(ParseRfc3339("2262-04-11T23:47:16Z-00:01"));
  EXPECT_FALSE(ParseUnixSeconds("9223372036.854775808"));
}

TEST(TimeText, NoServiceHasDatesBefore1970) {
  EXPECT_EQ(ParseHttpDate("Thu, 01 Jan 1970 00:00:00 GMT").value(), WallTime{});
  EXPECT_FALSE(ParseHttpDate("Wed, 31 Dec 1969 23:59:59 GMT"));
}

}  // namespace
}  // namespace skybridge
