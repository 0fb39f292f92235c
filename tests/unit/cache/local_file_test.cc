#include "cache/local_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/temp_directory.h"

namespace skybridge::cache {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(ReplaceSynced, ReplacesTheWholeFile) {
  const testing::TempDirectory directory;
  ASSERT_TRUE(ReplaceSynced(directory.Sub("f"), "a long text"));
  ASSERT_TRUE(ReplaceSynced(directory.Sub("f"), "short"));
  EXPECT_EQ(ReadFile(directory.Sub("f")), "short");
  EXPECT_FALSE(std::filesystem::exists(directory.Sub("f.new")));
}

TEST(ReplaceSynced, WhatAKilledProcessLeftAsideIsInNobodysWay) {
  const testing::TempDirectory directory;
  std::ofstream(directory.Sub("f.new")) << "half of a much longer te";
  ASSERT_TRUE(ReplaceSynced(directory.Sub("f"), "whole"));
  EXPECT_EQ(ReadFile(directory.Sub("f")), "whole");
}

TEST(ReplaceSynced, AFailureLeavesTheFileAsItWas) {
  const testing::TempDirectory directory;
  ASSERT_TRUE(ReplaceSynced(directory.Sub("f"), "old"));
  std::filesystem::create_directory(directory.Sub("f.new"));
  EXPECT_FALSE(ReplaceSynced(directory.Sub("f"), "new"));
  EXPECT_EQ(ReadFile(directory.Sub("f")), "old");
}

}  // namespace
}  // namespace skybridge::cache
