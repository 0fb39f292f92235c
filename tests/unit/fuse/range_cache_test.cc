#include "fuse/read/range_cache.h"

#include <gtest/gtest.h>

namespace skybridge::fuse {
namespace {

// Stand for files: only their addresses matter.
const int kFile = 0;
const int kOther = 0;

RangeCache::Piece PieceOf(const void* file, std::uint64_t offset_bytes, std::size_t size_bytes) {
  return {.file = file,
          .offset_bytes = offset_bytes,
          .bytes = std::make_shared<const std::vector<std::byte>>(size_bytes)};
}

class RangeCacheTest : public ::testing::Test {
 protected:
  bool Has(const void* file, ByteRange range) { return cache_.Find(file, range).bytes != nullptr; }

  RangeCache cache_{3};
};

TEST_F(RangeCacheTest, AnswersARangeThatOnePieceHoldsWhole) {
  cache_.Add(PieceOf(&kFile, 100, 50));
  for (const ByteRange range : {ByteRange{100, 50}, ByteRange{100, 1}, ByteRange{149, 1}})
    EXPECT_TRUE(Has(&kFile, range)) << range.offset_bytes;
  for (const ByteRange range : {ByteRange{99, 2}, ByteRange{149, 2}, ByteRange{150, 1}})
    EXPECT_FALSE(Has(&kFile, range)) << range.offset_bytes;
  EXPECT_FALSE(Has(&kOther, {100, 50}));
}

TEST_F(RangeCacheTest, DoesNotPutTwoPiecesTogether) {
  cache_.Add(PieceOf(&kFile, 0, 10));
  cache_.Add(PieceOf(&kFile, 10, 10));
  EXPECT_FALSE(Has(&kFile, {5, 10}));
}

TEST_F(RangeCacheTest, GivesUpThePieceThatWasLongestUnused) {
  for (const std::uint64_t offset : {0, 100, 200}) cache_.Add(PieceOf(&kFile, offset, 10));
  EXPECT_TRUE(Has(&kFile, {0, 10})) << "used again";
  cache_.Add(PieceOf(&kFile, 300, 10));
  EXPECT_FALSE(Has(&kFile, {100, 10}));
  for (const std::uint64_t offset : {0, 200, 300}) EXPECT_TRUE(Has(&kFile, {offset, 10})) << offset;
}

TEST_F(RangeCacheTest, ForgetsAllOfAFileAndNothingElse) {
  cache_.Add(PieceOf(&kFile, 0, 10));
  cache_.Add(PieceOf(&kOther, 0, 20));
  cache_.Add(PieceOf(&kFile, 100, 10));
  cache_.ForgetFile(&kFile);
  EXPECT_FALSE(Has(&kFile, {0, 10}));
  EXPECT_FALSE(Has(&kFile, {100, 10}));
  EXPECT_TRUE(Has(&kOther, {0, 20}));
}

TEST_F(RangeCacheTest, CountsTheBytesThatItHolds) {
  cache_.Add(PieceOf(&kFile, 0, 10));
  cache_.Add(PieceOf(&kOther, 0, 20));
  EXPECT_EQ(cache_.memory_bytes(), 30U);
  cache_.Add(PieceOf(&kFile, 100, 5));
  cache_.Add(PieceOf(&kFile, 200, 5));
  EXPECT_EQ(cache_.memory_bytes(), 30U) << "the oldest, of 10, is gone";
  cache_.ForgetFile(&kOther);
  EXPECT_EQ(cache_.memory_bytes(), 10U);
}

// A reader may still copy out of a piece that is given up meanwhile.
TEST_F(RangeCacheTest, LeavesAPieceToWhoeverHasFoundIt) {
  cache_.Add(PieceOf(&kFile, 0, 10));
  const RangeCache::Piece found = cache_.Find(&kFile, {0, 10});
  cache_.ForgetFile(&kFile);
  EXPECT_EQ(found.bytes->size(), 10U);
}

}  // namespace
}  // namespace skybridge::fuse
