// What a conflict copy, and a file that is kept for the next mount, need of a content.
#include "fuse/write/file_content.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_directory.h"

namespace skybridge::fuse {
namespace {

constexpr std::uint64_t kGrain = 64 << 10;  // staging gives room back in these

class FileContentOverItsBase : public ::testing::Test {
 protected:
  // Over a base of these bytes.
  std::unique_ptr<FileContent> Over(std::string base) {
    base_ = std::move(base);
    return std::make_unique<FileContent>(
        *staging_->Create(), base_.size(),
        [this](std::uint64_t offset, std::span<std::byte> into, const CallContext&) -> Status {
          ++base_reads_;
          if (base_is_gone_) return Fail(ErrorCode::kPreconditionFailed, "gone");
          const ByteSpan bytes = AsBytes(base_).subspan(offset, into.size());
          std::copy(bytes.begin(), bytes.end(), into.begin());
          return {};
        });
  }
  static std::string Read(FileContent& content, std::uint64_t offset = 0, std::size_t size = 1000) {
    std::string text(size, '?');
    const auto got = content.Read(offset, std::as_writable_bytes(std::span(text)), {});
    EXPECT_TRUE(got) << got.error().ToString();
    text.resize(got.value_or(0));
    return text;
  }
  static void Write(FileContent& content, std::uint64_t offset, std::string_view text) {
    ASSERT_TRUE(content.Write(offset, AsBytes(text), {}));
  }

  testing::TempDirectory temp_;
  testing::FakeClock clock_;
  std::unique_ptr<cache::Staging> staging_ =
      *cache::Staging::Open({.directory = temp_.Sub("staging"),
                             .capacity_bytes = 64 * kGrain,
                             .keep_free_bytes = 0,
                             .clock = &clock_});
  std::string base_;
  bool base_is_gone_ = false;
  int base_reads_ = 0;
};

TEST_F(FileContentOverItsBase, ABaseThatWasStagedIsNotNeededAnyMore) {
  const auto content = Over("one two");
  Write(*content, 4, "TWO");
  const std::uint64_t generation = content->generation();
  ASSERT_TRUE(content->StageBase({}));
  EXPECT_EQ(content->generation(), generation) << "it is no change";
  EXPECT_EQ(content->unpublished_bytes(), 3U);
  base_is_gone_ = true;
  EXPECT_EQ(Read(*content), "one TWO");
}

TEST_F(FileContentOverItsBase, StagingABaseReadsOnlyWhatIsMissing) {
  const auto content = Over("one two");
  Write(*content, 0, "ONE TWO");
  ASSERT_TRUE(content->StageBase({}));
  EXPECT_EQ(base_reads_, 0);
}

TEST_F(FileContentOverItsBase, TellsWhatWasChangedOverTheBase) {
  const auto content = Over("one two three");
  ASSERT_TRUE(content->Truncate(7));
  Write(*content, 4, "TWO");
  Write(*content, 20, "end");
  const FileContent::Changes changes = content->changes();
  EXPECT_EQ(changes.size_bytes, 23U);
  EXPECT_EQ(changes.base_shown_until_bytes, 7U);
  const std::vector<ByteRange> ranges{{4, 3}, {20, 3}};
  EXPECT_EQ(changes.ranges, ranges);
}

TEST_F(FileContentOverItsBase, AfterAPublicationOnlyLaterChangesAreUnpublished) {
  const auto content = Over("");
  Write(*content, 0, "first");
  content->BeginPublish();
  Write(*content, 2, "X");  // while it is being published
  content->EndPublish(5);
  EXPECT_EQ(content->unpublished_bytes(), 1U);
  const std::vector<ByteRange> ranges{{2, 1}};
  EXPECT_EQ(content->changes().ranges, ranges);
}

TEST_F(FileContentOverItsBase, UploadedBytesThatLeftStagingCanBeNeitherReadNorChanged) {
  const auto content = Over("");
  Write(*content, 0, std::string(2 * kGrain, 'x'));
  EXPECT_EQ(content->LetGoOfUploaded({0, kGrain}), kGrain);
  EXPECT_TRUE(content->anything_gone());
  std::byte byte{};
  EXPECT_EQ(content->Read(0, {&byte, 1}, {}).error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(content->HoldForChange({10, 1}).error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(content->Staged().error().code, ErrorCode::kNoSpace);
  EXPECT_TRUE(content->HoldForChange({kGrain, 1}));
  base_ = std::string(2 * kGrain, 'x');
  content->BeginPublish();
  content->EndPublish(2 * kGrain);
  EXPECT_FALSE(content->anything_gone());
  EXPECT_EQ(Read(*content, 0, 1), "x") << "published bytes come from the store";
}

}  // namespace
}  // namespace skybridge::fuse
