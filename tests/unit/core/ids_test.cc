#include "core/ids.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace skybridge {
namespace {

const std::vector<std::string> kFlatNames = {"a",  "a/b", "a//b",   "a/", "/",  "//",
                                             "/a", "//a", "a/../b", ".",  "..", "a//"};

TEST(ObjectKey, EveryFlatNameHasAKeyOfItsOwn) {
  std::set<std::string> paths;
  for (const std::string& name : kFlatNames) {
    const ObjectKey key = ObjectKey::FromFlatName(name);
    EXPECT_EQ(key.flat_name(), name);
    EXPECT_FALSE(key.is_root());
    EXPECT_TRUE(paths.insert(key.path).second) << name;
  }
}

TEST(ObjectKey, PartsJoinToTheKeyTheyCameFrom) {
  for (const std::string& name : kFlatNames) {
    const ObjectKey key = ObjectKey::FromFlatName(name);
    EXPECT_EQ(key.parent().child(key.name()), key) << name;
    EXPECT_TRUE(key.is_below(key.parent())) << name;
  }
  EXPECT_EQ(ObjectKey("a").child("").name(), "");
  EXPECT_EQ(ObjectKey().child("").flat_name(), "");
  EXPECT_EQ(ObjectKey().child("").child("lead").flat_name(), "/lead");
}

TEST(ObjectKey, AKeyIsTheSameBelowAnyDirectory) {
  for (const std::string& name : kFlatNames) {
    const ObjectKey key = ObjectKey::FromFlatName(name);
    for (const ObjectKey& root :
         {ObjectKey(), ObjectKey("r"), ObjectKey("r/s"), ObjectKey().child("")}) {
      const ObjectKey there = root.descendant(key);
      EXPECT_TRUE(there.is_below(root)) << name;
      EXPECT_EQ(there.relative_to(root), key) << name;
    }
    EXPECT_EQ(ObjectKey("r").descendant(key).path, "r/" + name);
  }
  EXPECT_EQ(ObjectKey("r").descendant(ObjectKey()), ObjectKey("r"));
}

TEST(ObjectKey, KeysAreOrderedAsTheirFlatNames) {
  for (const std::string& one : kFlatNames) {
    for (const std::string& other : kFlatNames) {
      EXPECT_EQ(ObjectKey::FromFlatName(one) < ObjectKey::FromFlatName(other), one < other)
          << one << " and " << other;
    }
  }
}

}  // namespace
}  // namespace skybridge
