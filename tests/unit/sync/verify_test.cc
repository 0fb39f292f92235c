#include "sync/verify/verify.h"

#include <map>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "backends/forwarding_store.h"
#include "core/digest.h"
#include "core/encoding.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"

namespace skybridge {
namespace {

using testing::FakeClock;
using testing::FakeObjectStore;
using testing::HierarchicalCapabilities;
using testing::OciLikeCapabilities;
using testing::StoreOp;

// Reports only the digests that it is told to keep.
class ForgetfulStore final : public ForwardingStore {
 public:
  ForgetfulStore(ObjectStore& store, bool keep_md5, bool keep_crc32c)
      : ForwardingStore(store), keep_md5_(keep_md5), keep_crc32c_(keep_crc32c) {}

  Result<ListPage> List(const ListRequest& request, const CallContext& context) override {
    auto page = ForwardingStore::List(request, context);
    if (page) {
      for (ObjectInfo& info : page->entries) Forget(info);
    }
    return page;
  }
  Result<ObjectInfo> Head(const ObjectKey& key, const CallContext& context) override {
    auto info = ForwardingStore::Head(key, context);
    if (info) Forget(*info);
    return info;
  }

 private:
  void Forget(ObjectInfo& info) const {
    if (!keep_md5_) info.digests.md5.reset();
    if (!keep_crc32c_) info.digests.crc32c.reset();
  }

  const bool keep_md5_;
  const bool keep_crc32c_;
};

class VerifyTest : public ::testing::Test {
 protected:
  VerifyOptions Options() {
    return {.source = {source_},
            .destination = {destination_},
            .clock = clock_,
            .stop = stop_.get_token()};
  }
  void PutBoth(std::string_view path, std::string_view content) {
    source_.PutText(path, content);
    destination_.PutText(path, content);
  }
  static std::map<std::string, Difference> Differences(const VerifyReport& report) {
    std::map<std::string, Difference> found;
    for (const FoundDifference& one : report.differences) found[one.path] = one.difference;
    return found;
  }

  FakeClock clock_;
  std::stop_source stop_;
  FakeObjectStore source_{clock_, {.capabilities = HierarchicalCapabilities(), .page_size = 3}};
  FakeObjectStore destination_{clock_, {.capabilities = OciLikeCapabilities(), .page_size = 2}};
};

TEST_F(VerifyTest, EqualTreesAreProvedByTheStoresDigests) {
  for (int i = 0; i < 50; ++i)
    PutBoth(fmt::format("d{}/f{}", i % 3, i), fmt::format("content {}", i));
  source_.PutLink("l", "target");
  destination_.PutLink("l", "target");
  const auto report = Verify(Options());
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_TRUE(report->is_equal());
  EXPECT_EQ(report->compared, 51U);
  EXPECT_EQ(report->equal, 51U);
  EXPECT_EQ(report->by_digest, 51U);
  EXPECT_EQ(report->bytes_read, 0U);
}

TEST_F(VerifyTest, EveryKindOfDifferenceIsNamed) {
  PutBoth("same", "x");
  source_.PutText("only/here", "x");
  destination_.PutText("there", "x");
  source_.PutText("size", "12");
  destination_.PutText("size", "123");
  source_.PutText("content", "one");
  destination_.PutText("content", "two");
  source_.PutLink("kind", "abc");
  destination_.PutText("kind", "abc");
  source_.PutLink("target", "abc");
  destination_.PutLink("target", "abd");
  ASSERT_TRUE(source_.MakeDirectory({.key = ObjectKey("empty")}, {}));
  const auto report = Verify(Options());
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->is_equal());
  EXPECT_EQ(Differences(*report),
            (std::map<std::string, Difference>{{"only", Difference::kOnlyAtSource},
                                               {"only/here", Difference::kOnlyAtSource},
                                               {"empty", Difference::kOnlyAtSource},
                                               {"there", Difference::kOnlyAtDestination},
                                               {"size", Difference::kSize},
                                               {"content", Difference::kContent},
                                               {"kind", Difference::kKind},
                                               {"target", Difference::kContent}}));
  EXPECT_EQ(report->equal, 1U);
  EXPECT_EQ(report->different(), 4U);
}

TEST_F(VerifyTest, ReadsEverythingWhenTold) {
  PutBoth("a", "hello");
  PutBoth("b", std::string(100, 'x'));
  VerifyOptions options = Options();
  options.always_read = true;
  const auto report = Verify(options);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->is_equal());
  EXPECT_EQ(report->by_reading, 2U);
  EXPECT_EQ(report->bytes_read, 210U);
}

