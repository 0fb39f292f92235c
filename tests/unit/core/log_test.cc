#include "core/log.h"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "tests/support/temp_directory.h"

namespace skybridge {
namespace {

TEST(LogFile, IsItsOwnersOnly) {
  testing::TempDirectory temp;
  const mode_t before = ::umask(0);
  EXPECT_TRUE(SetLogFile(temp.Sub("log")));
  ::umask(before);
  EXPECT_TRUE(SetLogFile("/dev/stderr"));
  struct stat info {};
  ASSERT_EQ(::stat(temp.Sub("log").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
}

}  // namespace
}  // namespace skybridge
