#include "cache/cache_directory.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/temp_directory.h"

namespace skybridge::cache {
namespace {

unsigned ModeOf(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
}

TEST(CacheDirectory, IsMadeWithItsParentsAndClosedToOthers) {
  testing::TempDirectory temp;
  const auto taken = CacheDirectory::Take(temp.Sub("a/b/c"), 0);
  ASSERT_TRUE(taken) << taken.error().ToString();
  EXPECT_EQ((*taken)->path(), temp.Sub("a/b/c"));
  EXPECT_EQ(ModeOf(temp.Sub("a/b/c")), 0700U);
}

TEST(CacheDirectory, ClosesAnOpenDirectoryThatIsOurs) {
  testing::TempDirectory temp;
  std::filesystem::create_directory(temp.Sub("c"));
  ASSERT_EQ(::chmod(temp.Sub("c").c_str(), 0755), 0);
  ASSERT_TRUE(CacheDirectory::Take(temp.Sub("c"), 0));
  EXPECT_EQ(ModeOf(temp.Sub("c")), 0700U);
}

TEST(CacheDirectory, SecondTakerIsToldWhoHasIt) {
  testing::TempDirectory temp;
  const auto first = CacheDirectory::Take(temp.path(), 0);
  ASSERT_TRUE(first);
  const auto second = CacheDirectory::Take(temp.path(), 0);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kLocked);
  EXPECT_NE(second.error().message.find("in use by process " + std::to_string(::getpid())),
            std::string::npos);
}

TEST(CacheDirectory, IsFreeAgainWhenReleased) {
  testing::TempDirectory temp;
  { ASSERT_TRUE(CacheDirectory::Take(temp.path(), 0)); }
  EXPECT_TRUE(CacheDirectory::Take(temp.path(), 0));
}

TEST(CacheDirectory, RefusesAFullDisk) {
  testing::TempDirectory temp;
  const auto taken = CacheDirectory::Take(temp.path(), UINT64_MAX);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kNoSpace);
}

TEST(CacheDirectory, RefusesAFile) {
  testing::TempDirectory temp;
  std::ofstream(temp.Sub("file")) << "x";
  const auto taken = CacheDirectory::Take(temp.Sub("file"), 0);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace skybridge::cache
