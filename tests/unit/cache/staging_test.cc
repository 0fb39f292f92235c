#include "cache/staging.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_directory.h"

namespace skybridge::cache {
namespace {

constexpr std::uint64_t kGrain = 64 << 10;

class StagingTest : public ::testing::Test {
 protected:
  std::unique_ptr<Staging> Open(std::uint64_t capacity_bytes, std::uint64_t keep_free_bytes = 0,
                                std::uint64_t reserve_bytes = 0) {
    auto staging = Staging::Open({.directory = temp_.Sub("staging"),
                                  .capacity_bytes = capacity_bytes,
                                  .reserve_bytes = reserve_bytes,
                                  .keep_free_bytes = keep_free_bytes,
                                  .clock = &clock_});
    EXPECT_TRUE(staging);
    return std::move(*staging);
  }
  CallContext Now() const { return {.deadline = clock_.Now()}; }
  CallContext InAMinute() const { return {.deadline = clock_.Now() + std::chrono::minutes(1)}; }

  testing::TempDirectory temp_;
  testing::FakeClock clock_;
};

std::string ReadText(StagingFile& file, std::uint64_t offset, std::size_t size) {
  std::string text(size, '?');
  EXPECT_TRUE(file.Read(offset, std::as_writable_bytes(std::span(text))));
  return text;
}

TEST_F(StagingTest, ReadsBackWhatWasWrittenAndZerosInHoles) {
  const auto staging = Open(1 << 20);
  auto file = staging->Create();
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->Write(5, AsBytes("hello"), Now()));
  EXPECT_EQ(ReadText(**file, 3, 9), std::string("\0\0hello\0\0", 9));
}

TEST_F(StagingTest, SparseWritesReserveOnlyWhatTheyTouch) {
  const auto staging = Open(1 << 20);
  auto file = staging->Create();
  ASSERT_TRUE((*file)->Write(std::uint64_t{1} << 40, AsBytes("far"), Now()));
  EXPECT_EQ((*file)->reserved_bytes(), kGrain);
  EXPECT_EQ(staging->used_bytes(), kGrain);
}

TEST_F(StagingTest, FilesHaveNoNameAndGiveTheirBytesBack) {
  const auto staging = Open(1 << 20);
  {
    auto file = staging->Create();
    ASSERT_TRUE((*file)->Write(0, AsBytes("x"), Now()));
    EXPECT_TRUE(std::filesystem::is_empty(temp_.Sub("staging")));
  }
  EXPECT_EQ(staging->used_bytes(), 0U);
}

TEST_F(StagingTest, DiscardFreesWholeGrainsAndReadsAsZeros) {
  const auto staging = Open(1 << 20);
  auto file = staging->Create();
  const std::string text(3 * kGrain, 'a');
  ASSERT_TRUE((*file)->Write(0, AsBytes(text), Now()));
  ASSERT_TRUE((*file)->Discard({10, 2 * kGrain}));
  EXPECT_EQ((*file)->reserved_bytes(), 2 * kGrain);
  EXPECT_EQ(ReadText(**file, 9, 3), std::string("a\0\0", 3));
  EXPECT_EQ(ReadText(**file, 2 * kGrain + 9, 2), std::string("\0a", 2));
  ASSERT_TRUE((*file)->Discard({0, UINT64_MAX}));
  EXPECT_EQ(staging->used_bytes(), 0U);
}

TEST_F(StagingTest, AGrainDiscardedInPiecesIsFreedWithTheLast) {
  const auto staging = Open(1 << 20);
  auto file = staging->Create();
  ASSERT_TRUE((*file)->Write(0, AsBytes(std::string(kGrain, 'a')), Now()));
  ASSERT_TRUE((*file)->Discard({0, 1000}));
  EXPECT_EQ(staging->used_bytes(), kGrain);
  ASSERT_TRUE((*file)->Discard({1000, kGrain - 1000}));
  EXPECT_EQ(staging->used_bytes(), 0U);
}

TEST_F(StagingTest, AtTheBoundAWriterGetsNoSpaceAtItsDeadline) {
  const auto staging = Open(2 * kGrain);
  auto file = staging->Create();
  ASSERT_TRUE((*file)->Write(0, AsBytes(std::string(2 * kGrain, 'a')), Now()));
  const Status full = (*file)->Write(2 * kGrain, AsBytes("b"), Now());
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(staging->used_bytes(), 2 * kGrain);
  EXPECT_TRUE((*file)->Write(100, AsBytes("rewriting needs no room"), Now()));
}

TEST_F(StagingTest, AWriteOverTheWholeBoundFailsAtOnce) {
  const auto staging = Open(kGrain);
  auto file = staging->Create();
  const Status full = (*file)->Write(0, AsBytes(std::string(kGrain + 1, 'a')), {});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kNoSpace);
}

