#include "fuse/filesystem/own_versions.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"

namespace skybridge::fuse {
namespace {

using skybridge::testing::FakeClock;
using skybridge::testing::FakeObjectStore;

ObjectInfo Version(const std::string& etag) { return {.size_bytes = 5, .etag = ETag(etag)}; }

TEST(OwnVersions, AreKnownByPlaceAndVersion) {
  FakeClock clock;
  const FakeObjectStore here(clock);
  const FakeObjectStore elsewhere(clock);
  const ObjectKey key("dir/file");
  OwnVersions versions;
  versions.Remember(here, key, Version("v1"));
  const auto found = versions.Find(here, key, ETag("v1"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size_bytes, 5U);
  EXPECT_EQ(found->key, key);
  EXPECT_FALSE(versions.Find(here, key, ETag("v2")));
  EXPECT_FALSE(versions.Find(here, ObjectKey("dir/other"), ETag("v1")));
  EXPECT_FALSE(versions.Find(elsewhere, key, ETag("v1")));
  versions.Remember(here, key, Version("v2"));
  EXPECT_TRUE(versions.Find(here, key, ETag("v2")));
  EXPECT_FALSE(versions.Find(here, key, ETag("v1"))) << "replaced";
}

TEST(OwnVersions, ForgetsTheOldestAtTheBound) {
  FakeClock clock;
  const FakeObjectStore store(clock);
  const auto key = [](std::size_t i) { return ObjectKey("f" + std::to_string(i)); };
  OwnVersions versions;
  for (std::size_t i = 0; i < OwnVersions::kMaxEntries; ++i)
    versions.Remember(store, key(i), Version("v1"));
  versions.Remember(store, key(0), Version("v2"));  // the youngest now
  versions.Remember(store, ObjectKey("new"), Version("v1"));
  EXPECT_FALSE(versions.Find(store, key(1), ETag("v1")));
  EXPECT_TRUE(versions.Find(store, key(0), ETag("v2")));
  EXPECT_TRUE(versions.Find(store, key(2), ETag("v1")));
  EXPECT_TRUE(versions.Find(store, ObjectKey("new"), ETag("v1")));
}

}  // namespace
}  // namespace skybridge::fuse
