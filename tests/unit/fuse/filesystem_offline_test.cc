// The store is out of reach: what the mount knows of it goes on being answered, up to a named time.
#include "fuse/names/outages.h"
#include "tests/support/call_script.h"
#include "tests/unit/fuse/filesystem_fixture.h"

namespace skybridge::fuse {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr FilesystemOptions kOptions{.ttl = seconds(30), .offline_max = hours(2)};

class FilesystemOffline : public FilesystemFixture {
 protected:
  void SetUp() override {
    StartWith({}, kOptions);
    store->PutText("d/a", "aaa");
    store->PutText("d/b", "b");
    directory_ = Ino("d");
    EXPECT_EQ(Names(directory_, true), (std::vector<std::string>{"a", "b"}));
    clock.Advance(hours(1));  // nothing of it is fresh any more
  }

  void Lose(const Error& error = skybridge::testing::Silence()) {
    for (const StoreOp op : {StoreOp::kHead, StoreOp::kList})
      store->script().FailNext(op, error, 1000);
  }
  Result<NodeReply> Look(std::string_view name) { return fs->Lookup(directory_, name, call); }

  InodeNumber directory_ = InodeNumber::kNone;
};

TEST_F(FilesystemOffline, NamesThatExistAreAnsweredPastTheirTtl) {
  Lose();
  const auto found = Look("a");
  ASSERT_TRUE(found) << found.error().ToString();
  EXPECT_EQ(found->stat.size_bytes, 3U);
  EXPECT_EQ(found->valid_for, seconds(0)) << "the kernel asks again";
  EXPECT_TRUE(fs->GetAttributes(directory_, call));
}

TEST_F(FilesystemOffline, OnlyOneCallInAWhileWaitsForTheStore) {
  Lose();
  ASSERT_TRUE(Look("a"));
  const std::size_t calls = store->script().total_calls();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(Look(i % 2 == 0 ? "a" : "b"));
  EXPECT_EQ(store->script().total_calls(), calls);
  clock.Advance(Outages::kAskAgainAfter);
  EXPECT_TRUE(Look("a"));
  EXPECT_EQ(store->script().total_calls(), calls + 1);
}

TEST_F(FilesystemOffline, WhatTheCacheDoesNotHaveIsAnErrorAndNeverAbsent) {
  Lose();
  EXPECT_EQ(Look("never-seen").error().code, ErrorCode::kTimedOut);
}

TEST_F(FilesystemOffline, AbsenceIsNotBelievedPastItsTime) {
  EXPECT_EQ(Look("c").error().code, ErrorCode::kNotFound);
  clock.Advance(hours(1));
  Lose();
  EXPECT_EQ(Look("c").error().code, ErrorCode::kTimedOut);
}

TEST_F(FilesystemOffline, ACompleteListingIsShown) {
  Lose();
  EXPECT_EQ(Names(directory_), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(Names(directory_, true), (std::vector<std::string>{"a", "b"}));
}

TEST_F(FilesystemOffline, AListingThatWasNeverCompleteIsAnError) {
  store->PutText("e/x", "x");
  const InodeNumber other = Ino("e");
  EXPECT_TRUE(fs->Lookup(other, "x", call));
  clock.Advance(hours(1));
  Lose();
  const HandleId handle = fs->OpenDirectory(other, call).value();
  std::vector<std::string> shown;
  const Status read = fs->ReadDirectory(
      handle, 0, false,
      [&](const DirectoryEntry& entry) {
        shown.emplace_back(entry.name);
        return true;
      },
      call);
  EXPECT_FALSE(read);
  for (const std::string& name : shown) EXPECT_TRUE(name == "." || name == "..") << name;
  fs->ReleaseDirectory(handle);
}

TEST_F(FilesystemOffline, AllOfItEndsAfterOfflineMax) {
  clock.Advance(hours(1));
  Lose();
  EXPECT_FALSE(Look("a"));
}

TEST_F(FilesystemOffline, ARefusalIsAnAnswer) {
  for (const ErrorCode code : {ErrorCode::kPermissionDenied, ErrorCode::kUnauthenticated,
                               ErrorCode::kContainerNotFound, ErrorCode::kUnavailable}) {
    store->script().FailNext(StoreOp::kHead, {.code = code, .remote = {.http_status = 403}});
    EXPECT_EQ(Look("a").error().code, code);
  }
}

TEST_F(FilesystemOffline, ChangesOfOthersAreSeenOnceTheStoreAnswers) {
  Lose();
  ASSERT_TRUE(Look("a"));
  store->script().Clear();
  store->PutText("d/a", "longer");
  clock.Advance(Outages::kAskAgainAfter);
  EXPECT_EQ(Look("a")->stat.size_bytes, 6U);
}

}  // namespace
}  // namespace skybridge::fuse
