// ListingGuard, DrainGuard and IsInListing: what every listing is held against.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "backends/listing_guard.h"
#include "backends/listing_scope.h"

namespace skybridge {
namespace {

ListPage Page(std::string continuation, const std::vector<std::string>& files = {},
              const std::vector<std::string>& directories = {}) {
  ListPage page{.entries = {}, .continuation = std::move(continuation)};
  for (const std::string& path : files) page.entries.push_back({.key = ObjectKey(path)});
  for (const std::string& path : directories)
    page.entries.push_back({.key = ObjectKey(path), .kind = NodeKind::kDirectory});
  return page;
}

class ListingGuards : public ::testing::TestWithParam<bool> {
 protected:
  ListingGuard guard_{"dir", GetParam()};
};

TEST_P(ListingGuards, LetALongListingPass) {
  for (int page = 0; page < 100'000; ++page) {
    const std::string name = fmt::format("{:08}", page);
    ASSERT_TRUE(guard_.Check(Page("after " + name, {name})));
  }
  EXPECT_TRUE(guard_.Check(Page("")));
}

TEST_P(ListingGuards, NoticeACircleOfAnyLengthBeforeItWasWalkedFourTimes) {
  for (int lead_in = 0; lead_in < 20; ++lead_in) {
    for (int circle = 1; circle < 50; ++circle) {
      ListingGuard guard("dir", GetParam());
      int page = 0;
      Status status;
      for (; status && page < 1'000; ++page) {
        const int place = page < lead_in ? page : lead_in + (page - lead_in) % circle;
        status = guard.Check(Page("page " + std::to_string(place)));
      }
      ASSERT_FALSE(status) << lead_in << " and " << circle;
      EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
      EXPECT_LE(page, 4 * (lead_in + circle));
    }
  }
}

TEST_P(ListingGuards, NoticeACircleOfNamesWhateverTheContinuations) {
  for (int circle = 1; circle < 50; ++circle) {
    ListingGuard guard("dir", GetParam());
    int page = 0;
    Status status;
    for (; status && page < 1'000; ++page) {
      status = guard.Check(Page(std::to_string(page), {std::to_string(100 + page % circle)}));
    }
    ASSERT_FALSE(status) << circle;
    EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
    EXPECT_LE(page, 4 * circle);
  }
}

TEST_P(ListingGuards, RefuseTheSamePageAgain) {
  ASSERT_TRUE(guard_.Check(Page("a")));
  EXPECT_FALSE(guard_.Check(Page("a")));
  EXPECT_FALSE(guard_.Check(Page("a")));
}

TEST_P(ListingGuards, BelieveEmptyPagesUpToALimitInARow) {
  const auto check_empty_pages = [&](std::uint64_t count, const std::string& mark) {
    for (std::uint64_t i = 0; i < count; ++i)
      ASSERT_TRUE(guard_.Check(Page(mark + std::to_string(i))));
  };
  check_empty_pages(ListingGuard::kMaxPagesWithoutNews, "first");
  ASSERT_TRUE(guard_.Check(Page("name", {"a"})));
  check_empty_pages(ListingGuard::kMaxPagesWithoutNews, "second");
  EXPECT_TRUE(guard_.Check(Page(""))) << "the end is the end";
  EXPECT_EQ(guard_.Check(Page("one more")).error().code, ErrorCode::kCorrupt);
}

INSTANTIATE_TEST_SUITE_P(Orders, ListingGuards, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Sorted" : "Unsorted"; });

TEST(SortedListingGuard, RefusesFilesThatDoNotAdvance) {
  for (const char* file : {"a", "b"}) {
    ListingGuard guard("dir", true);
    ASSERT_TRUE(guard.Check(Page("1", {"a", "b"})));
    EXPECT_EQ(guard.Check(Page("2", {file})).error().code, ErrorCode::kCorrupt);
  }
}

TEST(SortedListingGuard, AllowsADirectoryTwice) {
  ListingGuard guard("dir", true);
  EXPECT_TRUE(guard.Check(Page("1", {"a"}, {"b"})));
  EXPECT_TRUE(guard.Check(Page("2", {"b-1"}, {"b"})));
  EXPECT_TRUE(guard.Check(Page("", {"c"})));
}

TEST(SortedListingGuard, TakesARepeatedDirectoryForNothingNew) {
  ListingGuard guard("dir", true);
  ASSERT_TRUE(guard.Check(Page("first", {}, {"b"})));
  std::uint64_t pages = 0;
  while (guard.Check(Page(std::to_string(pages), {}, {"b"}))) ++pages;
  EXPECT_EQ(pages, ListingGuard::kMaxPagesWithoutNews);
}

TEST(DrainGuard, LetsNewNamesComeBeforeThoseThatWereMoved) {
  DrainGuard guard("rename dir");
  for (int i = 0; i < DrainGuard::kMaxReturns / 2; ++i) {
    ASSERT_TRUE(guard.Check(std::to_string(10'000 + i), "x"));
  }
}

TEST(DrainGuard, RefusesAFirstNameThatComesBackAtOnce) {
  DrainGuard guard("rename dir");
  ASSERT_TRUE(guard.Check("a", "m"));
  const Status status = guard.Check("a", "z");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(status.error().retryable);
}

TEST(DrainGuard, RefusesNamesThatComeBackForEver) {
  DrainGuard guard("rename dir");
  int listings = 0;
  while (guard.Check(listings % 2 == 0 ? "a" : "b", "m")) ++listings;
  EXPECT_EQ(listings, 1 + DrainGuard::kMaxReturns);
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
