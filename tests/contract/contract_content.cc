// Content headers and storage tier: what an object's HTTP readers and its bill depend on.
#include "tests/contract/object_store_contract.h"

namespace skybridge::testing {
namespace {

ContentHeaders SomeHeaders() {
  return {.type = "text/csv; charset=utf-8",
          .encoding = "gzip",
          .language = "de",
          .disposition = "attachment; filename=\"a.csv\"",
          .cache_control = "max-age=60"};
}

// The tier that the store keeps and that objects still can be read in.
std::string ReadableTier(const Capabilities& can) { return can.tiers.empty() ? "" : "Cool"; }

TEST_P(ObjectStoreContract, FilesKeepContentHeadersAndTier) {
  if (!can().keeps_content_headers) return;
  const Attributes attributes{.mode = 0644U, .content = SomeHeaders(), .tier = ReadableTier(can())};
  const ObjectInfo put = Put("d/small", "a,b", attributes);
  EXPECT_EQ(put.attributes->content, attributes.content);
  EXPECT_EQ(put.attributes->tier, attributes.tier);
  CommitUploadRequest upload = UploadTwoParts("d/large");
  upload.attributes = attributes;
  const auto large = store_.CommitUpload(upload, Context());
  ASSERT_TRUE(large) << large.error().ToString();
  EXPECT_EQ(large->attributes->content, attributes.content);
  for (const char* name : {"d/small", "d/large"}) {
    const auto head = store_.Head(Key(name), Context());
    ASSERT_TRUE(head) << head.error().ToString();
    EXPECT_EQ(head->attributes->content, attributes.content) << name;
    EXPECT_EQ(head->attributes->tier, attributes.tier) << name;
  }
  for (const auto& [path, info] : ListAll({.directory = Key("d")})) {
    if (!info.attributes) continue;
    EXPECT_EQ(info.attributes->content, attributes.content) << path;
    EXPECT_EQ(info.attributes->tier, attributes.tier) << path;
  }
}

TEST_P(ObjectStoreContract, AFileWithoutContentHeadersHasNone) {
  const ObjectInfo put = Put("file", "x");
  EXPECT_EQ(put.attributes->content, ContentHeaders());
  const auto head = store_.Head(Key("file"), Context());
  EXPECT_EQ(head->attributes->content, ContentHeaders());
  EXPECT_EQ(head->attributes->tier, "");
}

TEST_P(ObjectStoreContract, ContentHeadersStayWithOtherAttributesAndARename) {
  if (!can().keeps_content_headers) return;
  Attributes attributes{.mode = 0644U, .content = SomeHeaders(), .tier = ReadableTier(can())};
  Put("file", "a,b", attributes);
  attributes.mode = 0600U;
  ASSERT_TRUE(store_.SetAttributes({.key = Key("file"), .attributes = attributes}, Context()));
  auto head = store_.Head(Key("file"), Context());
  EXPECT_EQ(head->attributes->mode, 0600U);
  EXPECT_EQ(head->attributes->content, attributes.content);
  EXPECT_EQ(head->attributes->tier, attributes.tier);
  EXPECT_EQ(Read("file"), "a,b");
  if (!can().can_rename) return;  // see RefusesWhatItCannotDo
  ASSERT_TRUE(store_.Rename({.source = Key("file"), .destination = Key("moved")}, Context()));
  head = store_.Head(Key("moved"), Context());
  EXPECT_EQ(head->attributes->content, attributes.content);
  EXPECT_EQ(head->attributes->tier, attributes.tier);
}

TEST_P(ObjectStoreContract, SetAttributesReplacesContentHeadersAndKeepsTheDigest) {
  if (!can().keeps_content_headers) return;
  Attributes attributes{.mode = 0644U, .content = SomeHeaders()};
  const ObjectInfo small = Put("small", "a,b", attributes);
  CommitUploadRequest upload = UploadTwoParts("large");
  upload.attributes = attributes;
  const auto large = store_.CommitUpload(upload, Context());
  ASSERT_TRUE(large) << large.error().ToString();
  attributes.content = {.type = "text/plain"};
  for (const ObjectInfo& before : {small, *large}) {
    const auto known = store_.Head(before.key, Context());
    const auto set = store_.SetAttributes(
        {.key = before.key, .attributes = attributes, .if_match = before.etag}, Context());
    ASSERT_TRUE(set) << set.error().ToString();
    const auto head = store_.Head(before.key, Context());
    EXPECT_EQ(set->etag, head->etag);
    EXPECT_EQ(set->attributes->content, attributes.content);
    EXPECT_EQ(head->attributes->content.type, "text/plain");
    if (!can().keeps_digests) continue;
    EXPECT_EQ(head->digests, known->digests);
  }
}

TEST_P(ObjectStoreContract, ATierIsChangedOnlyWhereThatIsAsked) {
  if (can().tiers.empty()) return;
  Put("file", "x", {.mode = 0644U, .tier = "Cool"});
  SetAttributesRequest set{.key = Key("file"), .attributes = {.mode = 0600U, .tier = ""}};
  ASSERT_TRUE(store_.SetAttributes(set, Context()));
  EXPECT_EQ(store_.Head(Key("file"), Context())->attributes->tier, "Cool");
  set.attributes = {.mode = 0644U, .tier = "Archive"};
  set.set_tier = true;
  ASSERT_TRUE(store_.SetAttributes(set, Context()));
  EXPECT_EQ(store_.Head(Key("file"), Context())->attributes->tier, "Archive");
}

}  // namespace
}  // namespace skybridge::testing
