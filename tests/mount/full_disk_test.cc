// What the databases do on a disk that is really full: a small tmpfs, filled to its last byte.
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cache/metadata_cache.h"
#include "cache/rocks_db.h"
#include "tests/support/temp_directory.h"

namespace skybridge::testing {
namespace {

class FullDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    mounted_ = ::mount("tmpfs", disk_.path().c_str(), "tmpfs", 0, "size=160m,mode=0700") == 0;
    ASSERT_TRUE(mounted_) << "a tmpfs cannot be mounted here (needs root): "
                          << std::strerror(errno);
  }
  void TearDown() override {
    if (!mounted_) return;
    EXPECT_EQ(::umount2(disk_.path().c_str(), MNT_DETACH), 0);
  }
  void Fill() {
    const int file = ::open(disk_.Sub("fill").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_GE(file, 0);
    std::vector<char> piece(1 << 20);
    for (std::size_t size = piece.size(); size > 0;) {
      if (::write(file, piece.data(), size) < 0) size /= 2;
    }
    ::close(file);
  }
  void MakeRoom() { std::filesystem::remove(disk_.Sub("fill")); }

  TempDirectory disk_;
  bool mounted_ = false;
};

// With no reserve, RocksDB itself meets the full disk, in its log and in its tables.
TEST_F(FullDisk, ADatabaseThatMetItGoesOnInMemoryAndHeals) {
  auto opened = cache::RocksDb::Open({.path = disk_.Sub("db"),
                                      .name = "test",
                                      .format = "1",
                                      .when_full = cache::RocksDb::WhenFull::kKeepInMemory,
                                      .synced = false,
                                      .keep_free_bytes = 0,
                                      .write_buffer_bytes = 64 << 10});
  ASSERT_TRUE(opened) << opened.error().ToString();
  cache::RocksDb& db = **opened;
  int next = 0;
  const auto put = [&](int count) {
    for (int i = 0; i < count; ++i) {
      cache::RocksBatch batch;
      batch.Put("k" + std::to_string(next++), std::string(1000, static_cast<char>('a' + i % 26)));
      const Status written = db.Write(batch);
      ASSERT_TRUE(written) << written.error().ToString();
    }
  };
  const auto count = [&] {
    int keys = 0;
    EXPECT_TRUE(db.Scan("k", "k", [&](std::string_view, std::string_view) { return ++keys > 0; }));
    return keys;
  };
  put(200);
  for (int round = 0; round < 3; ++round) {
    Fill();
    put(300);
    EXPECT_EQ(count(), next);
    MakeRoom();
    put(100);
    EXPECT_TRUE(db.WriteUnwritten());
    EXPECT_EQ(count(), next);
  }
}

TEST_F(FullDisk, TheMetadataCacheGivesOutNewInodesAndHeals) {
  const cache::MetadataCache::Options options{.directory = disk_.Sub("meta"), .identity = "x"};
  auto opened = cache::MetadataCache::Open(options);
  ASSERT_TRUE(opened) << opened.error().ToString();
  Fill();
  for (int i = 0; i < 25'000; ++i) {  // more than one lease of inode numbers
    const auto made =
        (*opened)->Upsert(InodeNumber::kRoot, {.name = std::to_string(i), .etag = "e"});
    ASSERT_TRUE(made) << made.error().ToString();
  }
  MakeRoom();
  const auto last = (*opened)->Upsert(InodeNumber::kRoot, {.name = "last", .etag = "e"});
  ASSERT_TRUE(last);
  opened->reset();
  opened = cache::MetadataCache::Open(options);
  ASSERT_TRUE(opened) << opened.error().ToString();
  EXPECT_EQ((*opened)->Lookup(InodeNumber::kRoot, "last")->inode.ino, last->ino);
  EXPECT_GT(*(*opened)->AllocateInode(), last->ino);
}

}  // namespace
}  // namespace skybridge::testing
