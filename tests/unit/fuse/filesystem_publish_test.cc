// How files reach a store whose attributes are fixed when an upload is started, and what stays of
// an update that lost.
#include <chrono>

#include "tests/unit/fuse/staged_fixture.h"

namespace skybridge::fuse {
namespace {

using std::chrono_literals::operator""s;

class FilesystemPublish : public StagedFixture {
 protected:
  std::string Large() { return RandomText(5 * kPart); }
  // As a program would: written in steps, so that parts leave before the close.
  HandleId WriteLarge(std::string_view name, std::uint32_t mode = 0644) {
    const HandleId handle = Create(name, mode).open.handle;
    const std::string text = Large();
    for (std::size_t at = 0; at < text.size(); at += kPart / 2)
      Write(handle, std::string_view(text).substr(at, kPart / 2), at);
    return handle;
  }
};

TEST_F(FilesystemPublish, ALargeFileIsCommittedWithItsModeAndOwner) {
  ASSERT_TRUE(Close(WriteLarge("f", 0600)));
  EXPECT_EQ(store.ContentOf("f"), Large());
  EXPECT_EQ(store.InfoOf("f")->attributes->mode, 0600U);
  EXPECT_EQ(store.InfoOf("f")->attributes->uid, 1000U);
  EXPECT_EQ(store.calls(StoreOp::kSetAttributes), 0U);
}

TEST_F(FilesystemPublish, AChangedModeGoesWithTheUploadThatHasNotStarted) {
  const HandleId handle = Create("f").open.handle;
  ASSERT_TRUE(fs->SetAttributes(Ino("f"), handle, {.mode = 0600}, call));
  const std::string text = Large();
  Write(handle, text);
  ASSERT_TRUE(Close(handle));
  EXPECT_EQ(store.InfoOf("f")->attributes->mode, 0600U);
  EXPECT_EQ(store.calls(StoreOp::kSetAttributes), 0U);
}

TEST_F(FilesystemPublish, AFileWhoseTimesNobodySetTakesTheStoresTime) {
  const HandleId handle = WriteLarge("f");
  clock.Advance(10s);
  ASSERT_TRUE(Close(handle));
  EXPECT_EQ(store.InfoOf("f")->attributes->mtime, std::nullopt);
  const auto stat = fs->GetAttributes(Ino("f"), call);
  EXPECT_EQ(stat->stat.mtime, store.InfoOf("f")->last_modified);
  EXPECT_EQ(store.calls(StoreOp::kSetAttributes), 0U);
}

TEST_F(FilesystemPublish, ASmallFileRecordsTheTimeOfItsLastWrite) {
  const HandleId handle = Create("f").open.handle;
  Write(handle, "small");
  const WallTime written = clock.WallNow();
  clock.Advance(10s);
  ASSERT_TRUE(Close(handle));
  EXPECT_EQ(store.InfoOf("f")->attributes->mtime, written);
}

TEST_F(FilesystemPublish, ATimeThatWasSetBeforeTheCloseIsOneStepMore) {
  const HandleId handle = WriteLarge("f");
  const WallTime wanted(std::chrono::seconds(1'000'000'000));
  ASSERT_TRUE(fs->SetAttributes(Ino("f"), handle, {.mtime = wanted}, call));
  ASSERT_TRUE(Close(handle));
  EXPECT_EQ(store.InfoOf("f")->attributes->mtime, wanted);
  EXPECT_EQ(store.calls(StoreOp::kSetAttributes), 1U);
}

TEST_F(FilesystemPublish, AStepThatFailsLeavesTheCommittedVersionAsOurs) {
  const HandleId handle = WriteLarge("f");
  const WallTime wanted(std::chrono::seconds(1'000'000'000));
  ASSERT_TRUE(fs->SetAttributes(Ino("f"), handle, {.mtime = wanted}, call));
  store.script().FailNext(StoreOp::kSetAttributes, testing::LostReply(), 2);  // close and release
  EXPECT_FALSE(Close(handle));
  EXPECT_EQ(ReadFile("f", 5 * kPart), Large());
  EXPECT_EQ(fs->GetAttributes(Ino("f"), call)->stat.mtime, wanted);

  const HandleId again = OpenToWrite("f");
  Write(again, "tail", 5 * kPart);
  ASSERT_TRUE(Close(again)) << "the version is this mount's own";
  EXPECT_EQ(store.ContentOf("f"), Large() + "tail");
  EXPECT_EQ(fs->counters().conflicts, 0U);
}

TEST_F(FilesystemPublish, AttributesOfAFailedStepAreSetWhenTheMountStops) {
  const HandleId handle = WriteLarge("f");
  const WallTime wanted(std::chrono::seconds(1'000'000'000));
  ASSERT_TRUE(fs->SetAttributes(Ino("f"), handle, {.mtime = wanted}, call));
  store.script().FailNext(StoreOp::kSetAttributes, testing::LostReply(), 2);
  EXPECT_FALSE(Close(handle));
  ASSERT_TRUE(fs->Drain(call.context));
  EXPECT_EQ(store.InfoOf("f")->attributes->mtime, wanted);
}

TEST_F(FilesystemPublish, AnAppendThatLostIsKeptWithTheBaseThatItWasMadeTo) {
  store.PutText("log", "one\n");
  const HandleId handle = OpenToWrite("log");
  Write(handle, "mine\n", 4);
  store.PutText("log", "one\nother\n");
  EXPECT_EQ(Close(handle).error().code, ErrorCode::kPreconditionFailed);
  EXPECT_EQ(store.ContentOf("log.conflict-2026-01-05T102030Z"), "one\nmine\n");
  EXPECT_EQ(store.ContentOf("log"), "one\nother\n");
}

TEST_F(FilesystemPublish, AFewBytesWrittenOverALargeFileThatWasReplacedAreKept) {
  store.PutText("f", Large());
  const HandleId handle = OpenToWrite("f");
  Write(handle, "MINE", 10);
  store.PutText("f", "other");
  EXPECT_EQ(Close(handle).error().code, ErrorCode::kPreconditionFailed);
  EXPECT_EQ(fs->counters().conflicts, 1U);
  const auto kept = store.ContentOf("f.conflict-2026-01-05T102030Z.ranges");
  ASSERT_TRUE(kept);
  EXPECT_TRUE(kept->ends_with("range: 10 4\n\nMINE")) << *kept;
  EXPECT_EQ(ReadFile("f", 5), "other") << "the name is not stuck with the lost version";
}

}  // namespace
}  // namespace skybridge::fuse
