// Content headers and tiers cross with a copy, and verify tells where they did not.
#include <string>

#include <gtest/gtest.h>

#include "backends/tierless_store.h"
#include "sync/pass/sync.h"
#include "sync/verify/verify.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"

namespace skybridge {
namespace {

using testing::FakeClock;
using testing::FakeObjectStore;
using testing::FlatCapabilities;
using testing::OciLikeCapabilities;

// As a file that the Data Lake protocol wrote: no digest of the whole.
class WithoutDigests final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<ListPage> List(const ListRequest& request, const CallContext& context) override {
    ListPage page = TRY(ForwardingStore::List(request, context));
    for (ObjectInfo& info : page.entries) info.digests = {};
    return page;
  }
};

class ContentHeadersInACopy : public ::testing::Test {
 protected:
  SyncSummary Pass(ObjectStore& source) {
    auto summary = Sync({.source = {source}, .destination = {to_}, .clock = clock_});
    EXPECT_TRUE(summary) << summary.error().ToString();
    return summary.value_or(SyncSummary{});
  }
  bool IsEqual(AttributeCheck check) {
    const auto report =
        Verify({.source = {from_}, .destination = {to_}, .clock = clock_, .attributes = check});
    EXPECT_TRUE(report);
    return report && report->is_equal();
  }

  const ContentHeaders kHeaders{.type = "text/csv", .encoding = "gzip", .cache_control = "no"};
  FakeClock clock_;
  FakeObjectStore from_{clock_, {.capabilities = FlatCapabilities()}};
  FakeObjectStore to_{clock_, {.capabilities = OciLikeCapabilities()}};
};

TEST_F(ContentHeadersInACopy, AreCarriedAndASecondPassMovesNothing) {
  from_.PutText("a", "1", {.mtime = clock_.WallNow(), .content = kHeaders, .tier = "Cold"});
  EXPECT_EQ(Pass(from_).files_copied, 1U);
  EXPECT_EQ(to_.InfoOf("a")->attributes->content, kHeaders);
  EXPECT_EQ(to_.InfoOf("a")->attributes->tier, "Cool") << "the nearest one";
  EXPECT_EQ(Pass(from_).unchanged, 1U);
  EXPECT_TRUE(IsEqual(AttributeCheck::kAll));
}

TEST_F(ContentHeadersInACopy, WhatDiffersIsFoundAndMendedWithoutACopy) {
  from_.PutText("a", "1", {.mtime = clock_.WallNow(), .content = kHeaders, .tier = "Archive"});
  to_.PutText("a", "1", {.mtime = clock_.WallNow()});
  EXPECT_FALSE(IsEqual(AttributeCheck::kAll));
  EXPECT_TRUE(IsEqual(AttributeCheck::kMtime));
  const SyncSummary mended = Pass(from_);
  EXPECT_EQ(mended.files_copied, 0U);
  EXPECT_EQ(mended.attributes_updated, 1U);
  EXPECT_EQ(to_.InfoOf("a")->attributes->tier, "Archive");
  EXPECT_TRUE(IsEqual(AttributeCheck::kAll));
}

TEST_F(ContentHeadersInACopy, ATierMayBeLeftToTheDestination) {
  from_.PutText("a", "1", {.mtime = clock_.WallNow(), .content = kHeaders, .tier = "Archive"});
  TierlessStore without_tiers(from_);
  Pass(without_tiers);
  EXPECT_EQ(to_.InfoOf("a")->attributes->tier, "");
  EXPECT_EQ(to_.InfoOf("a")->attributes->content, kHeaders);
  EXPECT_EQ(Pass(without_tiers).unchanged, 1U);
}

TEST_F(ContentHeadersInACopy, ASecondVersionOfTheSameSecondAndLengthIsCopied) {
  FakeObjectStore young{clock_, {.capabilities = FlatCapabilities(), .least_age = {}}};
  WithoutDigests source(young);
  FakeObjectStore to{clock_, {.capabilities = OciLikeCapabilities()}};
  const auto pass = [&] {
    return Sync({.source = {source}, .destination = {to}, .clock = clock_}).value();
  };
  young.PutText("a", "one");
  EXPECT_EQ(pass().files_copied, 1U);
  EXPECT_EQ(pass().unchanged, 1U) << "still the version that was copied";
  young.PutText("a", "two");
  EXPECT_EQ(pass().files_copied, 1U);
  EXPECT_EQ(to.ContentOf("a"), "two");
  clock_.Advance(std::chrono::hours(1));
  EXPECT_EQ(pass().unchanged, 1U);
}

}  // namespace
}  // namespace skybridge
