#include "cli/mount_stack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skybridge::cli {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

TEST(CacheSizeFor, TheDefaultLeavesHalfOfASmallDisk) {
  EXPECT_EQ(*CacheSizeFor(std::nullopt, 100 * kGiB), 10 * kGiB);
  EXPECT_EQ(*CacheSizeFor(std::nullopt, 8 * kGiB), 4 * kGiB);
}

TEST(CacheSizeFor, WhatWasAskedForMustFitOnTheDisk) {
  EXPECT_EQ(*CacheSizeFor(50 * kGiB, 100 * kGiB), 50 * kGiB);
  const auto size = CacheSizeFor(50 * kGiB, 20 * kGiB);
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().exit_code, ExitCode::kLocalResource);
  EXPECT_THAT(size.error().message, ::testing::HasSubstr("cache_size: 50.0 GiB"));
}

}  // namespace
}  // namespace skybridge::cli
