// What the fake offers beyond the ObjectStore contract: scripts, hooks and ways behind its callers'
// backs.
#include "tests/support/fake_object_store.h"

#include <array>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace skybridge::testing {
namespace {

ObjectKey Key(const char* path) { return ObjectKey(path); }

TEST(FakeObjectStore, FailsTheNextCallsWithoutActing) {
  FakeClock clock;
  FakeObjectStore store(clock);
  store.script().FailNext(StoreOp::kPut, {.code = ErrorCode::kThrottled, .retryable = true}, 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(store.Put({.key = Key("a"), .body = AsBytes("x")}, {}).error().code,
              ErrorCode::kThrottled);
    EXPECT_FALSE(store.ContentOf("a"));
  }
  EXPECT_TRUE(store.Put({.key = Key("a"), .body = AsBytes("x")}, {}));
  EXPECT_EQ(store.calls(StoreOp::kPut), 3u);
}

TEST(FakeObjectStore, LosesTheReplyOfACallThatActed) {
  FakeClock clock;
  FakeObjectStore store(clock);
  store.script().ActThenFailNext(StoreOp::kPut);
  const PutRequest put{
      .key = Key("a"), .body = AsBytes("x"), .conditions = {.must_not_exist = true}};
  EXPECT_EQ(store.Put(put, {}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(store.ContentOf("a"), "x");
  EXPECT_EQ(store.Put(put, {}).error().code, ErrorCode::kAlreadyExists);
  EXPECT_TRUE(store.Put(put, {.retried = true}));
}

TEST(FakeObjectStore, BlocksUntilReleasedOrStoppedOrLate) {
  FakeClock clock;
  FakeObjectStore store(clock);
  store.PutText("a", "x");
  store.script().Block(StoreOp::kHead);
  std::stop_source stop;
  Result<ObjectInfo> stopped, late, released;
  {
    std::jthread one([&] { stopped = store.Head(Key("a"), {.stop = stop.get_token()}); });
    std::jthread two(
        [&] { late = store.Head(Key("a"), {.deadline = clock.Now() + std::chrono::seconds(1)}); });
    std::jthread three([&] { released = store.Head(Key("a"), {}); });
    store.script().WaitForBlocked(StoreOp::kHead, 3);
    stop.request_stop();
    one.join();
    clock.Advance(std::chrono::seconds(1));
    two.join();
    store.script().Release(StoreOp::kHead);
  }
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(late.error().code, ErrorCode::kTimedOut);
  EXPECT_TRUE(released);
}

TEST(FakeObjectStore, LetsAHookChangeAnObjectBetweenTwoCalls) {
  FakeClock clock;
  FakeObjectStore store(clock);
  const ETag before = store.PutText("a", "old");
  store.script().BeforeNext(StoreOp::kGet, [&] { store.PutText("a", "new"); });
  std::array<std::byte, 3> into;
  const auto reply = store.Get({.key = Key("a"), .range = {0, 3}, .if_match = before}, into, {});
  EXPECT_EQ(reply.error().code, ErrorCode::kPreconditionFailed);
}

TEST(FakeObjectStore, ListsInTheOrderOfAWalkWhereListingsAreNotSorted) {
  FakeClock clock;
  FakeObjectStore sorted(clock, {.capabilities = FlatCapabilities()});
  FakeObjectStore walked(clock, {.capabilities = HierarchicalCapabilities()});
  for (FakeObjectStore* store : {&sorted, &walked}) {
    store->PutText("a/x", "");
    store->PutText("a-b", "");
  }
  const ListRequest all{.recursive = true};
  EXPECT_EQ(sorted.List(all, {})->entries.front().key, Key("a-b"));
  EXPECT_EQ(walked.List(all, {})->entries.front().key, Key("a"));
}

TEST(FakeObjectStore, GoesOnWithAnInterruptedDirectoryRename) {
  FakeClock clock;
  FakeObjectStore store(clock, {.capabilities = OciLikeCapabilities()});
  store.PutText("a/1", "1");
  store.PutText("a/2", "2");
  store.InterruptNextDirectoryRename(1);
  const RenameRequest rename{
      .source = Key("a"), .destination = Key("b"), .kind = NodeKind::kDirectory};
  EXPECT_EQ(store.Rename(rename, {}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(store.Paths(), (std::vector<std::string>{"a/2", "b/1"}));
  EXPECT_TRUE(store.Rename(rename, {.retried = true}));
  EXPECT_EQ(store.Paths(), (std::vector<std::string>{"b/1", "b/2"}));
}

TEST(FakeObjectStore, HidesAttributesAndLinksFromListingsLikeOci) {
  FakeClock clock;
  FakeObjectStore store(clock, {.capabilities = OciLikeCapabilities()});
  store.PutLink("link", "target");
  const ObjectInfo listed = store.List({}, {})->entries.front();
  EXPECT_FALSE(listed.attributes);
  EXPECT_EQ(listed.kind, NodeKind::kFile);
  EXPECT_EQ(store.Head(Key("link"), {})->kind, NodeKind::kSymlink);
}

}  // namespace
}  // namespace skybridge::testing
