#include "cache/block_cache.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/log.h"
#include "tests/support/temp_directory.h"

namespace skybridge::cache {
namespace {

constexpr std::uint64_t kBlock = 64 << 10;

std::vector<std::filesystem::path> FilesBelow(const std::string& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  return files;
}

std::uint64_t BytesBelow(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const auto& file : FilesBelow(directory)) bytes += std::filesystem::file_size(file);
  return bytes;
}

void FlipByte(const std::filesystem::path& path, std::int64_t from_end) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(-from_end, std::ios::end);
  const int byte = file.get();
  file.seekp(-from_end, std::ios::end);
  file.put(static_cast<char>(byte ^ 1));
}

class BlockCacheTest : public ::testing::Test {
 protected:
  std::unique_ptr<BlockCache> Open(std::uint64_t capacity_bytes = 64 << 20) {
    auto cache = BlockCache::Open({.directory = temp_.Sub("cache"),
                                   .capacity_bytes = capacity_bytes,
                                   .block_size_bytes = kBlock});
    EXPECT_TRUE(cache) << cache.error().ToString();
    return std::move(*cache);
  }
  static BlockId Id(std::uint64_t index, const std::string& etag = "v1") {
    return {.object = "azure:dir/file", .etag = etag, .index = index};
  }
  // Different for every block.
  static std::string Content(std::uint64_t index, std::size_t size = kBlock) {
    std::mt19937_64 random(index);
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
  }
  static bool ReadsBack(BlockCache& cache, const BlockId& id, std::uint64_t offset,
                        std::size_t size, std::size_t block_size = kBlock) {
    std::string text(size, '?');
    if (!cache.Read(id, offset, std::as_writable_bytes(std::span(text)))) return false;
    EXPECT_EQ(text, Content(id.index, block_size).substr(offset, size));
    return true;
  }

  testing::TempDirectory temp_;
};

TEST_F(BlockCacheTest, ReadsBackAnyRangeOfABlock) {
  const auto cache = Open();
  cache->Write(Id(3), AsBytes(Content(3)));
  const std::pair<std::uint64_t, std::size_t> ranges[] = {
      {0, kBlock}, {0, 1},       {5, 10},         {16384, 16384},
      {16383, 2},  {100, 50000}, {kBlock - 1, 1}, {16384, kBlock - 16384}};
  for (const auto& [offset, size] : ranges)
    EXPECT_TRUE(ReadsBack(*cache, Id(3), offset, size)) << offset;
  EXPECT_EQ(cache->stats().hits, 8U);
}

TEST_F(BlockCacheTest, AbsentOtherVersionOtherIndexAndTooShortAreMisses) {
  const auto cache = Open();
  cache->Write(Id(0), AsBytes(Content(0, 1000)));
  std::string text(10, '?');
  const auto into = std::as_writable_bytes(std::span(text));
  EXPECT_FALSE(cache->Read(Id(1), 0, into));
  EXPECT_FALSE(cache->Read(Id(0, "v2"), 0, into));
  EXPECT_FALSE(cache->Read({.object = "oci:dir/file", .etag = "v1"}, 0, into));
  EXPECT_FALSE(cache->Read(Id(0), 991, into));
  EXPECT_TRUE(cache->Read(Id(0), 990, into));
  EXPECT_EQ(cache->stats().misses, 4U);
  EXPECT_TRUE(cache->Contains(Id(0)));
  EXPECT_FALSE(cache->Contains(Id(1)));
}

TEST_F(BlockCacheTest, FindsItsBlocksAfterAReopen) {
  {
    const auto cache = Open();
    for (std::uint64_t i = 0; i < 50; ++i) cache->Write(Id(i), AsBytes(Content(i)));
  }
  const auto cache = Open();
  EXPECT_EQ(cache->stats().blocks, 50U);
  EXPECT_EQ(cache->stats().used_bytes, BytesBelow(temp_.path()));
  for (std::uint64_t i = 0; i < 50; ++i) EXPECT_TRUE(ReadsBack(*cache, Id(i), 0, kBlock));
}

TEST_F(BlockCacheTest, AFlippedByteOfDataIsAMissAndTheBlockIsDropped) {
  const auto cache = Open();
  cache->Write(Id(0), AsBytes(Content(0)));
  FlipByte(FilesBelow(temp_.path()).at(0), 5);
  EXPECT_TRUE(ReadsBack(*cache, Id(0), 0, 16384)) << "an undamaged chunk is still good";
  EXPECT_FALSE(ReadsBack(*cache, Id(0), kBlock - 4096, 4096));
  EXPECT_EQ(cache->stats().corrupt, 1U);
  EXPECT_FALSE(cache->Contains(Id(0)));
  EXPECT_TRUE(FilesBelow(temp_.path()).empty());
  EXPECT_EQ(cache->stats().used_bytes, 0U);
}

