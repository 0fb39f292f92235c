#include "tests/contract/object_store_contract.h"

namespace skybridge::testing {
namespace {

TEST_P(ObjectStoreContract, SetsAttributesOfAFileThatTheCallerKnows) {
  for (const bool wholly : {false, true}) {
    const std::string content = wholly ? "content" : "";
    const ObjectInfo put = Put("file", content);
    SetAttributesRequest set{.key = Key("file"),
                             .attributes = SomeAttributes(),
                             .if_match = put.etag,
                             .size_bytes = put.size_bytes};
    if (wholly) set.info = put;
    const auto info = store_.SetAttributes(set, Context());
    ASSERT_TRUE(info) << info.error().ToString();
    const auto head = store_.Head(Key("file"), Context());
    EXPECT_EQ(info->etag, head->etag);
    EXPECT_EQ(info->size_bytes, put.size_bytes);
    EXPECT_EQ(info->last_modified, head->last_modified);
    EXPECT_EQ(info->digests, head->digests);
    ExpectKept(SomeAttributes(), info->attributes);
    ExpectKept(SomeAttributes(), head->attributes);
    EXPECT_EQ(Read("file"), content);
    EXPECT_EQ(store_.SetAttributes(set, Context()).error().code, ErrorCode::kPreconditionFailed)
        << "the version is another one now";
    set.key = Key("nothing");
    EXPECT_FALSE(store_.SetAttributes(set, Context()));
  }
}

TEST_P(ObjectStoreContract, FilesKeepTimeModeAndOwner) {
  const Attributes attributes = SomeAttributes();
  const ObjectInfo put = Put("file", "x", attributes);
  ExpectKept(attributes, put.attributes);
  ExpectKept(attributes, store_.Head(Key("file"), Context())->attributes);
}

TEST_P(ObjectStoreContract, FilesKeepExtendedAttributesBitForBit) {
  if (!can().keeps_xattrs) return;
  const Attributes attributes{.xattrs = {{"user.binary", std::string("\0\xff\r\n=", 5)},
                                         {"user.empty", ""},
                                         {"user.Ünicode/x", "v"}}};
  Put("file", "x", attributes);
  ExpectKept(attributes, store_.Head(Key("file"), Context())->attributes);
}

TEST_P(ObjectStoreContract, KeepsMetadataOfOtherTools) {
  const Attributes attributes{.mode = 0644,
                              .foreign = {{"colour", "AAAA"}, {"project", "blue = green"}}};
  Put("file", "x", attributes);
  Attributes changed = store_.Head(Key("file"), Context())->attributes.value();
  EXPECT_EQ(changed.foreign, attributes.foreign);
  changed.mode = 0600;
  ASSERT_TRUE(store_.SetAttributes({.key = Key("file"), .attributes = changed}, Context()));
  EXPECT_EQ(store_.Head(Key("file"), Context())->attributes->foreign, attributes.foreign);
  if (!can().can_rename) return;  // see RefusesWhatItCannotDo
  ASSERT_TRUE(store_.Rename({.source = Key("file"), .destination = Key("moved")}, Context()));
  EXPECT_EQ(store_.Head(Key("moved"), Context())->attributes->foreign, attributes.foreign);
}

TEST_P(ObjectStoreContract, SetAttributesReplacesTheSetAndKeepsTheContent) {
  Attributes before = SomeAttributes();
  if (can().keeps_xattrs) before.xattrs = {{"user.gone", "x"}};
  const ObjectInfo put = Put("file", "content", before);
  Attributes after = SomeAttributes();
  after.mtime = *after.mtime + std::chrono::seconds(1);
  after.mode = 0755;
  if (can().keeps_xattrs) after.xattrs = {{"user.new", "y"}};
  const auto set = store_.SetAttributes(
      {.key = Key("file"), .attributes = after, .if_match = put.etag}, Context());
  ASSERT_TRUE(set) << set.error().ToString();
  EXPECT_NE(set->etag, put.etag);
  const auto head = store_.Head(Key("file"), Context());
  EXPECT_EQ(head->etag, set->etag);
  ExpectKept(after, head->attributes);
  EXPECT_EQ(Read("file"), "content");
}

TEST_P(ObjectStoreContract, SetAttributesSparesAnotherVersion) {
  const ObjectInfo old = Put("file", "old", {.mode = 0644});
  Put("file", "new", {.mode = 0644});
  const auto set = store_.SetAttributes(
      {.key = Key("file"), .attributes = {.mode = 0600}, .if_match = old.etag}, Context());
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, ErrorCode::kPreconditionFailed);
  EXPECT_EQ(store_.Head(Key("file"), Context())->attributes->mode, 0644u);
}

TEST_P(ObjectStoreContract, KeepsSymbolicLinks) {
  const std::string target = "../elsewhere/ünder #1";
  const Attributes attributes{.mtime = SomeAttributes().mtime};
  const auto put = store_.Put({.key = Key("link"),
                               .kind = NodeKind::kSymlink,
                               .body = AsBytes(target),
                               .attributes = attributes},
                              Context());
  ASSERT_TRUE(put) << put.error().ToString();
  const auto head = store_.Head(Key("link"), Context());
  ASSERT_TRUE(head);
  EXPECT_EQ(head->kind, NodeKind::kSymlink);
  EXPECT_EQ(head->size_bytes, target.size());
  ExpectKept(attributes, head->attributes);
  EXPECT_EQ(Read("link"), target);
  EXPECT_EQ(store_.Delete({.key = Key("link")}, Context()).has_value(), can().can_delete);
}

TEST_P(ObjectStoreContract, AFileMayReplaceALink) {
  ASSERT_TRUE(
      store_.Put({.key = Key("a"), .kind = NodeKind::kSymlink, .body = AsBytes("b")}, Context()));
  Put("a", "file now");
  EXPECT_EQ(store_.Head(Key("a"), Context())->kind, NodeKind::kFile);
  EXPECT_EQ(Read("a"), "file now");
  EXPECT_FALSE(Exists("b"));
}

}  // namespace
}  // namespace skybridge::testing
