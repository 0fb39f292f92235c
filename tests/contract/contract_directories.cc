#include "tests/contract/object_store_contract.h"

namespace skybridge::testing {
namespace {

using Strings = std::vector<std::string>;

TEST_P(ObjectStoreContract, MakesAnEmptyDirectory) {
  const auto made = store_.MakeDirectory({.key = Key("a/dir")}, Context());
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_EQ(made->kind, NodeKind::kDirectory);
  EXPECT_EQ(store_.Head(Key("a/dir"), Context())->kind, NodeKind::kDirectory);
  EXPECT_EQ(Names({.directory = Key("a")}), Strings{"a/dir/"});
  EXPECT_EQ(Names({.directory = Key("a/dir")}), Strings{});
}

TEST_P(ObjectStoreContract, MakesNoDirectoryWhereSomethingIs) {
  Put("file", "x");
  Put("dir/child", "x");
  ASSERT_TRUE(store_.MakeDirectory({.key = Key("empty")}, Context()));
  for (const char* path : {"file", "dir", "empty"}) {
    const auto made = store_.MakeDirectory({.key = Key(path)}, Context());
    ASSERT_FALSE(made) << path;
    EXPECT_EQ(made.error().code, ErrorCode::kAlreadyExists) << path;
  }
  EXPECT_EQ(Read("file"), "x");
}

TEST_P(ObjectStoreContract, DirectoriesKeepAttributes) {
  Attributes attributes = SomeAttributes();
  attributes.mode = 0750;
  ASSERT_TRUE(store_.MakeDirectory({.key = Key("dir"), .attributes = attributes}, Context()));
  ExpectKept(attributes, store_.Head(Key("dir"), Context())->attributes);
  attributes.mode = 01777;
  const auto set = store_.SetAttributes(
      {.key = Key("dir"), .kind = NodeKind::kDirectory, .attributes = attributes}, Context());
  ASSERT_TRUE(set) << set.error().ToString();
  ExpectKept(attributes, store_.Head(Key("dir"), Context())->attributes);
}

TEST_P(ObjectStoreContract, ADirectoryThatIsKnownToBeOneIsFoundAsByItsName) {
  const Attributes attributes{.mode = 0750U};
  ASSERT_TRUE(store_.MakeDirectory({.key = Key("dir"), .attributes = attributes}, Context()));
  Put("prefix/child", "x");
  for (const char* path : {"dir", "prefix"}) {
    const auto found = store_.HeadDirectory(Key(path), Context());
    ASSERT_TRUE(found) << path << ": " << found.error().ToString();
    const auto head = store_.Head(Key(path), Context());
    EXPECT_EQ(found->key, Key(path));
    EXPECT_EQ(found->kind, NodeKind::kDirectory) << path;
    EXPECT_EQ(found->etag, head->etag) << path;
    EXPECT_EQ(found->attributes, head->attributes) << path;
  }
  EXPECT_EQ(store_.HeadDirectory(Key("nothing"), Context()).error().code, ErrorCode::kNotFound);
}

TEST_P(ObjectStoreContract, MakesADirectoryWhereTheCallerHasSeenNothing) {
  const MakeDirectoryRequest request{
      .key = Key("dir"), .attributes = {.mode = 0750U}, .nothing_there = true};
  const auto made = store_.MakeDirectory(request, Context());
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_EQ(made->etag, store_.Head(Key("dir"), Context())->etag);
  EXPECT_EQ(store_.MakeDirectory(request, Context()).error().code, ErrorCode::kAlreadyExists)
      << "somebody else's marker is not replaced";
}

TEST_P(ObjectStoreContract, RemovesEmptyDirectoriesOnly) {
  if (!can().can_delete) return;  // see RefusesWhatItCannotDo
  ASSERT_TRUE(store_.MakeDirectory({.key = Key("dir")}, Context()));
  Put("dir/child", "x");
  EXPECT_EQ(store_.RemoveDirectory(Key("dir"), Context()).error().code, ErrorCode::kNotEmpty);
  EXPECT_EQ(store_.RemoveDirectory(Key("dir/child"), Context()).error().code,
            ErrorCode::kNotDirectory);
  ASSERT_TRUE(store_.Delete({.key = Key("dir/child")}, Context()));
  EXPECT_TRUE(store_.RemoveDirectory(Key("dir"), Context()));
  EXPECT_FALSE(Exists("dir"));
}

TEST_P(ObjectStoreContract, PrefixOnlyDirectoriesBecomeRealWhenGivenAttributes) {
  if (can().real_directories) return;
  Put("dir/child", "x");
  EXPECT_TRUE(store_.Head(Key("dir"), Context())->etag.empty());
  const Attributes attributes{.mode = 0700};
  ASSERT_TRUE(store_.SetAttributes(
      {.key = Key("dir"), .kind = NodeKind::kDirectory, .attributes = attributes}, Context()));
  EXPECT_EQ(store_.Delete({.key = Key("dir/child")}, Context()).has_value(), can().can_delete);
  const auto head = store_.Head(Key("dir"), Context());
  ASSERT_TRUE(head);
  EXPECT_FALSE(head->etag.empty());
  ExpectKept(attributes, head->attributes);
}

TEST_P(ObjectStoreContract, RenamesAFileThatTheCallerKnows) {
  if (!can().can_rename) return;  // see RefusesWhatItCannotDo
  const Attributes attributes = SomeAttributes();
  RenameRequest request{.source = Key("from"),
                        .destination = Key("to"),
                        .source_info = Put("from", "content", attributes),
                        .no_directory_there = true};
  request.source_if_match = request.source_info->etag;
  const auto renamed = store_.Rename(request, Context());
  ASSERT_TRUE(renamed) << renamed.error().ToString();
  const auto head = store_.Head(Key("to"), Context());
  EXPECT_EQ(renamed->key, Key("to"));
  EXPECT_EQ(head->etag, renamed->etag);
  ExpectKept(attributes, renamed->attributes);
  ExpectKept(attributes, head->attributes);
  EXPECT_EQ(Read("to"), "content");
  EXPECT_FALSE(Exists("from"));
}

TEST_P(ObjectStoreContract, RenamesAFileWithAllItHas) {
  if (!can().can_rename) return;  // see RefusesWhatItCannotDo
  const Attributes attributes = SomeAttributes();
  Put("from", "content", attributes);
  ASSERT_TRUE(store_.MakeDirectory({.key = Key("dir")}, Context()));
  const auto renamed =
      store_.Rename({.source = Key("from"), .destination = Key("dir/to")}, Context());
  ASSERT_TRUE(renamed) << renamed.error().ToString();
  EXPECT_EQ(renamed->key, Key("dir/to"));
  EXPECT_FALSE(Exists("from"));
  EXPECT_EQ(Read("dir/to"), "content");
  const auto head = store_.Head(Key("dir/to"), Context());
  EXPECT_EQ(head->etag, renamed->etag);
  ExpectKept(attributes, head->attributes);
}

TEST_P(ObjectStoreContract, RenameReplacesAFileUnlessItMustNotExist) {
  if (!can().can_rename) return;  // see RefusesWhatItCannotDo
  Put("from", "new");
  Put("to", "old");
  const RenameRequest spare{.source = Key("from"),
                            .destination = Key("to"),
                            .destination_conditions = {.must_not_exist = true}};
  EXPECT_EQ(store_.Rename(spare, Context()).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(Read("from"), "new");
  EXPECT_EQ(Read("to"), "old");
  EXPECT_TRUE(store_.Rename({.source = Key("from"), .destination = Key("to")}, Context()));
  EXPECT_EQ(Read("to"), "new");
  EXPECT_FALSE(Exists("from"));
}

TEST_P(ObjectStoreContract, RenameMovesTheRightVersionOnly) {
  if (!can().can_rename) return;  // see RefusesWhatItCannotDo
  const ObjectInfo old = Put("from", "old");
  const ObjectInfo now = Put("from", "new");
  RenameRequest rename{
      .source = Key("from"), .destination = Key("to"), .source_if_match = old.etag};
  EXPECT_EQ(store_.Rename(rename, Context()).error().code, ErrorCode::kPreconditionFailed);
  EXPECT_EQ(Read("from"), "new");
  rename.source_if_match = now.etag;
  EXPECT_TRUE(store_.Rename(rename, Context()));
  EXPECT_EQ(Read("to"), "new");
}

TEST_P(ObjectStoreContract, RenamesLinksAsLinks) {
  if (!can().can_rename) return;  // see RefusesWhatItCannotDo
  ASSERT_TRUE(store_.Put(
      {.key = Key("from"), .kind = NodeKind::kSymlink, .body = AsBytes("target")}, Context()));
  ASSERT_TRUE(store_.Rename(
      {.source = Key("from"), .destination = Key("to"), .kind = NodeKind::kSymlink}, Context()));
  EXPECT_EQ(store_.Head(Key("to"), Context())->kind, NodeKind::kSymlink);
  EXPECT_EQ(Read("to"), "target");
}

TEST_P(ObjectStoreContract, RenamesADirectoryWithAllThatIsInIt) {
  if (!can().can_rename) return;  // see RefusesWhatItCannotDo
  Put("from/a", "1");
  Put("from/sub/b", "2");
  ASSERT_TRUE(store_.MakeDirectory({.key = Key("from/empty")}, Context()));
  Put("from-neighbour", "3");
  const auto renamed = store_.Rename(
      {.source = Key("from"), .destination = Key("to"), .kind = NodeKind::kDirectory}, Context());
  ASSERT_TRUE(renamed) << renamed.error().ToString();
  EXPECT_EQ(renamed->kind, NodeKind::kDirectory);
  EXPECT_FALSE(Exists("from"));
  EXPECT_EQ(Names({}), (Strings{"from-neighbour", "to/"}));
  EXPECT_EQ(Names({.directory = Key("to")}), (Strings{"to/a", "to/empty/", "to/sub/"}));
  EXPECT_EQ(Read("to/sub/b"), "2");
}

TEST_P(ObjectStoreContract, RenamesADirectoryOverAnEmptyOneOnly) {
  if (!can().can_rename) return;  // see RefusesWhatItCannotDo
  Put("from/a", "1");
  Put("full/b", "2");
  ASSERT_TRUE(store_.MakeDirectory({.key = Key("empty")}, Context()));
  RenameRequest rename{
      .source = Key("from"), .destination = Key("full"), .kind = NodeKind::kDirectory};
  EXPECT_EQ(store_.Rename(rename, Context()).error().code, ErrorCode::kNotEmpty);
  rename.destination = Key("empty");
  rename.destination_conditions.must_not_exist = true;
  EXPECT_EQ(store_.Rename(rename, Context()).error().code, ErrorCode::kAlreadyExists);
  rename.destination_conditions.must_not_exist = false;
  const auto renamed = store_.Rename(rename, Context());
  EXPECT_TRUE(renamed) << renamed.error().ToString();
  EXPECT_EQ(Names({.recursive = true, .max_entries = 1}).back(), "full/b");
  EXPECT_EQ(Read("empty/a"), "1");
}

TEST_P(ObjectStoreContract, RenamesNoDirectoryIntoItself) {
  if (!can().can_rename) return;  // see RefusesWhatItCannotDo
  Put("dir/a", "1");
  const auto renamed = store_.Rename(
      {.source = Key("dir"), .destination = Key("dir/sub"), .kind = NodeKind::kDirectory},
      Context());
  ASSERT_FALSE(renamed);
  EXPECT_EQ(renamed.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Read("dir/a"), "1");
}

}  // namespace
}  // namespace skybridge::testing