TEST_F(StagingTest, AWaitingWriterGoesOnWhenAnotherFileGivesRoom) {
  const auto staging = Open(kGrain);
  auto holder = staging->Create();
  ASSERT_TRUE((*holder)->Write(0, AsBytes("x"), Now()));
  auto file = staging->Create();
  Status written = Fail(ErrorCode::kInternal, "not run");
  std::thread writer([&] { written = (*file)->Write(0, AsBytes("y"), InAMinute()); });
  holder->reset();
  writer.join();
  EXPECT_TRUE(written);
}

TEST_F(StagingTest, AStoppedWriterIsCancelled) {
  const auto staging = Open(kGrain);
  auto holder = staging->Create();
  ASSERT_TRUE((*holder)->Write(0, AsBytes("x"), Now()));
  auto file = staging->Create();
  std::stop_source stop;
  stop.request_stop();
  const Status written =
      (*file)->Write(0, AsBytes("y"), {.deadline = InAMinute().deadline, .stop = stop.get_token()});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kCancelled);
}

TEST_F(StagingTest, TheDiskIsNotFilledFurtherThanItsReserve) {
  const auto staging = Open(1 << 20, std::uint64_t{1} << 62);
  auto file = staging->Create();
  const Status full = (*file)->Write(0, AsBytes("x"), Now());
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kNoSpace);
}

TEST_F(StagingTest, LeftoversOfAnEarlierProcessAreRemoved) {
  std::filesystem::create_directory(temp_.Sub("staging"));
  std::ofstream(temp_.Sub("staging/staging-abcdef")) << "old";
  const auto staging = Open(1 << 20);
  EXPECT_TRUE(std::filesystem::is_empty(temp_.Sub("staging")));
}

TEST_F(StagingTest, ADirectoryThatWasRemovedIsMadeAgain) {
  const auto staging = Open(1 << 20);
  const auto before = staging->Create();
  ASSERT_TRUE(before);
  std::filesystem::remove_all(temp_.Sub("staging"));
  const auto after = staging->Create();
  ASSERT_TRUE(after) << after.error().ToString();
  ASSERT_TRUE((*after)->Write(0, AsBytes("new"), Now()));
  ASSERT_TRUE((*before)->Write(0, AsBytes("old"), Now()));
  EXPECT_EQ(ReadText(**before, 0, 3) + ReadText(**after, 0, 3), "oldnew");
}

// Ten files that each need three grains at once, in staging for eight: the reserve goes from one to
// the next.
TEST_F(StagingTest, FilesThatNeedMoreThanTheirShareDoNotWaitForEachOther) {
  const auto staging = Open(8 * kGrain, 0, 6 * kGrain);
  std::vector<std::thread> writers;
  std::atomic<int> done{0};
  for (int i = 0; i < 10; ++i) {
    writers.emplace_back([&] {
      auto file = staging->Create();
      const std::string grain(kGrain, 'x');
      for (int k = 0; k < 3; ++k) {
        if (!(*file)->Write(static_cast<std::uint64_t>(k) * kGrain, AsBytes(grain), InAMinute()))
          return;
      }
      ++done;
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(done, 10);
}

TEST_F(StagingTest, TheReserveIsForOneFileAtATime) {
  const auto staging = Open(8 * kGrain, 0, 4 * kGrain);
  const auto first = staging->Create();
  const auto second = staging->Create();
  const std::string four(4 * kGrain, 'x');
  ASSERT_TRUE((*first)->Write(0, AsBytes(four), Now()));
  ASSERT_TRUE((*second)->Write(0, AsBytes(std::string(3 * kGrain, 'x')), Now()));
  const Status third = (*first)->Write(4 * kGrain, AsBytes(std::string(kGrain, 'x')), Now());
  EXPECT_FALSE(third) << "the second file has the reserve, and less than half of it is left";
  ASSERT_TRUE((*second)->Discard({0, UINT64_MAX}));
  EXPECT_TRUE((*first)->Write(4 * kGrain, AsBytes(four), Now()));
}

TEST_F(StagingTest, TheBoundHoldsUnderManyWriters) {
  const auto staging = Open(8 * kGrain);
  std::vector<std::thread> writers;
  std::atomic<bool> over{false};
  for (unsigned seed = 0; seed < 4; ++seed) {
    writers.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 100; ++i) {
        auto file = staging->Create();
        const std::string text(1 + random() % kGrain, 'x');
        const Status written = (*file)->Write(random() % (1 << 20), AsBytes(text), InAMinute());
        if (!written || staging->used_bytes() > 8 * kGrain) over = true;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_FALSE(over);
  EXPECT_EQ(staging->used_bytes(), 0U);
}

}  // namespace
}  // namespace skybridge::cache
