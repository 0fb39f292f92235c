#include "core/deadline.h"

#include <gtest/gtest.h>

namespace skybridge {
namespace {

using std::chrono::nanoseconds;

TEST(TimeLeft, IsTheDistanceToTheDeadline) {
  const MonotonicTime now{nanoseconds(1'000)};
  EXPECT_EQ(TimeLeft(now + nanoseconds(5), now), nanoseconds(5));
}

TEST(TimeLeft, IsZeroOnceTheDeadlineIsReachedHoweverLongAgo) {
  const MonotonicTime now{nanoseconds(1'000)};
  EXPECT_EQ(TimeLeft(now, now), nanoseconds(0));
  EXPECT_EQ(TimeLeft(MonotonicTime::min(), now), nanoseconds(0));
}

TEST(TimeLeft, OfNoDeadlineIsAlmostForEver) {
  const MonotonicTime now{nanoseconds(1'000)};
  EXPECT_GT(TimeLeft(MonotonicTime::max(), now), std::chrono::hours(24 * 365));
}

}  // namespace
}  // namespace skybridge