TEST_F(VerifyTest, OneSidesDigestSavesReadingThatSide) {
  const std::string content = std::string((std::size_t{9} << 20), 'y') + "end";
  std::string other = content;
  other[other.size() - 2] = 'N';
  struct Case {
    bool md5_here, crc_here, md5_there, crc_there;
    std::uint64_t reads;
  };
  const std::uint64_t size = content.size();
  for (const Case& c :
       {Case{true, false, false, false, size}, Case{false, true, false, false, size},
        Case{false, false, true, false, size}, Case{false, false, false, true, size},
        Case{false, false, false, false, 2 * size}}) {
    ForgetfulStore here(source_, c.md5_here, c.crc_here);
    ForgetfulStore there(destination_, c.md5_there, c.crc_there);
    const VerifyOptions options{.source = {here}, .destination = {there}, .clock = clock_};
    PutBoth("large", content);
    const auto equal = Verify(options);
    ASSERT_TRUE(equal) << equal.error().ToString();
    EXPECT_TRUE(equal->is_equal());
    EXPECT_EQ(equal->by_reading, 1U);
    EXPECT_EQ(equal->bytes_read, c.reads);
    destination_.PutText("large", other);
    EXPECT_EQ(Differences(*Verify(options)),
              (std::map<std::string, Difference>{{"large", Difference::kContent}}));
  }
}

TEST_F(VerifyTest, OtherBytesAreNamedByBothDigests) {
  const auto detail_of = [&](bool md5, bool crc_here, bool crc_there, bool always_read) {
    ForgetfulStore here(source_, md5, crc_here);
    ForgetfulStore there(destination_, md5, crc_there);
    const auto report = Verify(
        {.source = {here}, .destination = {there}, .clock = clock_, .always_read = always_read});
    return report && report->differences.size() == 1 ? report->differences[0].detail : "?";
  };
  source_.PutText("f", "one");
  destination_.PutText("f", "two");
  const std::string crcs = fmt::format("CRC32C {} and {}", EncodeCrc32c(Crc32c(AsBytes("one"))),
                                       EncodeCrc32c(Crc32c(AsBytes("two"))));
  EXPECT_EQ(detail_of(true, true, true, false),
            fmt::format("MD5 {} and {}", Base64Encode(Md5(AsBytes("one"))),
                        Base64Encode(Md5(AsBytes("two")))));
  EXPECT_EQ(detail_of(false, true, true, false), crcs);
  EXPECT_EQ(detail_of(false, true, false, false), crcs + "; the destination was read");
  EXPECT_EQ(detail_of(false, false, true, false), crcs + "; the source was read");
  EXPECT_EQ(detail_of(false, false, false, false), crcs + "; both were read");
  EXPECT_EQ(detail_of(true, true, true, true), crcs + "; both were read");
}

// Gives out other bytes than were stored, with the old digest: a medium that rots.
class RottenStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<GetReply> Get(const GetRequest& request, std::span<std::byte> into,
                       const CallContext& context) override {
    auto reply = ForwardingStore::Get(request, into, context);
    if (reply && reply->bytes_received > 0) into[0] ^= std::byte{1};
    return reply;
  }
};

TEST_F(VerifyTest, ReadingEverythingNamesTheSideThatIsNotWhatItsDigestSays) {
  PutBoth("f", "content");
  RottenStore rotten_source(source_);
  RottenStore rotten_destination(destination_);
  const auto verify = [&](ObjectStore& source, ObjectStore& destination, bool always_read) {
    return *Verify({.source = {source},
                    .destination = {destination},
                    .clock = clock_,
                    .always_read = always_read});
  };
  EXPECT_TRUE(verify(source_, rotten_destination, false).is_equal())
      << "only the digests are asked";
  const std::string good = EncodeCrc32c(Crc32c(AsBytes("content")));
  const std::string bad = EncodeCrc32c(Crc32c(AsBytes("bontent")));
  const VerifyReport one = verify(source_, rotten_destination, true);
  ASSERT_EQ(one.differences.size(), 1U);
  EXPECT_EQ(one.differences[0].detail,
            fmt::format("CRC32C {0} and {1}; both were read; the destination has CRC32C {1}, but "
                        "reports {0}",
                        good, bad));
  const VerifyReport both = verify(rotten_source, rotten_destination, true);
  ASSERT_EQ(both.differences.size(), 1U) << "equal, but not what was once stored";
  EXPECT_EQ(both.differences[0].detail,
            fmt::format("the source has CRC32C {1}, but reports {0}; the destination has CRC32C "
                        "{1}, but reports {0}",
                        good, bad));
}

TEST_F(VerifyTest, AnObjectThatChangesWhileItIsReadIsNotCalledEqual) {
  PutBoth("a", "x");
  VerifyOptions options = Options();
  options.always_read = true;
  source_.script().BeforeNext(StoreOp::kGet, [this] { source_.PutText("a", "y"); });
  EXPECT_EQ(Differences(*Verify(options)),
            (std::map<std::string, Difference>{{"a", Difference::kUnreadable}}));
}

