// A call that is repeated after a lost reply ends as if the reply had not been lost, and never
// takes somebody else's work for its own.
#include "tests/contract/object_store_contract.h"

namespace skybridge::testing {
namespace {

TEST_P(ObjectStoreContract, RepeatedPutRecognisesItsOwnObject) {
  const PutRequest create{.key = Key("file"),
                          .body = AsBytes("mine"),
                          .attributes = SomeAttributes(),
                          .conditions = {.must_not_exist = true}};
  ASSERT_TRUE(store_.Put(create, Context()));
  const auto again = store_.Put(create, Context(true));
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(again->etag, store_.Head(Key("file"), Context())->etag);

  PutRequest replace = create;
  replace.body = AsBytes("newer");
  replace.conditions = {.if_match = again->etag};
  ASSERT_TRUE(store_.Put(replace, Context()));
  EXPECT_TRUE(store_.Put(replace, Context(true)));
  EXPECT_EQ(Read("file"), "newer");
}

TEST_P(ObjectStoreContract, RepeatedPutSparesSomebodyElsesObject) {
  const ObjectInfo theirs = Put("file", "their");
  const PutRequest create{
      .key = Key("file"), .body = AsBytes("mine!"), .conditions = {.must_not_exist = true}};
  EXPECT_EQ(store_.Put(create, Context(true)).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(Read("file"), "their");
  EXPECT_EQ(store_.Head(Key("file"), Context())->etag, theirs.etag);
}

TEST_P(ObjectStoreContract, RepeatedPutOfALinkComparesTargets) {
  PutRequest create{.key = Key("link"),
                    .kind = NodeKind::kSymlink,
                    .body = AsBytes("mine"),
                    .conditions = {.must_not_exist = true}};
  ASSERT_TRUE(store_.Put(create, Context()));
  const auto again = store_.Put(create, Context(true));
  EXPECT_TRUE(again) << again.error().ToString();
  create.body = AsBytes("ours");
  EXPECT_EQ(store_.Put(create, Context(true)).error().code, ErrorCode::kAlreadyExists);
}

TEST_P(ObjectStoreContract, RepeatedDeleteFindsItsWorkDone) {
  if (!can().can_delete) return;  // see RefusesWhatItCannotDo
  EXPECT_TRUE(store_.Delete({.key = Key("gone")}, Context(true)));
  const DeleteRequest requests[] = {{.key = Key("gone")}, {.key = Key("gone too")}};
  for (const Status& status : store_.DeleteMany(requests, Context(true))) EXPECT_TRUE(status);
  EXPECT_TRUE(store_.RemoveDirectory(Key("gone"), Context(true)));
}

TEST_P(ObjectStoreContract, RepeatedRenameFindsItsWorkDone) {
  if (!can().can_rename) return;  // see RefusesWhatItCannotDo
  const ObjectInfo put = Put("from", "content");
  const RenameRequest rename{
      .source = Key("from"), .destination = Key("to"), .source_if_match = put.etag};
  ASSERT_TRUE(store_.Rename(rename, Context()));
  const auto again = store_.Rename(rename, Context(true));
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(Read("to"), "content");
}

TEST_P(ObjectStoreContract, RepeatedRenameSparesSomebodyElsesObject) {
  if (!can().can_rename) return;  // see RefusesWhatItCannotDo
  Put("to", "somebody else's and of another length");
  const auto renamed = store_.Rename(
      {.source = Key("from"), .destination = Key("to"), .source_if_match = ETag("unknown")},
      Context(true));
  ASSERT_FALSE(renamed);
  EXPECT_EQ(renamed.error().code, ErrorCode::kNotFound);
}

TEST_P(ObjectStoreContract, RepeatedDirectoryRenameFindsItsWorkDone) {
  if (!can().can_rename) return;  // see RefusesWhatItCannotDo
  Put("from/a", "1");
  const RenameRequest rename{
      .source = Key("from"), .destination = Key("to"), .kind = NodeKind::kDirectory};
  ASSERT_TRUE(store_.Rename(rename, Context()));
  const auto again = store_.Rename(rename, Context(true));
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(Read("to/a"), "1");
}

TEST_P(ObjectStoreContract, RepeatedCommitFindsItsWorkDone) {
  const CommitUploadRequest commit = UploadTwoParts("file", {.must_not_exist = true});
  const auto first = store_.CommitUpload(commit, Context());
  ASSERT_TRUE(first) << first.error().ToString();
  const auto again = store_.CommitUpload(commit, Context(true));
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(again->etag, first->etag);
}

TEST_P(ObjectStoreContract, RepeatedMakeDirectoryFindsItsWorkDone) {
  const MakeDirectoryRequest make{.key = Key("dir"), .attributes = {.mode = 0750}};
  ASSERT_TRUE(store_.MakeDirectory(make, Context()));
  const auto again = store_.MakeDirectory(make, Context(true));
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(again->kind, NodeKind::kDirectory);
}

TEST_P(ObjectStoreContract, RepeatedSetAttributesFindsItsWorkDone) {
  const ObjectInfo put = Put("file", "x");
  const SetAttributesRequest set{
      .key = Key("file"), .attributes = SomeAttributes(), .if_match = put.etag};
  ASSERT_TRUE(store_.SetAttributes(set, Context()));
  const auto again = store_.SetAttributes(set, Context(true));
  ASSERT_TRUE(again) << again.error().ToString();
  ExpectKept(SomeAttributes(), again->attributes);
}

}  // namespace
}  // namespace skybridge::testing
