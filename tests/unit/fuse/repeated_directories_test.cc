#include "fuse/names/repeated_directories.h"

#include <gtest/gtest.h>

namespace skybridge::fuse {
namespace {

ObjectInfo Directory(const std::string& name) {
  return {.key = ObjectKey("top/" + name), .kind = NodeKind::kDirectory};
}

TEST(RepeatedDirectories, ADirectoryThatLaterNamesHaveNotPassedMayRepeat) {
  RepeatedDirectories directories;
  directories.AddPage({Directory("a"), Directory("a-1"), Directory("a-1-1")});
  EXPECT_TRUE(directories.MayRepeat("a"));
  EXPECT_TRUE(directories.MayRepeat("a-1"));
  directories.AddPage({Directory("a-2")});
  EXPECT_TRUE(directories.MayRepeat("a"));
  EXPECT_FALSE(directories.MayRepeat("a-1"));
  directories.AddPage({Directory("b")});
  EXPECT_FALSE(directories.MayRepeat("a"));
}

TEST(RepeatedDirectories, AHundredThousandSiblingsTakeNoRoom) {
  RepeatedDirectories directories;
  for (int page = 100; page < 120; ++page) {
    std::vector<ObjectInfo> entries;
    for (int i = 10'000; i < 15'000; ++i)
      entries.push_back(Directory("d" + std::to_string(page) + "-" + std::to_string(i)));
    directories.AddPage(entries);
    EXPECT_LE(directories.size(), 2U);
  }
}

}  // namespace
}  // namespace skybridge::fuse
