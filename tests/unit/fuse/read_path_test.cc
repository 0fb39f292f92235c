#include "fuse/read/read_path.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"
#include "tests/support/temp_directory.h"

namespace skybridge::fuse {
namespace {

using skybridge::testing::FakeClock;
using skybridge::testing::FakeObjectStore;
using skybridge::testing::StoreOp;
using skybridge::testing::TempDirectory;

constexpr std::uint64_t kBlock = 64 << 10;

std::string RandomText(std::size_t size, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

class ReadPathTest : public ::testing::Test {
 protected:
  ReadPathTest() {
    cache_ = *cache::BlockCache::Open({.directory = temp_.Sub("blocks"),
                                       .capacity_bytes = 256 << 20,
                                       .block_size_bytes = kBlock});
    Start();
  }

  void Start(std::uint64_t block_size = kBlock, std::size_t buffers = 24) {
    reads_.reset();
    reads_ =
        ReadPath::Create(store_, block_size == kBlock ? cache_.get() : nullptr, clock_, "azure",
                         {.block_size_bytes = block_size,
                          .max_prefetch_bytes = buffers * block_size,
                          .max_parallel_requests = 24});
  }
  // Makes an object and opens it.
  std::unique_ptr<FileReader> Open(const std::string& path, std::string content) {
    const ETag etag = store_.PutText(path, content);
    content_ = std::move(content);
    return reads_->Open(ObjectKey(path), etag, content_.size());
  }
  CallContext Soon() const { return {.deadline = clock_.Now() + std::chrono::minutes(1)}; }

  Result<std::string> ReadText(FileReader& reader, std::uint64_t offset, std::size_t size) {
    std::string text(size, '?');
    const std::size_t got =
        TRY(reader.Read(offset, std::as_writable_bytes(std::span(text)), Soon()));
    text.resize(got);
    return text;
  }
  void ExpectReads(FileReader& reader, std::uint64_t offset, std::size_t size) {
    const auto text = ReadText(reader, offset, size);
    ASSERT_TRUE(text) << text.error().ToString();
    ASSERT_EQ(*text, content_.substr(std::min<std::size_t>(offset, content_.size()), size))
        << offset;
  }
  void ReadSequentially(FileReader& reader, std::size_t step = 16 << 10) {
    for (std::uint64_t at = 0; at < content_.size(); at += step) ExpectReads(reader, at, step);
  }

  TempDirectory temp_;
  FakeClock clock_;
  FakeObjectStore store_{clock_};
  std::unique_ptr<cache::BlockCache> cache_;
  std::string content_;
  std::unique_ptr<ReadPath> reads_;
};

TEST_F(ReadPathTest, ReadsShortOnlyAtTheEnd) {
  const auto reader = Open("f", RandomText(3 * kBlock + 100));
  ExpectReads(*reader, 3 * kBlock + 50, 100);
  EXPECT_EQ(ReadText(*reader, 3 * kBlock + 100, 10)->size(), 0U);
  EXPECT_EQ(ReadText(*reader, UINT64_MAX / 2, 10)->size(), 0U);
  ExpectReads(*reader, 0, 4 * kBlock);
}

TEST_F(ReadPathTest, ASmallFileIsOneGetOfItsSize) {
  const auto reader = Open("f", RandomText(4096));
  ExpectReads(*reader, 0, 131072);
  ExpectReads(*reader, 100, 200);
  EXPECT_EQ(store_.calls(StoreOp::kGet), 1U);
  EXPECT_EQ(store_.bytes_read(), 4096U);
}

TEST_F(ReadPathTest, SequentialReadingFetchesEveryByteOnce) {
  const auto reader = Open("f", RandomText(50 * kBlock + 7));
  ReadSequentially(*reader);
  EXPECT_EQ(store_.bytes_read(), content_.size());
  EXPECT_EQ(store_.calls(StoreOp::kGet), 51U);
}

TEST_F(ReadPathTest, ASequentialReaderHasSixteenRequestsInFlight) {
  const auto reader = Open("f", RandomText(100 * kBlock));
  for (std::uint64_t at = 0; at < 6 * kBlock; at += kBlock) ExpectReads(*reader, at, kBlock);
  // Everything fetched ahead so far is consumed until requests are needed again; these are held
  // back.
  store_.script().Block(StoreOp::kGet);
  std::thread consumer([&] {
    for (std::uint64_t at = 6 * kBlock; at < 100 * kBlock; at += kBlock)
      ExpectReads(*reader, at, kBlock);
  });
  store_.script().WaitForBlocked(StoreOp::kGet, 16);
  store_.script().Release(StoreOp::kGet);
  consumer.join();
  EXPECT_EQ(store_.bytes_read(), content_.size());
}

TEST_F(ReadPathTest, RandomReadsFetchASmallAlignedRange) {
  constexpr std::uint64_t kMiB = 1 << 20;
  Start(4 * kMiB, 4);
  const auto reader = Open("f", RandomText(40 * kMiB));
  std::mt19937_64 random(3);
  for (std::uint64_t block = 1; block < 10; ++block) {
    ExpectReads(*reader, ((block * 7) % 9 + 1) * 4 * kMiB + random() % (3 * kMiB), 4096);
  }
  EXPECT_LE(store_.calls(StoreOp::kGet), 18U);
  EXPECT_LE(store_.bytes_read(), 18U * (128 << 10));
}

TEST_F(ReadPathTest, ARandomReadBesideAnEarlierOneNeedsNoRequest) {
  constexpr std::uint64_t kMiB = 1 << 20;
  Start(4 * kMiB, 4);
  const auto reader = Open("f", RandomText(40 * kMiB));
  ExpectReads(*reader, 20 * kMiB + 5000, 4096);
  ExpectReads(*reader, 20 * kMiB + 90000, 100);
  EXPECT_EQ(store_.calls(StoreOp::kGet), 1U);
}

TEST_F(ReadPathTest, ABlockHitByManyRandomReadsEndsInTheBlockCache) {
  auto reader = Open("f", RandomText(200 * kBlock));
  std::mt19937_64 random(3);
  const cache::BlockId id{
      .object = "azure:f", .etag = store_.InfoOf("f")->etag.value, .index = 150};
  // Reads elsewhere push the small ranges out, so that each of these needs a request of its own.
  for (int round = 0; round < 9; ++round) {
    ExpectReads(*reader, 150 * kBlock + 1000, 10);
    for (std::uint64_t i = 0; i < 70; ++i)
      ExpectReads(*reader, (2 * i + 1) % 149 * kBlock + (random() % 60000), 10);
  }
  reader.reset();
  reads_.reset();  // drains what is on its way to the cache
  EXPECT_TRUE(cache_->Contains(id));
}

TEST_F(ReadPathTest, WhatWasReadOnceComesFromTheDiskTheNextTime) {
  Start(kBlock, 40);  // so many that no block is passed over while the disk is busy
  { ReadSequentially(*Open("f", RandomText(30 * kBlock))); }
  const ETag etag = store_.InfoOf("f")->etag;
  Start();
  store_.script().ResetCalls();
  const auto again = reads_->Open(ObjectKey("f"), etag, content_.size());
  ReadSequentially(*again);
  EXPECT_EQ(store_.calls(StoreOp::kGet), 0U);
}

TEST_F(ReadPathTest, ADamagedCachedBlockIsFetchedAgain) {
  { ExpectReads(*Open("f", RandomText(kBlock)), 0, kBlock); }
  Start();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(temp_.Sub("blocks"))) {
    if (entry.is_regular_file()) std::filesystem::resize_file(entry.path(), 5000);
  }
  const auto again = reads_->Open(ObjectKey("f"), store_.InfoOf("f")->etag, content_.size());
  ExpectReads(*again, 0, kBlock);
}

TEST_F(ReadPathTest, AFlippedBitOfACachedBlockNeverReachesTheReader) {
  { ExpectReads(*Open("f", RandomText(kBlock)), 0, kBlock); }
  Start();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(temp_.Sub("blocks"))) {
    if (!entry.is_regular_file()) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(-100, std::ios::end);
    const int byte = file.get();
    file.seekp(-100, std::ios::end);
    file.put(static_cast<char>(byte ^ 1));
  }
  const std::uint64_t gets = store_.calls(StoreOp::kGet);
  const auto again = reads_->Open(ObjectKey("f"), store_.InfoOf("f")->etag, content_.size());
  ExpectReads(*again, 0, kBlock);
  EXPECT_GT(store_.calls(StoreOp::kGet), gets) << "it was fetched again";
}

TEST_F(ReadPathTest, AChangedObjectFailsTheHandleForEver) {
  const auto reader = Open("f", RandomText(100 * kBlock));
  ExpectReads(*reader, 0, 100);
  store_.PutText("f", RandomText(100 * kBlock, 2));
  const auto changed = ReadText(*reader, 90 * kBlock, 100);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::kPreconditionFailed);
  const auto cached = ReadText(*reader, 0, 100);
  ASSERT_FALSE(cached);
  EXPECT_EQ(cached.error().code, ErrorCode::kPreconditionFailed);
}

