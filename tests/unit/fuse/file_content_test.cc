#include "fuse/write/file_content.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_directory.h"

namespace skybridge::fuse {
namespace {

// Staging gives room back in such pieces (cache/staging.cc).
constexpr std::uint64_t kGrain = 64 << 10;

std::string Grain(char c) { return std::string(kGrain, c); }

class FileContentTest : public ::testing::Test {
 protected:
  void Start(std::string base) {
    base_ = std::move(base);
    content_ = std::make_unique<FileContent>(
        staging_->Create().value(), base_.size(),
        [this](std::uint64_t offset_bytes, std::span<std::byte> into, const CallContext&) {
          ++base_reads_;
          const std::string part = base_.substr(offset_bytes, into.size());
          EXPECT_EQ(part.size(), into.size()) << "beyond the base";
          std::ranges::copy(AsBytes(part), into.begin());
          return Status();
        });
  }
  Status Write(std::uint64_t offset_bytes, std::string_view text) {
    return content_->Write(offset_bytes, AsBytes(text), {});
  }
  // "<gone>" where bytes have left staging.
  std::string Read(std::uint64_t offset_bytes = 0, std::size_t count = 4 * kGrain) {
    std::string text(count, '?');
    const auto read = content_->Read(offset_bytes, std::as_writable_bytes(std::span(text)), {});
    if (!read) {
      EXPECT_EQ(read.error().code, ErrorCode::kNoSpace);
      return "<gone>";
    }
    text.resize(*read);
    return text;
  }
  void Publish() {
    content_->BeginPublish();
    base_ = Read();
    content_->EndPublish(base_.size());
  }

