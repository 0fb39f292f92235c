#include "tests/localcloud/storage.h"
#include "tests/support/temp_directory.h"

#include <map>

#include <gtest/gtest.h>

namespace skybridge::localcloud {
namespace {

class DirectoryStorageTest : public ::testing::Test {
 protected:
  std::unique_ptr<Storage> Open() {
    auto storage = MakeDirectoryStorage(directory_.path());
    EXPECT_TRUE(storage) << storage.error().message;
    return *std::move(storage);
  }

  skybridge::testing::TempDirectory directory_;
};

TEST(MemoryStorage, KeepsBytesAsLongAsTheOwnerLives) {
  Slice slice = MakeMemoryStorage()->Keep("hello");
  EXPECT_EQ(slice.bytes, "hello");
}

TEST(MemoryStorage, CountsTheBytesThatAreHeld) {
  const auto storage = MakeMemoryStorage();
  Slice first = storage->Keep(std::string(1000, 'a'));
  const Slice second = storage->Keep(std::string(10, 'b'));
  Slice in_flight = first;
  first = {};
  EXPECT_EQ(storage->held_bytes(), 1010U);
  in_flight = {};
  EXPECT_EQ(storage->held_bytes(), 10U);
}

TEST_F(DirectoryStorageTest, CountsTheBytesThatAreHeld) {
  std::string name;
  {
    auto storage = Open();
    Slice slice = storage->Keep(std::string(1000, 'a'));
    const Slice kept = storage->Keep("12345");
    name = storage->NameOf(kept);
    EXPECT_EQ(storage->held_bytes(), 1005U);
    storage->Release(slice);
    slice = {};
    EXPECT_EQ(storage->held_bytes(), 5U);
  }
  auto storage = Open();
  EXPECT_EQ(storage->held_bytes(), 0U);
  const auto found = storage->Find(name);
  EXPECT_EQ(storage->held_bytes(), 5U);
}

TEST_F(DirectoryStorageTest, FindsKeptBytesAfterReopening) {
  std::string small_name;
  std::string empty_name;
  {
    auto storage = Open();
    small_name = storage->NameOf(storage->Keep("hello"));
    empty_name = storage->NameOf(storage->Keep(""));
  }
  auto storage = Open();
  const auto small = storage->Find(small_name);
  ASSERT_TRUE(small) << small.error().message;
  EXPECT_EQ(small->bytes, "hello");
  const auto empty = storage->Find(empty_name);
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_EQ(empty->bytes, "");
}

TEST_F(DirectoryStorageTest, NeverWritesOverBytesOfAnEarlierRun) {
  std::string first;
  {
    auto storage = Open();
    first = storage->NameOf(storage->Keep(std::string(10000, 'a')));
  }
  auto storage = Open();
  const Slice second = storage->Keep(std::string(10000, 'b'));
  const auto found = storage->Find(first);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->bytes, std::string(10000, 'a'));
  EXPECT_EQ(second.bytes, std::string(10000, 'b'));
}

TEST_F(DirectoryStorageTest, KeepsReleasedBytesWhileAReplySendsThem) {
  auto storage = Open();
  Slice slice = storage->Keep(std::string(8192, 'x'));
  const Slice in_flight = slice;
  storage->Release(slice);
  slice = {};
  EXPECT_EQ(in_flight.bytes, std::string(8192, 'x'));
}

TEST_F(DirectoryStorageTest, RefusesNamesItNeverGave) {
  auto storage = Open();
  EXPECT_FALSE(storage->Find("77-0-5"));
  EXPECT_FALSE(storage->Find("nonsense"));
  EXPECT_FALSE(storage->Find(""));
}

TEST_F(DirectoryStorageTest, VisitsRecordsOfAPrefixInKeyOrderAfterReopening) {
  {
    auto storage = Open();
    storage->SetRecord("a/2", "two");
    storage->SetRecord("a/1", "one");
    storage->SetRecord("b/1", "other");
    storage->SetRecord("a/3", "three");
    storage->EraseRecord("a/3");
  }
  auto storage = Open();
  std::vector<std::pair<std::string, std::string>> seen;
  storage->ForEachRecord(
      "a/", [&](std::string_view key, std::string_view value) { seen.emplace_back(key, value); });
  const std::vector<std::pair<std::string, std::string>> expected{{"a/1", "one"}, {"a/2", "two"}};
  EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace skybridge::localcloud
