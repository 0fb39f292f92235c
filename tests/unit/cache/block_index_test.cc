#include "cache/block_index.h"

#include <gtest/gtest.h>

namespace skybridge::cache {
namespace {

IndexedBlock Block(std::uint64_t index, std::uint64_t version = 1) {
  return {.key = {version, version, index}, .file_bytes = 100};
}

TEST(BlockIndex, EvictsBlocksSeenOnceInOrderOfArrival) {
  BlockIndex index(1000);
  for (std::uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(index.Insert(Block(i), 100));
  EXPECT_EQ(index.used_bytes(), 500U);
  EXPECT_EQ(index.EvictNext()->key, Block(0).key);
  EXPECT_EQ(index.EvictNext()->key, Block(1).key);
  EXPECT_EQ(index.used_bytes(), 300U);
}

TEST(BlockIndex, ABlockReadAgainOutlivesBlocksSeenOnce) {
  BlockIndex index(1000);
  for (std::uint64_t i = 0; i < 5; ++i) index.Insert(Block(i), 100);
  index.Touch(Block(0).key, {0, 100});
  for (std::uint64_t i = 1; i < 4; ++i) EXPECT_EQ(index.EvictNext()->key, Block(i).key);
  EXPECT_TRUE(index.Contains(Block(0).key));
}

TEST(BlockIndex, OnePassInSmallRequestsIsOneVisit) {
  BlockIndex index(1000);
  index.Insert(Block(0), 100);
  index.Insert(Block(1), 100);
  for (std::uint64_t at = 0; at < 100; at += 10) index.Touch(Block(0).key, {at, 10});  // one visit
  index.Touch(Block(1).key, {0, 100});
  index.Touch(Block(1).key, {0, 100});
  index.Touch(Block(1).key, {0, 100});  // three
  index.EvictNext();
  EXPECT_FALSE(index.Contains(Block(0).key));
  EXPECT_TRUE(index.Contains(Block(1).key));
}

TEST(BlockIndex, ABlockThatComesBackSoonGoesToTheMainQueue) {
  BlockIndex index(1000);
  index.Insert(Block(0), 100);
  index.EvictNext();
  index.Insert(Block(0), 100);
  for (std::uint64_t i = 1; i < 9; ++i) index.Insert(Block(i), 100);
  for (std::uint64_t i = 1; i < 8; ++i) EXPECT_EQ(index.EvictNext()->key, Block(i).key);
  EXPECT_TRUE(index.Contains(Block(0).key));
}

TEST(BlockIndex, ErasesAllBlocksOfOneVersionOnly) {
  for (const std::uint64_t far : {std::uint64_t{7}, std::uint64_t{1} << 40}) {
    BlockIndex index(100000);
    for (std::uint64_t i = 0; i < 20; ++i) index.Insert(Block(i, 2), 100);
    for (std::uint64_t i = 0; i < 3; ++i) index.Insert(Block(i, 1), 100);
    index.Insert(Block(far, 1), 100);
    EXPECT_EQ(index.EraseVersion(Block(99, 1).key).size(), 4U);
    EXPECT_EQ(index.size(), 20U);
    EXPECT_EQ(index.used_bytes(), 2000U);
  }
}

TEST(BlockIndex, SlotsAreReused) {
  BlockIndex index(1000);
  for (std::uint64_t i = 0; i < 10000; ++i) {
    ASSERT_TRUE(index.Insert(Block(i), 100));
    ASSERT_FALSE(index.Insert(Block(i), 100));
    if (index.size() > 10) {
      ASSERT_TRUE(index.EvictNext());
    }
  }
  EXPECT_EQ(index.size(), 10U);
  EXPECT_EQ(index.used_bytes(), 1000U);
}

}  // namespace
}  // namespace skybridge::cache
