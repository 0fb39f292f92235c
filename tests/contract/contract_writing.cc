#include <atomic>
#include <thread>

#include "tests/contract/object_store_contract.h"

namespace skybridge::testing {
namespace {

TEST_P(ObjectStoreContract, PutReplacesTheWholeAndChangesTheETag) {
  const ObjectInfo before = Put("file", "a long first content", SomeAttributes());
  const ObjectInfo after = Put("file", "second");
  EXPECT_NE(before.etag, after.etag);
  EXPECT_EQ(Read("file"), "second");
  EXPECT_EQ(store_.Head(Key("file"), Context())->etag, after.etag);
}

TEST_P(ObjectStoreContract, PutThatMustNotExistSparesWhatIsThere) {
  const Conditions fresh{.must_not_exist = true};
  ASSERT_TRUE(
      store_.Put({.key = Key("file"), .body = AsBytes("first"), .conditions = fresh}, Context()));
  EXPECT_EQ(PutError("file", "second", fresh), ErrorCode::kAlreadyExists);
  EXPECT_EQ(Read("file"), "first");
}

TEST_P(ObjectStoreContract, PutWithIfMatchSparesWhatOthersWrote) {
  const ObjectInfo mine = Put("file", "mine");
  const ObjectInfo theirs = Put("file", "theirs");
  EXPECT_EQ(PutError("file", "mine again", {.if_match = mine.etag}),
            ErrorCode::kPreconditionFailed);
  EXPECT_EQ(Read("file"), "theirs");
  EXPECT_TRUE(store_.Put(
      {.key = Key("file"), .body = AsBytes("ours"), .conditions = {.if_match = theirs.etag}},
      Context()));
  EXPECT_EQ(Read("file"), "ours");
}

TEST_P(ObjectStoreContract, PutWithIfMatchNeedsTheObject) {
  const ObjectInfo other = Put("other", "x");
  EXPECT_EQ(PutError("file", "y", {.if_match = other.etag}), ErrorCode::kPreconditionFailed);
  EXPECT_FALSE(Exists("file"));
}

TEST_P(ObjectStoreContract, OneOfManyCreatorsWins) {
  std::atomic<int> winners = 0;
  std::atomic<int> losers = 0;
  {
    std::vector<std::jthread> creators;
    for (int i = 0; i < 6; ++i) {
      creators.emplace_back([&, body = "creator " + std::to_string(i)] {
        const auto put = store_.Put(
            {.key = Key("file"), .body = AsBytes(body), .conditions = {.must_not_exist = true}},
            Context());
        if (put) ++winners;
        if (!put && put.error().code == ErrorCode::kAlreadyExists) ++losers;
      });
    }
  }
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(losers, 5);
}

TEST_P(ObjectStoreContract, PutMakesTheParents) {
  Put("a/b/c", "x");
  EXPECT_EQ(store_.Head(Key("a/b"), Context())->kind, NodeKind::kDirectory);
  EXPECT_EQ(Names({}), std::vector<std::string>{"a/"});
}

TEST_P(ObjectStoreContract, RealDirectoriesAndFilesExcludeEachOther) {
  if (!can().real_directories) return;  // a flat service keeps both: design of the service
  Put("dir/file", "x");
  EXPECT_EQ(PutError("dir", "y", {}), ErrorCode::kIsDirectory);
  EXPECT_EQ(PutError("dir/file/below", "y", {}), ErrorCode::kNotDirectory);
  EXPECT_EQ(Read("dir/file"), "x");
}

TEST_P(ObjectStoreContract, DeletesFilesOfTheRightVersionOnly) {
  if (!can().can_delete) return;  // see RefusesWhatItCannotDo
  const ObjectInfo old = Put("file", "old");
  const ObjectInfo now = Put("file", "new");
  EXPECT_EQ(store_.Delete({.key = Key("file"), .if_match = old.etag}, Context()).error().code,
            ErrorCode::kPreconditionFailed);
  EXPECT_EQ(Read("file"), "new");
  EXPECT_TRUE(store_.Delete({.key = Key("file"), .if_match = now.etag}, Context()));
  EXPECT_FALSE(Exists("file"));
}

TEST_P(ObjectStoreContract, DeletesManyAndAnswersEach) {
  if (!can().can_delete) return;  // see RefusesWhatItCannotDo
  std::vector<DeleteRequest> requests;
  for (int i = 0; i < 12; ++i) {
    const std::string path = "dir/file " + std::to_string(i);
    Put(path, "x");
    requests.push_back({.key = Key(path)});
  }
  Put("dir/kept", "x");
  requests.insert(requests.begin() + 5,
                  DeleteRequest{.key = Key("dir/kept"), .if_match = ETag("other")});
  const std::vector<Status> statuses = store_.DeleteMany(requests, Context());
  ASSERT_EQ(statuses.size(), requests.size());
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    EXPECT_EQ(statuses[i].has_value(), i != 5) << requests[i].key.path;
  }
  EXPECT_EQ(statuses[5].error().code, ErrorCode::kPreconditionFailed);
  EXPECT_EQ(Names({.directory = Key("dir")}), std::vector<std::string>{"dir/kept"});
  EXPECT_TRUE(store_.DeleteMany({}, Context()).empty());
}

}  // namespace
}  // namespace skybridge::testing
