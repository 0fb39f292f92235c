// What could not be published outlives the process that wrote it.
#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/unit/fuse/staged_fixture.h"

namespace skybridge::fuse {
namespace {

using std::chrono_literals::operator""s;

class KeptFilesTest : public StagedFixture {
 protected:
  // The store cannot be written to any more.
  void StoreGone() {
    const Error gone{.code = ErrorCode::kUnavailable, .message = "gone", .retryable = true};
    for (const StoreOp op : {StoreOp::kPut, StoreOp::kCommitUpload, StoreOp::kSetAttributes})
      store.script().FailNext(op, gone, 100);
  }
  void StoreBack() { store.script().Clear(); }
  std::size_t KeptCount() const {
    std::size_t records = 0;
    std::error_code none;
    for (const auto& entry :
         std::filesystem::directory_iterator(directory.Sub("unpublished"), none)) {
      if (entry.path().extension() == ".record") ++records;
    }
    return records;
  }
  std::string Large() { return RandomText(5 * kPart); }
};

TEST_F(KeptFilesTest, TheEndOfAMountNamesWhatItCouldNotPublishAndTheNextOnePublishesIt) {
  const HandleId small = Create("small", 0600).open.handle;
  Write(small, "hello");
  const HandleId large = Create("large").open.handle;
  Write(large, Large());
  StoreGone();
  const Status drained = fs->Drain(call.context);
  ASSERT_FALSE(drained);
  EXPECT_EQ(drained.error().code, ErrorCode::kUnavailable);
  for (const char* part : {"2 files", "oci:small", "oci:large", "unpublished"})
    EXPECT_NE(drained.error().message.find(part), std::string::npos) << drained.error().message;
  Stop();
  StoreBack();
  Start();
  EXPECT_EQ(store.ContentOf("small"), "hello");
  EXPECT_EQ(store.InfoOf("small")->attributes->mode, 0600U);
  EXPECT_EQ(store.ContentOf("large"), Large());
  EXPECT_EQ(KeptCount(), 0U);
}

TEST_F(KeptFilesTest, WhatAFailedCloseLeftSurvivesAKill) {
  store.PutText("f", "one two three");
  const HandleId handle = OpenToWrite("f");
  Write(handle, "TWO", 4);
  StoreGone();
  EXPECT_FALSE(Close(handle));
  Stop();  // without Drain: as if it was killed
  StoreBack();
  Start();
  EXPECT_EQ(store.ContentOf("f"), "one TWO three");
}

TEST_F(KeptFilesTest, APlaceThatSomebodyElseHasChangedGetsAConflictCopy) {
  store.PutText("f", "one two three");
  const HandleId handle = OpenToWrite("f");
  Write(handle, "TWO", 4);
  StoreGone();
  EXPECT_FALSE(Close(handle));
  Stop();
  StoreBack();
  store.PutText("f", "theirs");
  Start();
  EXPECT_EQ(store.ContentOf("f"), "theirs");
  EXPECT_EQ(store.ContentOf("f.conflict-2026-01-05T102030Z"), "one TWO three");
  EXPECT_EQ(KeptCount(), 0U);
}

TEST_F(KeptFilesTest, WhatCannotBePublishedAtTheNextMountEitherStays) {
  const HandleId handle = Create("f").open.handle;
  Write(handle, "hello");
  StoreGone();
  EXPECT_FALSE(Close(handle));
  Restart();
  EXPECT_EQ(KeptCount(), 1U);
  Stop();
  StoreBack();
  Start();
  EXPECT_EQ(store.ContentOf("f"), "hello");
}

TEST_F(KeptFilesTest, AFileThatIsPublishedOrRemovedAfterAllIsNotKept) {
  const HandleId first = Create("a").open.handle;
  Write(first, "hello");
  const HandleId second = Create("b").open.handle;
  Write(second, "hello");
  StoreGone();
  EXPECT_FALSE(Close(first));
  EXPECT_FALSE(Close(second));
  EXPECT_EQ(KeptCount(), 2U);
  StoreBack();
  ASSERT_TRUE(Close(OpenToWrite("a")));
  EXPECT_EQ(KeptCount(), 1U);
  ASSERT_TRUE(fs->Unlink(kRoot, "b", call));
  EXPECT_EQ(KeptCount(), 0U);
  Restart();
  EXPECT_FALSE(store.InfoOf("b"));
}

TEST_F(KeptFilesTest, AKeptFileIsPublishedWhereItWasRenamedTo) {
  const HandleId handle = Create("old").open.handle;
  Write(handle, "hello");
  StoreGone();
  EXPECT_FALSE(Close(handle));
  ASSERT_TRUE(fs->Rename(kRoot, "old", kRoot, "new", RenameMode::kReplace, call));
  Stop();
  StoreBack();
  Start();
  EXPECT_EQ(store.ContentOf("new"), "hello");
  EXPECT_FALSE(store.InfoOf("old"));
}

// --- attributes right after a close

class DelayedAttributes : public KeptFilesTest {
 protected:
  // A large file as rsync makes its temporary.
  void MakeLarge(std::string_view name) {
    const HandleId handle = Create(name, 0600).open.handle;
    Write(handle, Large());
    ASSERT_TRUE(Close(handle));
    store.script().ResetCalls();
  }
  void Set(std::string_view name, const AttributeChange& change) {
    const auto changed = fs->SetAttributes(Ino(name), std::nullopt, change, call);
    ASSERT_TRUE(changed) << changed.error().ToString();
  }
  static constexpr WallTime kTime{std::chrono::seconds(1'000'000'000)};
};

TEST_F(DelayedAttributes, TimesModeAndNameRightAfterACloseAreOneStep) {
  MakeLarge(".f.tmp");
  Set(".f.tmp", {.mtime = kTime});
  EXPECT_EQ(store.calls(StoreOp::kSetAttributes), 0U);
  EXPECT_EQ(fs->GetAttributes(Ino(".f.tmp"), call)->stat.mtime, kTime);
  Set(".f.tmp", {.mode = 0644});
  ASSERT_TRUE(fs->Rename(kRoot, ".f.tmp", kRoot, "f", RenameMode::kReplace, call));
  EXPECT_EQ(store.calls(StoreOp::kSetAttributes), 1U);
  EXPECT_EQ(store.InfoOf("f")->attributes->mtime, kTime);
  EXPECT_EQ(store.InfoOf("f")->attributes->mode, 0644U);
  EXPECT_EQ(KeptCount(), 0U);
}

TEST_F(DelayedAttributes, ASingleChangeIsInTheStoreASecondLater) {
  MakeLarge("f");
  Set("f", {.mtime = kTime});
  clock.WaitForSleepers(1);
  EXPECT_EQ(store.InfoOf("f")->attributes->mtime, std::nullopt);
  clock.Advance(1s);
  while (KeptCount() > 0) std::this_thread::yield();
  EXPECT_EQ(store.InfoOf("f")->attributes->mtime, kTime);
}

TEST_F(DelayedAttributes, ARenameTakesTheChangeAlong) {
  MakeLarge(".f.tmp");
  Set(".f.tmp", {.mtime = kTime});
  ASSERT_TRUE(fs->Rename(kRoot, ".f.tmp", kRoot, "f", RenameMode::kReplace, call));
  EXPECT_EQ(store.InfoOf("f")->attributes->mtime, kTime);
}

TEST_F(DelayedAttributes, AKillLosesNothingThatWasAcknowledged) {
  MakeLarge("f");
  Set("f", {.mtime = kTime});
  Stop();
  Start();
  EXPECT_EQ(store.InfoOf("f")->attributes->mtime, kTime);
  EXPECT_EQ(KeptCount(), 0U);
}

TEST_F(DelayedAttributes, WhatTakesARightAwayDoesNotWait) {
  MakeLarge("f");
  Set("f", {.mode = 0400});
  EXPECT_EQ(store.InfoOf("f")->attributes->mode, 0400U);
}

TEST_F(DelayedAttributes, AnotherOwnerDoesNotWait) {
  MakeLarge("f");
  Set("f", {.uid = 7});
  EXPECT_EQ(store.InfoOf("f")->attributes->uid, 7U);
}

TEST_F(DelayedAttributes, AChangeLongAfterTheCloseDoesNotWait) {
  MakeLarge("f");
  clock.Advance(2s);
  Set("f", {.mtime = kTime});
  EXPECT_EQ(store.InfoOf("f")->attributes->mtime, kTime);
}

TEST_F(DelayedAttributes, ASmallFileDoesNotWait) {
  const HandleId handle = Create("f").open.handle;
  Write(handle, "small");
  ASSERT_TRUE(Close(handle));
  Set("f", {.mtime = kTime});
  EXPECT_EQ(store.InfoOf("f")->attributes->mtime, kTime);
}

TEST_F(DelayedAttributes, AreGivenToTheVersionThatCameBetween) {
  MakeLarge("f");
  Set("f", {.mode = 0644});
  clock.WaitForSleepers(1);
  store.PutText("f", "somebody else's");
  clock.Advance(1s);
  while (store.InfoOf("f")->attributes->mode != 0644U) std::this_thread::yield();
  EXPECT_EQ(store.ContentOf("f"), "somebody else's");
}

}  // namespace
}  // namespace skybridge::fuse