// Lists without digests, as some services list what has them, and ends every read a byte early.
class TerseStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<ListPage> List(const ListRequest& request, const CallContext& context) override {
    auto page = ForwardingStore::List(request, context);
    if (page) {
      for (ObjectInfo& info : page->entries) info.digests = {};
    }
    return page;
  }
  Result<GetReply> Get(const GetRequest& request, std::span<std::byte> into,
                       const CallContext& context) override {
    auto reply = ForwardingStore::Get(request, into, context);
    if (reply) --reply->bytes_received;
    return reply;
  }
};

TEST_F(VerifyTest, ADigestOfAnotherVersionThanWasListedProvesNothing) {
  PutBoth("a", "x");
  TerseStore terse(source_);
  VerifyOptions options{.source = {terse}, .destination = {destination_}, .clock = clock_};
  source_.script().BeforeNext(StoreOp::kHead, [this] { source_.PutText("a", "y"); });
  EXPECT_EQ(Differences(*Verify(options)),
            (std::map<std::string, Difference>{{"a", Difference::kUnreadable}}));
}

TEST_F(VerifyTest, ReadsThatEndEarlyProveNothing) {
  PutBoth("a", "content");
  TerseStore short_of_a_byte(source_);
  VerifyOptions options{.source = {short_of_a_byte},
                        .destination = {destination_},
                        .clock = clock_,
                        .always_read = true};
  EXPECT_EQ(Differences(*Verify(options)),
            (std::map<std::string, Difference>{{"a", Difference::kUnreadable}}));
}

TEST_F(VerifyTest, AttributesAreComparedOnDemand) {
  const WallTime now = clock_.WallNow();
  source_.PutText("a", "x", {.mtime = now, .mode = 0600U});
  destination_.PutText("a", "x", {.mtime = now, .mode = 0644U});
  VerifyOptions options = Options();
  EXPECT_TRUE(Verify(options)->is_equal());
  options.attributes = AttributeCheck::kMtime;
  EXPECT_TRUE(Verify(options)->is_equal());
  options.attributes = AttributeCheck::kAll;
  EXPECT_EQ(Differences(*Verify(options)),
            (std::map<std::string, Difference>{{"a", Difference::kAttributes}}));
}

TEST_F(VerifyTest, WhatCannotBeReadIsNotEqual) {
  PutBoth("a", "x");
  VerifyOptions options = Options();
  options.always_read = true;
  source_.script().FailNext(StoreOp::kGet, {.code = ErrorCode::kPermissionDenied, .message = "no"});
  const auto report = Verify(options);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->is_equal());
  EXPECT_EQ(report->unreadable, 1U);
}

TEST_F(VerifyTest, AStoreThatIsGoneEndsItAtOnce) {
  for (int i = 0; i < 1000; ++i) PutBoth(std::to_string(i), "x");
  VerifyOptions options = Options();
  options.always_read = true;
  source_.script().BeforeNext(StoreOp::kGet, [this] {
    const Error gone{.code = ErrorCode::kUnreachable, .message = "gone"};
    source_.script().FailNext(StoreOp::kGet, gone);
    source_.script().FailNext(StoreOp::kList, gone);
  });
  EXPECT_EQ(Verify(options).error().code, ErrorCode::kUnreachable);
  EXPECT_LT(source_.calls(StoreOp::kGet), 100U);
}

TEST_F(VerifyTest, WhatDiffersIsCountedByKind) {
  PutBoth("equal", "x");
  source_.PutText("size", "xx");
  destination_.PutText("size", "x");
  source_.PutText("content", "x");
  destination_.PutText("content", "y");
  source_.PutText("kind", "x");
  destination_.PutLink("kind", "x");
  const auto report = Verify(Options());
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->other_size, 1U);
  EXPECT_EQ(report->other_content, 1U);
  EXPECT_EQ(report->other_kind, 1U);
  EXPECT_EQ(report->different(), 3U);
}

TEST_F(VerifyTest, ADirectoryThatCannotBeReadIsNamedAndTheRestIsCompared) {
  PutBoth("a/1", "x");
  PutBoth("b/1", "x");
  PutBoth("c/1", "x");
  source_.CannotList("b");
  const auto report = Verify(Options());
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->equal, 2U);
  EXPECT_EQ(report->unreadable, 1U);
  EXPECT_EQ(report->only_at_destination, 0U);
  EXPECT_FALSE(report->is_equal());
}

TEST_F(VerifyTest, AListingThatFailsProvesNothing) {
  PutBoth("a", "x");
  destination_.script().FailNext(StoreOp::kList,
                                 {.code = ErrorCode::kUnavailable, .message = "gone"});
  EXPECT_EQ(Verify(Options()).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace skybridge
