// ContinuationGuard and IsInListing: what every listing is held against.
#include <string>

#include <gtest/gtest.h>

#include "backends/continuation_guard.h"
#include "backends/listing_scope.h"

namespace skybridge {
namespace {

TEST(ContinuationGuard, LetsALongListingPass) {
  ContinuationGuard guard("dir");
  for (int page = 0; page < 10'000; ++page) {
    ASSERT_TRUE(guard.Check("page " + std::to_string(page)));
  }
  EXPECT_TRUE(guard.Check(""));  // the end
}

TEST(ContinuationGuard, NoticesACircleOfAnyLengthBeforeItWasWalkedFourTimes) {
  for (int lead_in = 0; lead_in < 20; ++lead_in) {
    for (int circle = 1; circle < 50; ++circle) {
      ContinuationGuard guard("dir");
      int page = 0;
      Status status;
      for (; status && page < 1'000; ++page) {
        const int place = page < lead_in ? page : lead_in + (page - lead_in) % circle;
        status = guard.Check("page " + std::to_string(place));
      }
      ASSERT_FALSE(status) << lead_in << " and " << circle;
      EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
      EXPECT_LE(page, 4 * (lead_in + circle));
    }
  }
}

TEST(ContinuationGuard, RefusesTheSamePageAgain) {
  ContinuationGuard guard("dir");
  ASSERT_TRUE(guard.Check("a"));
  EXPECT_FALSE(guard.Check("a"));
  EXPECT_FALSE(guard.Check("a"));
}

TEST(ListingScope, HoldsWhatBeginsWithThePrefix) {
  EXPECT_TRUE(IsInListing("dir/x", {.prefix = "dir/"}));
  EXPECT_TRUE(IsInListing("dir/x/y", {.prefix = "dir/"}));
  EXPECT_TRUE(IsInListing("anything", {.prefix = ""}));
  for (const char* name : {"", "d", "dir", "dirx", "other/x"}) {
    EXPECT_FALSE(IsInListing(name, {.prefix = "dir/"})) << name;
  }
}

TEST(ListingScope, ALevelHasNothingBelowItsChildren) {
  const ListingScope level{.prefix = "dir/", .one_level = true};
  for (const char* name : {"dir/", "dir/x", "dir/x/", "dir//"}) {
    EXPECT_TRUE(IsInListing(name, level)) << name;
  }
  EXPECT_FALSE(IsInListing("dir/x/y", level));
  EXPECT_FALSE(IsInListing("dir//y", level));
}

}  // namespace
}  // namespace skybridge
