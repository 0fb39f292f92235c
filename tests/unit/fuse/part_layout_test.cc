#include "fuse/write/part_layout.h"

#include <gtest/gtest.h>

namespace skybridge::fuse {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

TEST(PartLayout, PartsCoverTheFileWithoutGapsAndGrow) {
  const PartLayout layout({.first_part_bytes = 8, .largest_part_bytes = 100, .max_parts = 35});
  std::uint64_t end = 0;
  std::uint64_t length = 0;
  for (std::uint32_t number = 1; number <= 35; ++number) {
    const ByteRange range = layout.RangeOf(number);
    EXPECT_EQ(range.offset_bytes, end);
    EXPECT_GE(range.length_bytes, length);
    EXPECT_LE(range.length_bytes, 100U);
    EXPECT_EQ(layout.PartAt(range.offset_bytes), number);
    EXPECT_EQ(layout.PartAt(range.end_bytes() - 1), number);
    end = range.end_bytes();
    length = range.length_bytes;
  }
  EXPECT_EQ(layout.max_file_bytes(), end);
}

TEST(PartLayout, AHugeFileFitsInTenThousandParts) {
  const PartLayout layout(
      {.first_part_bytes = 8 * kMiB, .largest_part_bytes = 128 * kMiB, .max_parts = 10'000});
  EXPECT_GT(layout.max_file_bytes(), std::uint64_t{770} * 1024 * kMiB);
  EXPECT_EQ(layout.RangeOf(1250).length_bytes, 8 * kMiB);
  EXPECT_EQ(layout.RangeOf(1251).length_bytes, 16 * kMiB);
  EXPECT_EQ(layout.RangeOf(10'000).length_bytes, 128 * kMiB);
}

TEST(PartLayout, FewPartsAreUsedUpToTheLast) {
  const PartLayout layout({.first_part_bytes = 10, .largest_part_bytes = 10, .max_parts = 3});
  EXPECT_EQ(layout.max_file_bytes(), 30U);
  EXPECT_EQ(layout.PartAt(29), 3U);
}

}  // namespace
}  // namespace skybridge::fuse
