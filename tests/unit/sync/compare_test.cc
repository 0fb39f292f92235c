#include "sync/compare.h"

#include <gtest/gtest.h>

#include "core/digest.h"

namespace skybridge {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

const WallTime kTime{seconds(1767608430)};

ObjectInfo File(std::uint64_t size, WallTime mtime) {
  return {.size_bytes = size,
          .last_modified = kTime + seconds(999),
          .told_at = kTime + seconds(2000),
          .attributes = Attributes{.mtime = mtime}};
}

TEST(Compare, WhatIsNotThereIsCopied) {
  EXPECT_EQ(Decide(File(1, kTime), std::nullopt, {}), Action::kCopy);
}

TEST(Compare, EqualSizeAndTimeAreEqual) {
  EXPECT_EQ(Decide(File(1, kTime), File(1, kTime), {}), Action::kNone);
  EXPECT_EQ(Decide(File(1, kTime), File(2, kTime), {}), Action::kCopy);
  EXPECT_EQ(Decide(File(1, kTime), File(1, kTime + nanoseconds(1)), {}), Action::kCopy);
}

TEST(Compare, TimesAreComparedAsFinelyAsBothStoresKeepThem) {
  const CompareRules rules{.mtime_granularity = seconds(1)};
  EXPECT_EQ(Decide(File(1, kTime + nanoseconds(999)), File(1, kTime), rules), Action::kNone);
  EXPECT_EQ(Decide(File(1, kTime + seconds(1)), File(1, kTime), rules), Action::kCopy);
}

TEST(Compare, ALinkIsNotAFile) {
  ObjectInfo link = File(1, kTime);
  link.kind = NodeKind::kSymlink;
  EXPECT_EQ(Decide(link, File(1, kTime), {}), Action::kCopy);
}

TEST(Compare, ADigestThatBothReportHasTheLastWord) {
  ObjectInfo a = File(1, kTime);
  ObjectInfo b = File(1, kTime + seconds(5));
  a.digests.md5 = b.digests.md5 = Md5(AsBytes("x"));
  EXPECT_EQ(Decide(a, b, {}), Action::kUpdateAttributes)
      << "the bytes are the same, only the time is not";
  b.attributes->mtime = kTime;
  b.digests.md5 = Md5(AsBytes("y"));
  EXPECT_EQ(Decide(a, b, {}), Action::kCopy) << "equal size and time, other bytes";
  b.digests = {.md5 = {}, .crc32c = 5U};
  EXPECT_EQ(Decide(a, b, {}), Action::kNone) << "digests of two kinds say nothing";
}

TEST(Compare, AttributesThatTheSourceHasMustBeThere) {
  ObjectInfo a = File(1, kTime);
  ObjectInfo b = File(1, kTime);
  b.attributes->mode = 0644U;
  EXPECT_EQ(Decide(a, b, {}), Action::kNone) << "what the source does not record may be anything";
  a.attributes->mode = 0600U;
  EXPECT_EQ(Decide(a, b, {}), Action::kUpdateAttributes);
  b.attributes->mode = 0600U;
  a.attributes->xattrs["user.x"] = "1";
  EXPECT_EQ(Decide(a, b, {}), Action::kUpdateAttributes);
  b.attributes->xattrs["user.x"] = "1";
  a.attributes->foreign["k"] = "v";
  EXPECT_EQ(Decide(a, b, {}), Action::kUpdateAttributes);
  b.attributes->foreign["k"] = "v";
  EXPECT_EQ(Decide(a, b, {}), Action::kNone);
}

TEST(Compare, AYoungSourcesTimeIsBelievedOnlyWithItsVersion) {
  ObjectInfo source = File(1, kTime);
  source.attributes->mtime.reset();
  source.etag = ETag("v1");
  source.told_at = source.last_modified + seconds(1);
  EXPECT_TRUE(HasDoubtfulTime(source));
  ObjectInfo copy = File(1, source.last_modified);
  copy.attributes = WantedAttributes(source);
  ObjectInfo prepared = source;
  prepared.attributes = copy.attributes;
  EXPECT_EQ(WantedAttributes(prepared), copy.attributes);
  EXPECT_EQ(copy.attributes->mtime, source.last_modified);
  EXPECT_EQ(Decide(source, copy, {}), Action::kNone);
  source.told_at = source.last_modified + seconds(100);
  EXPECT_FALSE(HasDoubtfulTime(source));
  EXPECT_EQ(Decide(source, copy, {}), Action::kNone) << "still the version that was copied";
  source.etag = ETag("v2");
  EXPECT_EQ(Decide(source, copy, {}), Action::kCopy) << "of the same size, in the same second";
  source.digests.md5 = copy.digests.md5 = Md5(AsBytes("x"));
  EXPECT_EQ(Decide(source, copy, {}), Action::kNone) << "a digest knows better";
}

TEST(Compare, ACopyOfACopyDoesNotNameTheFirstSource) {
  ObjectInfo source = File(1, kTime);
  source.attributes->foreign[kSourceVersionKey] = "v1";
  EXPECT_TRUE(WantedAttributes(source).foreign.empty());
}

TEST(Compare, ARecordedTimeIsNotDoubtful) {
  ObjectInfo source = File(1, kTime);
  source.etag = ETag("v1");
  source.told_at = source.last_modified;
  EXPECT_FALSE(HasDoubtfulTime(source));
}

TEST(Compare, ContentHeadersMustBeEqualWhereBothStoresKeepThem) {
  ObjectInfo a = File(1, kTime);
  ObjectInfo b = File(1, kTime);
  b.attributes->content.encoding = "gzip";
  EXPECT_EQ(Decide(a, b, {}), Action::kUpdateAttributes);
  EXPECT_EQ(Decide(a, b, {.keep_content_headers = false}), Action::kNone);
  a.attributes->content.encoding = "gzip";
  EXPECT_EQ(Decide(a, b, {}), Action::kNone);
}

TEST(Compare, ATierIsComparedAsTheDestinationKeepsIt) {
  const CompareRules two_tiers{.tiers = {"Cool", "Archive"}};
  ObjectInfo a = File(1, kTime);
  ObjectInfo b = File(1, kTime);
  b.attributes->tier = "Cool";
  EXPECT_EQ(Decide(a, b, two_tiers), Action::kNone) << "an account's rule may have moved it";
  a.attributes->tier = "Archive";
  EXPECT_EQ(Decide(a, b, two_tiers), Action::kUpdateAttributes);
  EXPECT_EQ(Decide(a, b, {}), Action::kNone) << "the destination has no tiers";
  a.attributes->tier = "Cold";
  EXPECT_EQ(Decide(a, b, two_tiers), Action::kNone) << "nearest is Cool";
  a.attributes->tier = "Hot";
  EXPECT_EQ(Decide(a, b, two_tiers), Action::kNone) << "its default";
}

TEST(Compare, AnAccessControlListIsComparedWhereBothStoresHaveThem) {
  ObjectInfo a = File(1, kTime);
  ObjectInfo b = File(1, kTime);
  a.attributes->access = AccessControl{.owner = "u1", .group = "g1", .acl = "user::rw-"};
  b.attributes->access = AccessControl{.owner = "u2", .group = "g2", .acl = "user::rwx"};
  EXPECT_EQ(Decide(a, b, {}), Action::kNone);
  EXPECT_EQ(Decide(a, b, {.keep_access = true}), Action::kUpdateAttributes);
  b.attributes->access->acl = "user::rw-";
  EXPECT_EQ(Decide(a, b, {.keep_access = true}), Action::kNone) << "owners do not cross";
  EXPECT_EQ(WantedAttributes(a).access,
            (AccessControl{.owner = "", .group = "", .acl = "user::rw-"}));
}

TEST(Compare, WithoutARecordedTimeTheStoresOwnIsBroughtOver) {
  ObjectInfo a = File(1, kTime);
  a.attributes->mtime.reset();
  EXPECT_EQ(WantedAttributes(a).mtime, a.last_modified);
  EXPECT_EQ(Decide(a, File(1, a.last_modified), {}), Action::kNone);
}

}  // namespace
}  // namespace skybridge
