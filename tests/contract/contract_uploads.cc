#include "tests/contract/object_store_contract.h"

namespace skybridge::testing {
namespace {

TEST_P(ObjectStoreContract, UploadsPartsInAnyOrderAndShowsThemAtOnce) {
  const std::string one = PartBody('1');
  const std::string two = PartBody('2');
  const auto upload = store_.StartUpload({.key = Key("dir/file")}, Context());
  ASSERT_TRUE(upload) << upload.error().ToString();
  CommitUploadRequest commit{.upload = *upload, .key = Key("dir/file")};
  commit.parts.resize(3);
  commit.parts[2] = SendPart(*upload, "dir/file", 3, one.size() + two.size(), "three");
  commit.parts[0] = SendPart(*upload, "dir/file", 1, 0, one);
  commit.parts[1] = SendPart(*upload, "dir/file", 2, one.size(), two);
  EXPECT_EQ(commit.parts[1].part_number, 2u);
  EXPECT_EQ(commit.parts[1].size_bytes, two.size());
  EXPECT_EQ(commit.parts[1].crc32c, Crc32c(AsBytes(two)));
  EXPECT_FALSE(Exists("dir/file"));
  const auto committed = store_.CommitUpload(commit, Context());
  ASSERT_TRUE(committed) << committed.error().ToString();
  EXPECT_EQ(committed->size_bytes, one.size() + two.size() + 5);
  EXPECT_EQ(committed->etag, store_.Head(Key("dir/file"), Context())->etag);
  EXPECT_TRUE(Read("dir/file") == one + two + "three");
}

// Whatever order the parts come in, and whatever the service itself keeps: nobody has to read the
// object again to know it.
TEST_P(ObjectStoreContract, TheDigestOfAnUploadedObjectIsThatOfItsContent) {
  if (!can().keeps_digests) return;
  CommitUploadRequest commit = UploadTwoParts("file");
  commit.attributes = SomeAttributes();
  const std::uint32_t expected = Crc32c(AsBytes(PartBody('1') + "tail"));
  const auto committed = store_.CommitUpload(commit, Context());
  ASSERT_TRUE(committed) << committed.error().ToString();
  EXPECT_EQ(committed->digests.crc32c, expected);
  EXPECT_EQ(store_.Head(Key("file"), Context())->digests.crc32c, expected);

  const auto changed =
      store_.SetAttributes({.key = Key("file"), .attributes = {.mode = 0600}}, Context());
  ASSERT_TRUE(changed) << changed.error().ToString();
  EXPECT_EQ(changed->digests.crc32c, expected) << "other attributes, the same bytes";
  if (!can().can_rename) return;  // see RefusesWhatItCannotDo
  ASSERT_TRUE(store_.Rename({.source = Key("file"), .destination = Key("renamed")}, Context()));
  EXPECT_EQ(store_.Head(Key("renamed"), Context())->digests.crc32c, expected);
  Put("renamed", "other bytes");
  EXPECT_NE(store_.Head(Key("renamed"), Context())->digests.crc32c, expected);
}

TEST_P(ObjectStoreContract, AnUploadReplacesOnlyAtItsCommit) {
  Put("file", "old");
  const CommitUploadRequest commit = UploadTwoParts("file");
  EXPECT_EQ(Read("file"), "old");
  ASSERT_TRUE(store_.CommitUpload(commit, Context()));
  EXPECT_TRUE(Read("file") == PartBody('1') + "tail");
}

TEST_P(ObjectStoreContract, APartSentAgainReplacesTheFirst) {
  CommitUploadRequest commit = UploadTwoParts("file");
  commit.parts[0] = SendPart(commit.upload, "file", 1, 0, PartBody('x'));
  ASSERT_TRUE(store_.CommitUpload(commit, Context()));
  EXPECT_TRUE(Read("file") == PartBody('x') + "tail");
}

TEST_P(ObjectStoreContract, AnAbortedUploadLeavesNothing) {
  const CommitUploadRequest commit = UploadTwoParts("file");
  const AbortUploadRequest abort{.upload = commit.upload, .key = Key("file")};
  EXPECT_TRUE(store_.AbortUpload(abort, Context()));
  EXPECT_TRUE(store_.AbortUpload(abort, Context())) << "an upload that is already gone is no error";
  EXPECT_FALSE(Exists("file"));
  const auto late = store_.CommitUpload(commit, Context());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Names({.recursive = true}), std::vector<std::string>{});
}

TEST_P(ObjectStoreContract, CommitSparesWhatOthersWrote) {
  const CommitUploadRequest create = UploadTwoParts("new", {.must_not_exist = true});
  Put("new", "theirs");
  const auto created = store_.CommitUpload(create, Context());
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(Read("new"), "theirs");

  const ObjectInfo mine = Put("file", "mine");
  const CommitUploadRequest replace = UploadTwoParts("file", {.if_match = mine.etag});
  Put("file", "theirs");
  const auto replaced = store_.CommitUpload(replace, Context());
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code, ErrorCode::kPreconditionFailed);
  EXPECT_EQ(Read("file"), "theirs");
}

TEST_P(ObjectStoreContract, CommitHasTheLastWordOnAttributes) {
  const auto upload =
      store_.StartUpload({.key = Key("file"), .attributes = {.mode = 0600}}, Context());
  ASSERT_TRUE(upload);
  const CommitUploadRequest commit{.upload = *upload,
                                   .key = Key("file"),
                                   .parts = {SendPart(*upload, "file", 1, 0, "content")},
                                   .attributes = SomeAttributes()};
  const auto committed = store_.CommitUpload(commit, Context());
  ASSERT_TRUE(committed) << committed.error().ToString();
  ExpectKept(SomeAttributes(), store_.Head(Key("file"), Context())->attributes);
  EXPECT_EQ(Read("file"), "content");
}

TEST_P(ObjectStoreContract, AppendsToTheVersionItKnows) {
  if (!can().append) return;
  const ObjectInfo base = Put("file", "begin ");
  const auto upload = store_.StartUpload({.key = Key("file"),
                                          .conditions = {.if_match = base.etag},
                                          .append_to = AppendBase{base.etag, base.size_bytes}},
                                         Context());
  ASSERT_TRUE(upload) << upload.error().ToString();
  CommitUploadRequest commit{
      .upload = *upload, .key = Key("file"), .conditions = {.if_match = base.etag}};
  commit.parts.push_back(SendPart(*upload, "file", 1, base.size_bytes, "end"));
  EXPECT_EQ(Read("file"), "begin ");
  const auto committed = store_.CommitUpload(commit, Context());
  ASSERT_TRUE(committed) << committed.error().ToString();
  EXPECT_EQ(Read("file"), "begin end");
}

}  // namespace
}  // namespace skybridge::testing