TEST_F(ReadPathTest, ADeletedObjectIsAnotherVersionToo) {
  const auto reader = Open("f", RandomText(100 * kBlock));
  store_.Remove("f");
  const auto gone = ReadText(*reader, 90 * kBlock, 100);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kPreconditionFailed);
}

TEST_F(ReadPathTest, ABlockThatComesShortIsAnErrorAndNeverPadded) {
  const ETag etag = store_.PutText("f", "short");
  const auto text = ReadText(*reads_->Open(ObjectKey("f"), etag, 10), 0, 10);
  ASSERT_FALSE(text) << *text;
  EXPECT_EQ(text.error().code, ErrorCode::kCorrupt);
}

TEST_F(ReadPathTest, WithoutVersionsAnotherSizeIsAnotherVersion) {
  store_.PutText("f", "a longer one");
  const auto text = ReadText(*reads_->Open(ObjectKey("f"), ETag(), 5), 0, 5);
  ASSERT_FALSE(text) << *text;
  EXPECT_EQ(text.error().code, ErrorCode::kPreconditionFailed);
}

TEST_F(ReadPathTest, AFailedFetchAheadIsRepeatedOnDemand) {
  const auto reader = Open("f", RandomText(20 * kBlock));
  // The first request is the reader's own or one ahead of it; the reader asks again for what it
  // needs.
  ExpectReads(*reader, 0, 1);
  store_.script().FailNext(StoreOp::kGet,
                           {.code = ErrorCode::kUnavailable, .message = "x", .retryable = true}, 2);
  std::size_t failures = 0;
  for (std::uint64_t at = 0; at < content_.size(); at += kBlock) {
    const auto text = ReadText(*reader, at, kBlock);
    if (!text) {
      ++failures;
      ExpectReads(*reader, at, kBlock);
    }
  }
  EXPECT_LE(failures, 2U);
}

