#include "fuse/write/upload.h"

#include <algorithm>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"
#include "tests/support/temp_directory.h"

namespace skybridge::fuse {
namespace {

using skybridge::testing::FakeObjectStore;
using skybridge::testing::StoreOp;

constexpr std::uint64_t kPart = 64 << 10;

Capabilities SmallParts() {
  Capabilities capabilities = skybridge::testing::OciLikeCapabilities();
  capabilities.min_part_bytes = 1;
  return capabilities;
}

class UploadTest : public ::testing::Test {
 protected:
  UploadTest() {
    content_ = std::make_shared<FileContent>(
        *staging_->Create(), 0,
        [](std::uint64_t, std::span<std::byte>, const CallContext&) -> Status { return {}; });
    upload_ = std::make_shared<Upload>(
        crew_, content_, UploadPlan{.key = ObjectKey("f"), .attributes = {.mode = 0600}});
  }
  ~UploadTest() override { tasks_.reset(); }  // its tasks use the crew
  CallContext Soon() const { return {.deadline = clock_.Now() + std::chrono::minutes(1)}; }
  // As a writer does it.
  void Write(std::uint64_t offset, std::string_view text) {
    const ByteRange range{offset, text.size()};
    upload_->Touch(range);
    ASSERT_TRUE(content_->Write(offset, AsBytes(text), {}));
    upload_->Touch(range);
  }
  Result<ObjectInfo> SendAndCommit() {
    const auto parts = TRY(upload_->SendAll(content_->size_bytes(), Soon()));
    return upload_->Commit(parts, {.mode = 0600}, {}, Soon());
  }

  skybridge::testing::TempDirectory temp_;
  skybridge::testing::FakeClock clock_;
  FakeObjectStore store_{clock_, {.capabilities = SmallParts()}};
  std::unique_ptr<cache::Staging> staging_ =
      *cache::Staging::Open({.directory = temp_.Sub("staging"),
                             .capacity_bytes = 64 << 20,
                             .keep_free_bytes = 0,
                             .clock = &clock_});
  PartBuffers buffers_{kPart, 4, clock_};
  std::shared_ptr<FileContent> content_;
  std::shared_ptr<Upload> upload_;
  std::optional<TaskCrew> tasks_{std::in_place, 2, clock_};
  UploadCrew crew_{.store = store_,
                   .clock = clock_,
                   .buffers = buffers_,
                   .tasks = *tasks_,
                   .layout = PartLayout(
                       {.first_part_bytes = kPart, .largest_part_bytes = kPart, .max_parts = 1000}),
                   .request_timeout = std::chrono::minutes(1),
                   .on_part_sent = [] {}};
};

TEST_F(UploadTest, StartsWithItsAttributesAndCommitsAllParts) {
  const std::string text(3 * kPart + 5, 'x');
  Write(0, text);
  const auto info = SendAndCommit();
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(store_.ContentOf("f"), text);
  EXPECT_EQ(store_.InfoOf("f")->attributes->mode, 0600U);
  EXPECT_EQ(store_.calls(StoreOp::kUploadPart), 4U);
}

TEST_F(UploadTest, OnlyWhatChangedIsSentAgain) {
  Write(0, std::string(3 * kPart, 'x'));
  ASSERT_TRUE(upload_->SendAll(3 * kPart, Soon()));
  Write(kPart + 1, "y");
  ASSERT_TRUE(SendAndCommit());
  EXPECT_EQ(store_.calls(StoreOp::kUploadPart), 4U);
  EXPECT_EQ(store_.ContentOf("f")->at(kPart + 1), 'y');
}

TEST_F(UploadTest, AFileThatWasCutSendsItsLastPartAgain) {
  Write(0, std::string(3 * kPart, 'x'));
  ASSERT_TRUE(upload_->SendAll(3 * kPart, Soon()));
  upload_->CutTo(2 * kPart - 7);
  ASSERT_TRUE(content_->Truncate(2 * kPart - 7));
  upload_->CutTo(2 * kPart - 7);
  ASSERT_TRUE(SendAndCommit());
  EXPECT_EQ(store_.ContentOf("f")->size(), 2 * kPart - 7);
}

TEST_F(UploadTest, SendsPartsOnceTheyAreComplete) {
  Write(0, std::string(kPart + 10, 'x'));
  upload_->SendCompleted({0, kPart + 10});
  ASSERT_TRUE(SendAndCommit());
  EXPECT_EQ(store_.calls(StoreOp::kUploadPart), 2U) << "the first part was not sent twice";
}

TEST_F(UploadTest, MakesRoomOfWhatTheStoreHas) {
  Write(0, std::string(3 * kPart, 'x'));
  EXPECT_EQ(upload_->MakeRoom(kPart), 0U) << "nothing is sent yet";
  ASSERT_TRUE(upload_->SendAll(3 * kPart, Soon()));
  EXPECT_EQ(upload_->MakeRoom(kPart), kPart);
  EXPECT_FALSE(upload_->AbandonUnlessNeeded()) << "only the upload has the first part now";
  ASSERT_TRUE(SendAndCommit());
  EXPECT_EQ(*store_.ContentOf("f"), std::string(3 * kPart, 'x'));
}

TEST_F(UploadTest, AnAbandonedUploadIsAborted) {
  Write(0, std::string(3 * kPart, 'x'));
  ASSERT_TRUE(upload_->SendAll(3 * kPart, Soon()));
  EXPECT_TRUE(upload_->AbandonUnlessNeeded());
  tasks_.reset();  // runs what waits
  EXPECT_EQ(store_.open_uploads(), 0U);
}

TEST_F(UploadTest, TheWaitForPartsEndsAtTheCallersDeadline) {
  Write(0, std::string(3 * kPart, 'x'));
  store_.script().Block(StoreOp::kUploadPart);
  const auto sent = upload_->SendAll(3 * kPart, {.deadline = clock_.Now()});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::kTimedOut);
  store_.script().Release(StoreOp::kUploadPart);
  EXPECT_TRUE(SendAndCommit());
}

}  // namespace
}  // namespace skybridge::fuse
