#include "backends/retry_after.h"

#include <gtest/gtest.h>

namespace skybridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr WallTime kNow{seconds(1'767'608'430)};  // Mon, 05 Jan 2026 10:20:30 GMT

TEST(RetryAfter, ReadsSecondsAndDates) {
  EXPECT_EQ(ParseRetryAfter("7", kNow), seconds(7));
  EXPECT_EQ(ParseRetryAfter("Mon, 05 Jan 2026 10:20:40 GMT", kNow), seconds(10));
  EXPECT_EQ(ParseRetryAfter("Mon, 05 Jan 2026 10:20:00 GMT", kNow), seconds(0));
  EXPECT_EQ(ParseRetryAfterMs("250"), milliseconds(250));
}

TEST(RetryAfter, ALongWishIsCut) {
  for (const char* text : {"86400", "9223372036854775807", "99999999999999999999999",
                           "Fri, 31 Dec 2261 23:59:59 GMT"}) {
    EXPECT_EQ(ParseRetryAfter(text, kNow), kLongestRetryAfter) << text;
  }
  EXPECT_EQ(ParseRetryAfterMs("9223372036854775807"), kLongestRetryAfter);
}

TEST(RetryAfter, WhatIsNoTimeIsNotThere) {
  for (const char* text : {"", "soon", "-1", "-99999999999999999999999", "1.5", "7 ", "0x10",
                           "Sat, 01 Jan 1678 00:00:00 GMT"}) {
    EXPECT_EQ(ParseRetryAfter(text, kNow), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace skybridge