TEST_F(BlockCacheTest, ADamagedBlockIsNamedInTheLog) {
  const auto cache = Open();
  cache->Write(Id(7), AsBytes(Content(7)));
  FlipByte(FilesBelow(temp_.path()).at(0), 5);
  const std::string log = temp_.Sub("log");
  ASSERT_TRUE(SetLogFile(log));
  EXPECT_FALSE(ReadsBack(*cache, Id(7), 0, kBlock));
  ASSERT_TRUE(SetLogFile("/dev/stderr"));
  std::stringstream text;
  text << std::ifstream(log).rdbuf();
  EXPECT_NE(text.str().find("block 7 of 'azure:dir/file' is dropped"), std::string::npos)
      << text.str();
}

TEST_F(BlockCacheTest, AnyFlippedByteOfTheHeaderIsAMiss) {
  const std::uint64_t header = 56 + Id(0).object.size() + Id(0).etag.size() + 8;
  for (std::uint64_t at = 0; at < header; ++at) {
    const auto cache = Open();
    cache->Write(Id(0), AsBytes(Content(0, 100)));
    FlipByte(FilesBelow(temp_.path()).at(0), static_cast<std::int64_t>(header + 100 - at));
    EXPECT_FALSE(ReadsBack(*cache, Id(0), 0, 100)) << at;
    EXPECT_EQ(cache->stats().corrupt, 1U);
  }
}

TEST_F(BlockCacheTest, ABlockCutOffByACrashIsAMiss) {
  { Open()->Write(Id(0), AsBytes(Content(0))); }
  std::filesystem::resize_file(FilesBelow(temp_.path()).at(0), 40000);
  const auto cache = Open();
  EXPECT_FALSE(ReadsBack(*cache, Id(0), 0, kBlock));
  EXPECT_EQ(cache->stats().corrupt, 1U);
}

TEST_F(BlockCacheTest, ABlockUnderAnotherBlocksNameIsAMiss) {
  const auto cache = Open();
  for (const BlockId& other : {Id(1), Id(0, "v2")}) {
    cache->Write(Id(0), AsBytes(Content(0)));
    const auto first = FilesBelow(temp_.path()).at(0);
    std::filesystem::rename(first, temp_.Sub("aside"));
    cache->Write(other, AsBytes(Content(1)));
    for (const auto& file : FilesBelow(temp_.Sub("cache")))
      std::filesystem::rename(temp_.Sub("aside"), file);
    EXPECT_FALSE(ReadsBack(*cache, other, 0, kBlock));
    EXPECT_FALSE(ReadsBack(*cache, Id(0), 0, kBlock));
  }
}

TEST_F(BlockCacheTest, BytesOfNoVersionAreNotKept) {
  const auto cache = Open();
  cache->Write(Id(0, ""), AsBytes(Content(0)));
  EXPECT_FALSE(cache->Contains(Id(0, "")));
  EXPECT_TRUE(FilesBelow(temp_.path()).empty());
}

TEST_F(BlockCacheTest, TemporaryAndForeignFilesAreRemovedAtOpen) {
  { Open(); }
  std::filesystem::create_directory(temp_.Sub("cache/blocks/00"));
  std::ofstream(temp_.Sub("cache/blocks/tmp/17")) << "half a block";
  std::ofstream(temp_.Sub("cache/blocks/00/what")) << "?";
  const auto cache = Open();
  EXPECT_TRUE(FilesBelow(temp_.path()).empty());
}

TEST_F(BlockCacheTest, TheBoundHoldsWithHeaders) {
  const std::uint64_t capacity = 10 * kBlock;
  const auto cache = Open(capacity);
  for (std::uint64_t i = 0; i < 40; ++i) {
    cache->Write(Id(i), AsBytes(Content(i)));
    ASSERT_LE(BytesBelow(temp_.path()), capacity);
  }
  EXPECT_EQ(cache->stats().blocks, 9U);
  EXPECT_EQ(cache->stats().evictions, 31U);
}

TEST_F(BlockCacheTest, ASmallerBoundIsKeptAtOpen) {
  {
    const auto cache = Open();
    for (std::uint64_t i = 0; i < 20; ++i) cache->Write(Id(i), AsBytes(Content(i)));
  }
  const auto cache = Open(5 * kBlock);
  EXPECT_LE(BytesBelow(temp_.path()), 5 * kBlock);
}

TEST_F(BlockCacheTest, ABlockLargerThanTheCacheIsNotKept) {
  const auto cache = Open(kBlock / 2);
  cache->Write(Id(0), AsBytes(Content(0)));
  EXPECT_FALSE(cache->Contains(Id(0)));
}

TEST_F(BlockCacheTest, AScanOfTenTimesTheCapacityKeepsAReReadWorkingSet) {
  const auto cache = Open(20 * (kBlock + 4096));
  for (std::uint64_t i = 0; i < 10; ++i) cache->Write(Id(i), AsBytes(Content(i)));
  for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(ReadsBack(*cache, Id(i), 0, kBlock));
  for (std::uint64_t i = 0; i < 200; ++i) cache->Write(Id(i, "scanned"), AsBytes(Content(i)));
  for (std::uint64_t i = 0; i < 10; ++i) EXPECT_TRUE(ReadsBack(*cache, Id(i), 0, kBlock)) << i;
}

