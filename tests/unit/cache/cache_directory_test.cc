#include "cache/cache_directory.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_directory.h"

namespace skybridge::cache {
namespace {

unsigned ModeOf(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
}

TEST(CacheDirectory, IsMadeWithItsParentsAndClosedToOthers) {
  testing::TempDirectory temp;
  const auto taken = CacheDirectory::Take({.path = temp.Sub("a/b/c")});
  ASSERT_TRUE(taken) << taken.error().ToString();
  EXPECT_EQ((*taken)->path(), temp.Sub("a/b/c"));
  EXPECT_EQ(ModeOf(temp.Sub("a/b/c")), 0700U);
}

// An administrator's directory keeps its mode; what we make in it is closed to others.
TEST(CacheDirectory, TheModeOfADirectoryThatWasThereStays) {
  testing::TempDirectory temp;
  std::filesystem::create_directory(temp.Sub("c"));
  ASSERT_EQ(::chmod(temp.Sub("c").c_str(), 0755), 0);
  ASSERT_TRUE(CacheDirectory::Take({.path = temp.Sub("c")}));
  EXPECT_EQ(ModeOf(temp.Sub("c")), 0755U);
  EXPECT_EQ(ModeOf(temp.Sub("c/lock")), 0600U);
}

TEST(CacheDirectory, RefusesADirectoryThatOthersMayWriteTo) {
  testing::TempDirectory temp;
  std::filesystem::create_directory(temp.Sub("c"));
  ASSERT_EQ(::chmod(temp.Sub("c").c_str(), 01777), 0);
  const auto taken = CacheDirectory::Take({.path = temp.Sub("c")});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(ModeOf(temp.Sub("c")), 01777U);
  EXPECT_TRUE(std::filesystem::is_empty(temp.Sub("c")));
}

TEST(CacheDirectory, RefusesADirectoryThatHoldsSomethingElse) {
  testing::TempDirectory temp;
  std::filesystem::create_directories(temp.Sub("c/blocks"));
  std::ofstream(temp.Sub("c/report.txt")) << "x";
  const auto taken = CacheDirectory::Take({.path = temp.Sub("c")});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kNotEmpty);
  EXPECT_FALSE(std::filesystem::exists(temp.Sub("c/lock")));
}

TEST(CacheDirectory, TakesAnEmptyFileSystemAndWhatItTookBefore) {
  testing::TempDirectory temp;
  std::filesystem::create_directories(temp.Sub("c/lost+found"));
  ASSERT_TRUE(CacheDirectory::Take({.path = temp.Sub("c")}));
  std::ofstream(temp.Sub("c/something")) << "x";
  EXPECT_TRUE(CacheDirectory::Take({.path = temp.Sub("c")}));
}

TEST(CacheDirectory, DoesNotFollowALink) {
  testing::TempDirectory temp;
  std::filesystem::create_directory(temp.Sub("real"));
  std::filesystem::create_directory_symlink(temp.Sub("real"), temp.Sub("c"));
  const auto taken = CacheDirectory::Take({.path = temp.Sub("c")});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(std::filesystem::is_empty(temp.Sub("real")));
}

TEST(CacheDirectory, WaitsForAProcessThatIsAboutToLetGo) {
  testing::TempDirectory temp;
  testing::FakeClock clock;
  auto first = CacheDirectory::Take({.path = temp.path()});
  ASSERT_TRUE(first);
  std::thread waiter([&] {
    const auto second = CacheDirectory::Take(
        {.path = temp.path(), .wait = std::chrono::seconds(10), .clock = &clock});
    EXPECT_TRUE(second) << second.error().ToString();
  });
  clock.WaitForSleepers(1);
  first->reset();
  clock.Advance(std::chrono::seconds(1));
  waiter.join();
}

TEST(CacheDirectory, DoesNotWaitForEver) {
  testing::TempDirectory temp;
  testing::FakeClock clock;
  const auto first = CacheDirectory::Take({.path = temp.path()});
  std::thread waiter([&] {
    const auto second = CacheDirectory::Take(
        {.path = temp.path(), .wait = std::chrono::seconds(10), .clock = &clock});
    EXPECT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kLocked);
  });
  clock.WaitForSleepers(1);
  clock.Advance(std::chrono::seconds(11));
  waiter.join();
}

TEST(CacheDirectory, SecondTakerIsToldWhoHasIt) {
  testing::TempDirectory temp;
  const auto first = CacheDirectory::Take({.path = temp.path()});
  ASSERT_TRUE(first);
  const auto second = CacheDirectory::Take({.path = temp.path()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kLocked);
  EXPECT_NE(second.error().message.find("in use by process " + std::to_string(::getpid())),
            std::string::npos);
}

TEST(CacheDirectory, IsFreeAgainWhenReleased) {
  testing::TempDirectory temp;
  { ASSERT_TRUE(CacheDirectory::Take({.path = temp.path()})); }
  EXPECT_TRUE(CacheDirectory::Take({.path = temp.path()}));
}

TEST(CacheDirectory, TellsThatTheDiskIsFull) {
  testing::TempDirectory temp;
  const auto taken = CacheDirectory::Take({.path = temp.path()});
  ASSERT_TRUE(taken);
  EXPECT_TRUE((*taken)->RequireFree(0));
  EXPECT_EQ((*taken)->RequireFree(UINT64_MAX).error().code, ErrorCode::kNoSpace);
}

TEST(CacheDirectory, RefusesAFile) {
  testing::TempDirectory temp;
  std::ofstream(temp.Sub("file")) << "x";
  const auto taken = CacheDirectory::Take({.path = temp.Sub("file")});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace skybridge::cache
