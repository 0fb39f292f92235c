#include "fuse/read/access_pattern.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace skybridge::fuse {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kBlock = 4 * kMiB;
const MonotonicTime kNow(std::chrono::hours(1));

TEST(AccessPattern, TheStartOfAFileIsReadAheadAtOnce) {
  AccessPattern pattern(kBlock);
  const ReadAdvice advice = pattern.Note({0, 4096}, 20, kNow);
  EXPECT_TRUE(advice.sequential);
  EXPECT_EQ(advice.first_block, 1U);
  EXPECT_EQ(advice.block_count, 2U);
}

TEST(AccessPattern, TheWindowDoublesWithEachBlockUpToTheLimit) {
  AccessPattern pattern(kBlock);
  std::vector<std::uint64_t> windows;
  for (std::uint64_t at = 0; at < 6 * kBlock; at += kMiB) {
    windows.push_back(pattern.Note({at, kMiB}, 20, kNow).block_count);
  }
  EXPECT_EQ(windows, (std::vector<std::uint64_t>{2,  2,  2,  2,  4,  4,  4,  4,  8,  8,  8,  8,
                                                 16, 16, 16, 16, 20, 20, 20, 20, 20, 20, 20, 20}));
}

TEST(AccessPattern, RequestsOutOfOrderAreStillSequential) {
  AccessPattern pattern(kBlock);
  const std::uint64_t order[] = {1, 0, 3, 2, 6, 4, 5, 7, 9, 8, 11, 10};
  int sequential = 0;
  for (const std::uint64_t i : order) {
    sequential += pattern.Note({100 * kMiB + i * kMiB, kMiB}, 20, kNow).sequential ? 1 : 0;
  }
  EXPECT_GE(sequential, 10);
}

TEST(AccessPattern, RandomReadsHaveNoWindow) {
  AccessPattern pattern(kBlock);
  std::mt19937_64 random(1);
  int sequential = 0;
  for (int i = 0; i < 1000; ++i) {
    sequential +=
        pattern.Note({kBlock + random() % (1000 * kBlock), 4096}, 20, kNow).sequential ? 1 : 0;
  }
  EXPECT_LT(sequential, 5);
}

TEST(AccessPattern, SmallReadsScatteredOverANeighbourhoodAreNotSequential) {
  AccessPattern pattern(kBlock);
  std::mt19937_64 random(1);
  int sequential = 0;
  for (int i = 0; i < 200; ++i) {
    sequential +=
        pattern.Note({8 * kBlock + random() % (2 * kMiB) / 4096 * 4096, 4096}, 20, kNow).sequential
            ? 1
            : 0;
  }
  EXPECT_LT(sequential, 5);
}

TEST(AccessPattern, TwoInterleavedReadersKeepTheirWindows) {
  AccessPattern pattern(kBlock);
  for (std::uint64_t at = 0; at < 4 * kBlock; at += kMiB) {
    pattern.Note({at, kMiB}, 20, kNow);
    pattern.Note({100 * kBlock + at, kMiB}, 20, kNow);
  }
  EXPECT_GE(pattern.Note({4 * kBlock, kMiB}, 20, kNow).block_count, 16U);
  EXPECT_GE(pattern.Note({104 * kBlock, kMiB}, 20, kNow).block_count, 16U);
}

TEST(AccessPattern, AJumpStartsWithoutAWindowAndTheOldOneIsForgottenInTime) {
  AccessPattern pattern(kBlock);
  for (std::uint64_t at = 0; at < 4 * kBlock; at += kMiB) pattern.Note({at, kMiB}, 20, kNow);
  EXPECT_TRUE(pattern.Wants(6, kNow));
  EXPECT_FALSE(pattern.Wants(400, kNow));
  EXPECT_EQ(pattern.Note({500 * kBlock, kMiB}, 20, kNow).block_count, 0U);
  EXPECT_FALSE(pattern.Wants(6, kNow + std::chrono::seconds(3)));
}

}  // namespace
}  // namespace skybridge::fuse