TEST_F(BlockCacheTest, DropRemovesOneVersionOnly) {
  const auto cache = Open();
  for (std::uint64_t i = 0; i < 5; ++i) {
    cache->Write(Id(i, "v1"), AsBytes(Content(i)));
    cache->Write(Id(i, "v2"), AsBytes(Content(i)));
  }
  cache->Drop(Id(0).object, "v1");
  for (std::uint64_t i = 0; i < 5; ++i) {
    EXPECT_FALSE(cache->Contains(Id(i, "v1")));
    EXPECT_TRUE(ReadsBack(*cache, Id(i, "v2"), 0, kBlock));
  }
  EXPECT_EQ(FilesBelow(temp_.path()).size(), 5U);
}

TEST_F(BlockCacheTest, AFileDeletedBehindItsBackIsAPlainMiss) {
  const auto cache = Open();
  cache->Write(Id(0), AsBytes(Content(0)));
  std::filesystem::remove(FilesBelow(temp_.path()).at(0));
  EXPECT_FALSE(ReadsBack(*cache, Id(0), 0, 10));
  EXPECT_EQ(cache->stats().corrupt, 0U);
  cache->Write(Id(0), AsBytes(Content(0)));
  EXPECT_TRUE(ReadsBack(*cache, Id(0), 0, 10));
}

TEST_F(BlockCacheTest, AFailingDiskIsCountedAndNotTheReadersProblem) {
  const auto cache = Open();
  std::filesystem::remove_all(temp_.Sub("cache/blocks/tmp"));
  cache->Write(Id(0), AsBytes(Content(0)));
  EXPECT_FALSE(cache->Contains(Id(0)));
  EXPECT_EQ(cache->stats().write_errors, 1U);
  EXPECT_EQ(cache->stats().used_bytes, 0U);
}

TEST_F(BlockCacheTest, TinyObjectsCostLittleMoreThanThemselves) {
  const auto cache = Open();
  for (std::uint64_t i = 0; i < 100; ++i) {
    cache->Write({.object = "oci:small/" + std::to_string(i), .etag = "e"},
                 AsBytes(Content(0, 4096)));
  }
  EXPECT_LT(BytesBelow(temp_.path()), 100 * (4096 + 100));
}

TEST_F(BlockCacheTest, FilesAreClosedToOthers) {
  const auto cache = Open();
  cache->Write(Id(0), AsBytes(Content(0)));
  struct stat info {};
  ASSERT_EQ(::stat(temp_.Sub("cache").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
  ASSERT_EQ(::stat(FilesBelow(temp_.path()).at(0).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
}

TEST_F(BlockCacheTest, ReadersWritersAndDroppersMayMix) {
  const std::uint64_t capacity = 12 * kBlock;
  const auto cache = Open(capacity);
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 150; ++i) {
        const std::uint64_t index = random() % 20;
        if (random() % 10 == 0) cache->Drop(Id(0).object, "v1");
        if (!ReadsBack(*cache, Id(index), random() % 1000, 30000))
          cache->Write(Id(index), AsBytes(Content(index)));
        if (cache->stats().used_bytes > capacity) over = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(over);
  EXPECT_EQ(cache->stats().used_bytes, BytesBelow(temp_.path()));
  EXPECT_EQ(cache->stats().corrupt, 0U);
}

// Other programs need the disk: the cache gives back what it has and keeps nothing new.
TEST_F(BlockCacheTest, GivesRoomBackToADiskThatOthersHaveFilled) {
  {
    auto cache = Open();
    cache->Write(Id(0), AsBytes(Content(0)));
    ASSERT_TRUE(cache->Contains(Id(0)));
  }
  auto cache = BlockCache::Open({.directory = temp_.Sub("cache"),
                                 .capacity_bytes = 64 << 20,
                                 .keep_free_bytes = UINT64_MAX / 2,
                                 .block_size_bytes = kBlock});
  ASSERT_TRUE(cache) << cache.error().ToString();
  EXPECT_FALSE((*cache)->Contains(Id(0)));
  (*cache)->Write(Id(1), AsBytes(Content(1)));
  EXPECT_FALSE((*cache)->Contains(Id(1)));
  EXPECT_EQ(BytesBelow(temp_.Sub("cache")), 0U);
}

TEST_F(BlockCacheTest, DoesNotFollowALinkInItsDirectory) {
  { auto cache = Open(); }
  std::filesystem::create_directory(temp_.Sub("theirs"));
  std::ofstream(temp_.Sub("theirs/file")) << "x";
  std::filesystem::create_directory_symlink(temp_.Sub("theirs"), temp_.Sub("cache/blocks/00"));
  auto cache = Open();
  EXPECT_TRUE(std::filesystem::exists(temp_.Sub("theirs/file")));
}

}  // namespace
}  // namespace skybridge::cache
