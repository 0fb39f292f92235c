#include "core/timespec.h"

#include <limits>

#include <gtest/gtest.h>

namespace skybridge {
namespace {

using std::chrono::nanoseconds;

TEST(Timespec, NanosecondsCountForwardAlsoBefore1970) {
  const std::timespec before = ToTimespec(WallTime(nanoseconds(-1)));
  EXPECT_EQ(before.tv_sec, -1);
  EXPECT_EQ(before.tv_nsec, 999'999'999);
  EXPECT_EQ(FromTimespec(before), WallTime(nanoseconds(-1)));
}

TEST(Timespec, EveryTimeThatAClockHoldsRoundTrips) {
  for (const WallTime time : {WallTime::min(), WallTime(nanoseconds(-1'500'000'000)), WallTime{},
                              WallTime(nanoseconds(1'500'000'000)), WallTime::max()}) {
    const std::timespec split = ToTimespec(time);
    EXPECT_GE(split.tv_nsec, 0);
    EXPECT_LT(split.tv_nsec, 1'000'000'000);
    if (time != WallTime::min()) {
      EXPECT_EQ(FromTimespec(split), time);
    }
  }
}

TEST(Timespec, WhatDoesNotFitBecomesTheNearestTime) {
  constexpr auto kFar = std::numeric_limits<std::time_t>::max();
  EXPECT_EQ(FromTimespec({.tv_sec = kFar, .tv_nsec = 0}), WallTime::max());
  EXPECT_EQ(FromTimespec({.tv_sec = -kFar, .tv_nsec = 0}), WallTime::min());
  EXPECT_EQ(FromTimespec({.tv_sec = 32'503'680'000, .tv_nsec = 0}), WallTime::max());  // year 3000
}

}  // namespace
}  // namespace skybridge