TEST_F(ReadPathTest, AnErrorReachesTheReaderAndDoesNotStay) {
  const auto reader = Open("f", RandomText(100));
  store_.script().FailNext(StoreOp::kGet,
                           {.code = ErrorCode::kUnavailable, .message = "x", .retryable = true});
  const auto failed = ReadText(*reader, 0, 100);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
  ExpectReads(*reader, 0, 100);
}

TEST_F(ReadPathTest, AReadEndsAtItsDeadline) {
  const auto reader = Open("f", RandomText(10 * kBlock));
  store_.script().Block(StoreOp::kGet);
  Result<std::string> text = Fail(ErrorCode::kInternal, "");
  std::thread thread([&] { text = ReadText(*reader, 0, 100); });
  store_.script().WaitForBlocked(StoreOp::kGet, 1);
  clock_.Advance(std::chrono::minutes(2));
  thread.join();
  store_.script().Release(StoreOp::kGet);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kTimedOut);
}

TEST_F(ReadPathTest, AReadEndsWhenItIsInterrupted) {
  const auto reader = Open("f", RandomText(10 * kBlock));
  store_.script().Block(StoreOp::kGet);
  std::stop_source stop;
  Result<std::size_t> got = 0;
  std::thread thread([&] {
    std::string text(100, '?');
    const CallContext context{.deadline = Soon().deadline, .stop = stop.get_token()};
    got = reader->Read(0, std::as_writable_bytes(std::span(text)), context);
  });
  store_.script().WaitForBlocked(StoreOp::kGet, 1);
  stop.request_stop();
  thread.join();
  store_.script().Release(StoreOp::kGet);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kCancelled);
}