  skybridge::testing::TempDirectory directory_;
  skybridge::testing::FakeClock clock_;
  const std::unique_ptr<cache::Staging> staging_ =
      cache::Staging::Open({.directory = directory_.Sub("staging"),
                            .capacity_bytes = 4 * kGrain,
                            .keep_free_bytes = 0,
                            .clock = &clock_})
          .value();
  std::string base_;
  int base_reads_ = 0;
  std::unique_ptr<FileContent> content_;
};

TEST_F(FileContentTest, IsTheBaseUntilItIsChanged) {
  Start("0123456789");
  EXPECT_EQ(Read(), "0123456789");
  EXPECT_EQ(Read(8, 5), "89");
  EXPECT_EQ(Read(10, 5), "");
  EXPECT_TRUE(content_->BaseIsWhole(10));
  EXPECT_EQ(content_->unpublished_bytes(), 0U);
}

TEST_F(FileContentTest, ShowsWhatWasWrittenOverTheBaseAndZerosBetween) {
  Start("01234");
  ASSERT_TRUE(Write(1, "ab"));
  ASSERT_TRUE(Write(7, "z"));
  EXPECT_EQ(Read(), std::string("0ab34\0\0z", 8));
  EXPECT_EQ(content_->size_bytes(), 8U);
  EXPECT_EQ(content_->unpublished_bytes(), 3U);
  EXPECT_FALSE(content_->BaseIsWhole(5));
  EXPECT_TRUE(content_->IsStaged({1, 2}));
  EXPECT_FALSE(content_->IsStaged({0, 2}));
}

TEST_F(FileContentTest, AsksTheBaseForNothingThatIsStaged) {
  Start("01234");
  ASSERT_TRUE(Write(0, "abcde"));
  EXPECT_EQ(Read(), "abcde");
  EXPECT_EQ(base_reads_, 0);
}

// What was cut off does not come back when the file grows again.
TEST_F(FileContentTest, HasZerosWhereItWasCutOffAndGrew) {
  Start("0123456789");
  ASSERT_TRUE(Write(8, "yz"));
  ASSERT_TRUE(content_->Truncate(4));
  EXPECT_EQ(Read(), "0123");
  ASSERT_TRUE(content_->Truncate(7));
  EXPECT_EQ(Read(), std::string("0123\0\0\0", 7));
  EXPECT_FALSE(content_->BaseIsWhole(10));
  EXPECT_TRUE(content_->BaseIsWhole(4));
  EXPECT_EQ(content_->unpublished_bytes(), 0U);
}

TEST_F(FileContentTest, MovesItsGenerationWithEachChangeAlone) {
  Start("012");
  const std::uint64_t before = content_->generation();
  Read();
  ASSERT_TRUE(content_->Truncate(3));
  EXPECT_EQ(content_->generation(), before) << "nothing has changed";
  ASSERT_TRUE(Write(0, "a"));
  EXPECT_EQ(content_->generation(), before + 1);
  ASSERT_TRUE(content_->Truncate(2));
  EXPECT_EQ(content_->generation(), before + 2);
}

TEST_F(FileContentTest, IsUnchangedByAWriteThatFindsNoRoom) {
  Start("012");
  const std::string too_much(5 * kGrain, 'x');
  const auto written = content_->Write(1, AsBytes(too_much), {.deadline = clock_.Now()});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(Read(), "012");
  EXPECT_EQ(content_->unpublished_bytes(), 0U);
}

TEST_F(FileContentTest, HasNothingUnpublishedOnceItIsPublished) {
  Start("012");
  ASSERT_TRUE(Write(1, "abc"));
  Publish();
  EXPECT_EQ(content_->unpublished_bytes(), 0U);
  EXPECT_TRUE(content_->BaseIsWhole(4));
  EXPECT_EQ(Read(), "0abc");
}

TEST_F(FileContentTest, KeepsUnpublishedWhatChangedDuringAPublication) {
  Start("0123456789");
  ASSERT_TRUE(Write(0, "abcd"));
  content_->BeginPublish();
  const std::string sent = Read();
  ASSERT_TRUE(Write(2, "XY"));
  ASSERT_TRUE(content_->Truncate(6));
  base_ = sent;
  content_->EndPublish(sent.size());
  EXPECT_EQ(content_->unpublished_bytes(), 2U);
  ASSERT_TRUE(content_->Truncate(8));
  EXPECT_EQ(Read(), std::string("abXY45\0\0", 8)) << "cut off meanwhile";
}

TEST_F(FileContentTest, CannotReadOrChangeWhatItGaveUpBeforeItIsPublished) {
  Start("");
  ASSERT_TRUE(Write(0, Grain('a') + "bbbb"));
  EXPECT_EQ(content_->LetGoOfUploaded({0, kGrain}), kGrain);
  EXPECT_TRUE(content_->anything_gone());
  EXPECT_EQ(content_->unpublished_bytes(), kGrain + 4) << "only the upload has them";
  EXPECT_EQ(Read(kGrain - 1, 2), "<gone>");
  EXPECT_EQ(Read(kGrain, 4), "bbbb");
  const auto held = content_->HoldForChange({2, 1});
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code, ErrorCode::kNoSpace);
  EXPECT_TRUE(content_->HoldForChange({kGrain, 4}));
  content_->BeginPublish();
  base_ = Grain('a') + "bbbb";
  content_->EndPublish(base_.size());
  EXPECT_FALSE(content_->anything_gone());
  EXPECT_EQ(Read(), base_);
}

TEST_F(FileContentTest, GivesUpOnlyWhatIsStagedWhole) {
  Start("");
  ASSERT_TRUE(Write(0, Grain('a')));
  EXPECT_EQ(content_->LetGoOfUploaded({0, kGrain + 1}), 0U);
  EXPECT_EQ(Read(), Grain('a'));
}

TEST_F(FileContentTest, GivesUpNothingThatIsInUse) {
  Start("");
  ASSERT_TRUE(Write(0, Grain('a') + Grain('b') + Grain('c')));
  {
    const auto hold = content_->HoldForChange({kGrain - 1, 2});
    ASSERT_TRUE(hold);
    EXPECT_EQ(content_->LetGoOfUploaded({0, kGrain}), 0U);
    EXPECT_EQ(content_->LetGoOfUploaded({kGrain, kGrain}), 0U);
    EXPECT_EQ(content_->LetGoOfUploaded({2 * kGrain, kGrain}), kGrain);
  }
  EXPECT_EQ(content_->LetGoOfUploaded({0, kGrain}), kGrain);
}

TEST_F(FileContentTest, GivesUpWhatTheBaseHasAndReadsItThere) {
  Start("");
  ASSERT_TRUE(Write(0, Grain('a') + Grain('b')));
  EXPECT_EQ(content_->LetGoOfPublished(), 0U) << "only staging has it";
  Publish();
  ASSERT_TRUE(Write(kGrain + 1, "XX"));
  EXPECT_EQ(content_->LetGoOfPublished(), kGrain) << "the other one holds what is not published";
  EXPECT_EQ(base_reads_, 0);
  EXPECT_EQ(Read(), Grain('a') + "bXX" + Grain('b').substr(3));
  EXPECT_GT(base_reads_, 0);
}

}  // namespace
}  // namespace skybridge::fuse