TEST_F(ReadPathTest, ClosingEndsWhatIsFetchedAhead) {
  auto reader = Open("f", RandomText(100 * kBlock));
  ExpectReads(*reader, 0, kBlock);
  store_.script().Block(StoreOp::kGet);
  std::atomic<bool> ended = false;
  std::thread thread([&] {
    ReadText(*reader, 3 * kBlock, kBlock).has_value();
    ended = true;
  });
  store_.script().WaitForBlocked(StoreOp::kGet, 1);
  while (!ended) {  // its deadline may begin only now: what is blocked may have been fetched ahead
    clock_.Advance(std::chrono::minutes(2));
    std::this_thread::yield();
  }
  thread.join();
  reader.reset();
  reads_.reset();  // joins the threads although nothing was released
}

TEST_F(ReadPathTest, MemoryStaysWithinItsBound) {
  Start(kBlock, 6);
  std::vector<std::unique_ptr<FileReader>> readers;
  const std::string content = RandomText(40 * kBlock);
  for (int i = 0; i < 4; ++i) readers.push_back(Open("f" + std::to_string(i), content));
  std::vector<std::thread> threads;
  for (auto& reader : readers) threads.emplace_back([&] { ReadSequentially(*reader); });
  for (auto& thread : threads) thread.join();
  EXPECT_LE(reads_->memory_bytes(), 6 * kBlock + 64 * (128 << 10));
  EXPECT_GE(reads_->memory_bytes(), 2 * kBlock);
}

TEST_F(ReadPathTest, SeveralThreadsOutOfOrderSeeTheRightBytes) {
  const auto reader = Open("f", RandomText(120 * kBlock + 1234));
  std::atomic<std::uint64_t> next{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t at = next.fetch_add(32 << 10); at < content_.size();
           at = next.fetch_add(32 << 10)) {
        ExpectReads(*reader, at, 32 << 10);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

// The kernel's read-ahead comes out of order. Without a block cache, so that no disk that is slow
// at the moment decides what stays in memory.
TEST_F(ReadPathTest, SequentialReadingOutOfOrderFetchesEveryByteOnce) {
  constexpr std::uint64_t kStep = 16 << 10;
  constexpr std::size_t kWindow = 16;
  Start(kBlock / 2);
  const auto reader = Open("f", RandomText(240 * kStep));
  std::vector<std::uint64_t> offsets;
  for (std::uint64_t at = 0; at < content_.size(); at += kStep) offsets.push_back(at);
  std::mt19937_64 random(1);
  // The first window in order: it tells the reader that this is a sequential one.
  for (auto it = offsets.begin() + kWindow; it != offsets.end(); it += kWindow)
    std::shuffle(it, it + kWindow, random);
  for (const std::uint64_t at : offsets) ExpectReads(*reader, at, kStep);
  EXPECT_EQ(store_.bytes_read(), content_.size());
}

TEST_F(ReadPathTest, RandomReadsOfAnySizeSeeTheRightBytes) {
  Start(kBlock, 3);
  const auto reader = Open("f", RandomText(60 * kBlock + 77));
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 3; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      for (int i = 0; i < 150; ++i)
        ExpectReads(*reader, random() % (content_.size() + 10), random() % (3 * kBlock));
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(ReadPathTest, AnObjectWithoutVersionIsReadAndNotCached) {
  store_.PutText("f", RandomText(kBlock));
  content_ = *store_.ContentOf("f");
  const auto reader = reads_->Open(ObjectKey("f"), ETag(), content_.size());
  ExpectReads(*reader, 0, kBlock);
  EXPECT_EQ(cache_->stats().blocks, 0U);
}

}  // namespace
}  // namespace skybridge::fuse
