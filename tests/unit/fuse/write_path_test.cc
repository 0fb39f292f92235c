#include "fuse/write/write_path.h"

#include <algorithm>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "backends/forwarding_store.h"
#include "core/digest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"
#include "tests/support/temp_directory.h"

namespace skybridge::fuse {
namespace {

using skybridge::testing::FakeClock;
using skybridge::testing::FakeObjectStore;
using skybridge::testing::StoreOp;
using skybridge::testing::TempDirectory;

constexpr std::uint64_t kPart = 64 << 10;
constexpr std::uint64_t kBlock = 64 << 10;

std::string RandomText(std::size_t size, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

Capabilities SmallParts(Capabilities capabilities) {
  capabilities.min_part_bytes = 1;
  return capabilities;
}

class WritePathTest : public ::testing::Test {
 protected:
  explicit WritePathTest(Capabilities capabilities = SmallParts(testing::OciLikeCapabilities()))
      : store_(clock_, {.capabilities = std::move(capabilities)}) {
    cache_ = *cache::BlockCache::Open(
        {.directory = temp_.Sub("blocks"), .capacity_bytes = 64 << 20, .block_size_bytes = kBlock});
    const ReadPath::Options options{
        .block_size_bytes = kBlock, .max_prefetch_bytes = 8 * kBlock, .max_parallel_requests = 4};
    reads_ = ReadPath::Create(store_, cache_.get(), clock_, "r", options);
    Start(64 << 20);
  }

  void Start(std::uint64_t staging_bytes, std::uint32_t uploads = 4) {
    writes_.reset();
    staging_ = *cache::Staging::Open({.directory = temp_.Sub("staging"),
                                      .capacity_bytes = staging_bytes,
                                      .reserve_bytes = 4 * kPart,
                                      .keep_free_bytes = 0,
                                      .clock = &clock_});
    writes_ = WritePath::Create(store_, *reads_, cache_.get(), *staging_, clock_, "r",
                                {.part_size_bytes = kPart, .max_parallel_uploads = uploads});
  }
  CallContext Soon() const { return {.deadline = clock_.Now() + std::chrono::minutes(1)}; }

  std::unique_ptr<FileWriter> Create(const std::string& path) {
    return *writes_->Open({.key = ObjectKey(path), .base = std::nullopt});
  }
  std::unique_ptr<FileWriter> OpenExisting(const std::string& path, bool truncate = false) {
    return *writes_->Open(
        {.key = ObjectKey(path), .base = *store_.InfoOf(path), .truncate = truncate});
  }
  // Writes as programs do, in steps.
  void WriteAll(FileWriter& writer, std::string_view text, std::uint64_t offset = 0,
                std::size_t step = 16 << 10) {
    for (std::size_t at = 0; at < text.size(); at += step) {
      const Status written = writer.Write(offset + at, AsBytes(text.substr(at, step)), Soon());
      ASSERT_TRUE(written) << written.error().ToString();
    }
  }
  Result<ObjectInfo> Publish(FileWriter& writer, const std::string& path) {
    return writer.Publish({.key = ObjectKey(path), .attributes = {}}, Soon());
  }
  Result<std::string> ReadBack(FileWriter& writer, std::uint64_t offset, std::size_t size) {
    std::string text(size, '?');
    const std::size_t got =
        TRY(writer.Read(offset, std::as_writable_bytes(std::span(text)), Soon()));
    text.resize(got);
    return text;
  }

  TempDirectory temp_;
  FakeClock clock_;
  FakeObjectStore store_;
  std::unique_ptr<cache::BlockCache> cache_;
  std::unique_ptr<cache::Staging> staging_;
  std::unique_ptr<ReadPath> reads_;
  std::unique_ptr<WritePath> writes_;
};

TEST_F(WritePathTest, ASmallFileIsOnePut) {
  const auto writer = Create("f");
  EXPECT_TRUE(writer->dirty());
  WriteAll(*writer, "hello");
  EXPECT_EQ(writes_->dirty_bytes(), 5U);
  EXPECT_FALSE(store_.InfoOf("f"));
  const auto info = writer->Publish({.key = ObjectKey("f"), .attributes = {.mode = 0600}}, Soon());
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(store_.ContentOf("f"), "hello");
  EXPECT_EQ(store_.InfoOf("f")->attributes->mode, 0600U);
  EXPECT_EQ(store_.script().total_calls(), 1U);
  EXPECT_FALSE(writer->dirty());
  EXPECT_EQ(writes_->dirty_bytes(), 0U);
}

TEST_F(WritePathTest, AnEmptyFileIsPublishedToo) {
  const auto writer = Create("f");
  ASSERT_TRUE(Publish(*writer, "f"));
  EXPECT_EQ(store_.ContentOf("f"), "");
}

TEST_F(WritePathTest, ASmallPublishedFileIsReadFromTheBlockCache) {
  const auto writer = Create("f");
  WriteAll(*writer, "hello");
  const auto info = Publish(*writer, "f");
  const auto reader = reads_->Open(ObjectKey("f"), info->etag, 5);
  std::string text(5, '?');
  ASSERT_TRUE(reader->Read(0, std::as_writable_bytes(std::span(text)), Soon()));
  EXPECT_EQ(text, "hello");
  EXPECT_EQ(store_.calls(StoreOp::kGet), 0U);
}

TEST_F(WritePathTest, ASmallPublishedFileIsPutAgainFromTheBlockCache) {
  for (const char* text : {"hello", ""}) {
    const auto writer = Create(std::string("f") + text);
    WriteAll(*writer, text);
    auto version = Publish(*writer, std::string("f") + text);
    // Twice: what was put again is cached again.
    for (const std::uint32_t mode : {0600U, 0644U}) {
      const std::size_t calls = store_.script().total_calls();
      const auto again = writes_->PutAgain(*version, {.mode = mode}, Soon());
      ASSERT_TRUE(again) << again.error().ToString();
      ASSERT_TRUE(*again) << text;
      EXPECT_EQ(store_.script().total_calls(), calls + 1);
      EXPECT_EQ(store_.ContentOf(version->key.path), text);
      EXPECT_EQ(store_.InfoOf(version->key.path)->attributes->mode, mode);
      version = **again;
    }
  }
  EXPECT_EQ(store_.calls(StoreOp::kGet), 0U);
}

TEST_F(WritePathTest, APutOfCachedBytesReplacesTheirVersionOnly) {
  const auto writer = Create("f");
  WriteAll(*writer, "hello");
  const auto version = Publish(*writer, "f");
  store_.PutText("f", "somebody else's");
  const auto again = writes_->PutAgain(*version, {.mode = 0600U}, Soon());
  EXPECT_EQ(again.error().code, ErrorCode::kPreconditionFailed);
  EXPECT_EQ(store_.ContentOf("f"), "somebody else's");
}

TEST_F(WritePathTest, WhatIsNotCachedIsNotPutAgain) {
  const auto writer = Create("f");
  WriteAll(*writer, "hello");
  auto version = *Publish(*writer, "f");
  const auto puts = store_.calls(StoreOp::kPut);
  ObjectInfo moved = version;
  moved.key = ObjectKey("elsewhere");
  EXPECT_FALSE(*writes_->PutAgain(moved, {}, Soon()));
  version.digests.crc32c = Crc32c(AsBytes("jello"));
  EXPECT_FALSE(*writes_->PutAgain(version, {}, Soon())) << "not the bytes of that version";
  EXPECT_EQ(store_.calls(StoreOp::kPut), puts);
}

TEST_F(WritePathTest, PartsAreSentWhileTheFileIsStillWritten) {
  const auto writer = Create("f");
  const std::string text = RandomText(10 * kPart + 100);
  store_.script().Block(StoreOp::kUploadPart);
  WriteAll(*writer, text);
  store_.script().WaitForBlocked(StoreOp::kUploadPart, 4);
  EXPECT_FALSE(store_.InfoOf("f"));
  store_.script().Release(StoreOp::kUploadPart);
  ASSERT_TRUE(Publish(*writer, "f"));
  EXPECT_EQ(store_.ContentOf("f"), text);
  EXPECT_EQ(store_.calls(StoreOp::kUploadPart), 11U);
  EXPECT_EQ(store_.bytes_written(), text.size());
  EXPECT_EQ(store_.open_uploads(), 0U);
}

TEST_F(WritePathTest, ARewrittenPartIsSentAgain) {
  const auto writer = Create("f");
  std::string text = RandomText(4 * kPart);
  WriteAll(*writer, text);
  const std::string change = "changed afterwards";
  WriteAll(*writer, change, 100);
  text.replace(100, change.size(), change);
  ASSERT_TRUE(Publish(*writer, "f"));
  EXPECT_EQ(store_.ContentOf("f"), text);
}

TEST_F(WritePathTest, AWriteWhilePublishingStaysDirtyAndComesWithTheNextPublication) {
  const auto writer = Create("f");
  WriteAll(*writer, "first");
  store_.script().BeforeNext(StoreOp::kPut,
                             [&] { ASSERT_TRUE(writer->Write(0, AsBytes("later"), Soon())); });
  ASSERT_TRUE(Publish(*writer, "f"));
  EXPECT_EQ(store_.ContentOf("f"), "first");
  EXPECT_TRUE(writer->dirty());
  ASSERT_TRUE(Publish(*writer, "f"));
  EXPECT_EQ(store_.ContentOf("f"), "later");
  EXPECT_FALSE(writer->dirty());
}

TEST_F(WritePathTest, ChangingAFewBytesFetchesOnlyThePartsItNeeds) {
  std::string text = RandomText(8 * kPart);
  store_.PutText("f", text);
  const auto writer = OpenExisting("f");
  EXPECT_FALSE(writer->dirty());
  WriteAll(*writer, "XYZ", 3 * kPart + 10);
  EXPECT_EQ(store_.calls(StoreOp::kGet), 0U) << "writing reads nothing";
  text.replace(3 * kPart + 10, 3, "XYZ");
  ASSERT_TRUE(Publish(*writer, "f"));
  EXPECT_EQ(store_.ContentOf("f"), text);
}

TEST_F(WritePathTest, TruncationAndGrowthReadAsZeros) {
  store_.PutText("f", std::string(1000, 'a'));
  const auto writer = OpenExisting("f");
  ASSERT_TRUE(writer->Truncate(10, Soon()));
  ASSERT_TRUE(writer->Truncate(20, Soon()));
  const std::string expected = std::string(10, 'a') + std::string(10, '\0');
  EXPECT_EQ(*ReadBack(*writer, 0, 100), expected);
  ASSERT_TRUE(Publish(*writer, "f"));
  EXPECT_EQ(store_.ContentOf("f"), expected);
}

TEST_F(WritePathTest, OpeningWithTruncateStartsEmptyAndIsDirty) {
  store_.PutText("f", "old");
  const auto writer = OpenExisting("f", /*truncate=*/true);
  EXPECT_TRUE(writer->dirty());
  EXPECT_EQ(writer->size_bytes(), 0U);
  ASSERT_TRUE(Publish(*writer, "f"));
  EXPECT_EQ(store_.ContentOf("f"), "");
}

TEST_F(WritePathTest, ALostUpdateIsSeenAndTheDataIsKeptAsAConflictCopy) {
  store_.PutText("f", "base");
  const auto writer = OpenExisting("f");
  WriteAll(*writer, "mine");
  store_.PutText("f", "theirs");
  const auto published = Publish(*writer, "f");
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::kPreconditionFailed);
  EXPECT_TRUE(writer->dirty());
  ASSERT_TRUE(writer->PublishConflictCopy(ObjectKey("f.conflict"), {}, Soon()));
  EXPECT_EQ(store_.ContentOf("f"), "theirs");
  EXPECT_EQ(store_.ContentOf("f.conflict"), "mine");
}

TEST_F(WritePathTest, ALostUpdateOfALargeFileIsKeptToo) {
  const auto writer = Create("f");
  const std::string text = RandomText(5 * kPart);
  WriteAll(*writer, text);
  store_.PutText("f", "theirs");
  const auto published = Publish(*writer, "f");
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::kAlreadyExists);
  ASSERT_TRUE(writer->PublishConflictCopy(ObjectKey("f.conflict"), {}, Soon()));
  EXPECT_EQ(store_.ContentOf("f.conflict"), text);
}

TEST_F(WritePathTest, AConflictCopyNeedsNothingOfASmallBase) {
  store_.PutText("f", "one two three");
  const auto writer = OpenExisting("f");
  WriteAll(*writer, "TWO", 4);
  store_.PutText("f", "something else");
  EXPECT_FALSE(Publish(*writer, "f"));
  ASSERT_TRUE(writer->PublishConflictCopy(ObjectKey("f.conflict"), {}, Soon()));
  EXPECT_EQ(store_.ContentOf("f.conflict"), "one TWO three");
}

TEST_F(WritePathTest, AFileThatIsOverwrittenWholeDoesNotFetchItsBase) {
  store_.PutText("f", "old");
  const auto writer = OpenExisting("f");
  WriteAll(*writer, "new bytes");
  ASSERT_TRUE(Publish(*writer, "f"));
  EXPECT_EQ(store_.calls(StoreOp::kGet), 0U);
}

// What a program reads that is given such a file (the format is that of written_ranges.h).
struct ParsedRanges {
  std::map<std::string, std::string> fields;
  std::map<std::uint64_t, std::string> written;  // by offset
};

ParsedRanges ParseRanges(const std::string& file) {
  ParsedRanges parsed;
  std::istringstream in(file);
  std::string line;
  EXPECT_TRUE(std::getline(in, line));
  EXPECT_EQ(line, "skybridge-written-ranges 1");
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  while (std::getline(in, line) && !line.empty()) {
    if (line[0] == '#') continue;
    const auto colon = line.find(": ");
    const std::string value = line.substr(colon + 2);
    if (line.starts_with("range: ")) {
      std::istringstream numbers(value);
      auto& range = ranges.emplace_back();
      numbers >> range.first >> range.second;
    } else {
      parsed.fields[line.substr(0, colon)] = value;
    }
  }
  for (const auto& [offset, length] : ranges) {
    std::string bytes(length, '\0');
    EXPECT_TRUE(in.read(bytes.data(), static_cast<std::streamsize>(length)));
    parsed.written[offset] = bytes;
  }
  EXPECT_EQ(in.peek(), std::istringstream::traits_type::eof()) << "nothing follows the last range";
  return parsed;
}

TEST_F(WritePathTest, WhatWasWrittenOverALargeBaseThatIsGoneIsKeptAsRanges) {
  store_.PutText("dir/f%", RandomText(20 * kPart));
  const std::string etag = store_.InfoOf("dir/f%")->etag.value;
  const auto writer = OpenExisting("dir/f%");
  WriteAll(*writer, "MINE", 10);
  WriteAll(*writer, "more", 3 * kPart);
  WriteAll(*writer, "the end", 20 * kPart);
  store_.PutText("dir/f%", "something else");
  EXPECT_FALSE(Publish(*writer, "dir/f%"));
  const auto whole = writer->PublishConflictCopy(ObjectKey("copy"), {}, Soon());
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code, ErrorCode::kPreconditionFailed);
  ASSERT_TRUE(writer->PublishWrittenRanges(ObjectKey("copy.ranges"), "f%", {}, Soon()));
  const ParsedRanges parsed = ParseRanges(*store_.ContentOf("copy.ranges"));
  EXPECT_EQ(parsed.fields.at("file"), "f%25");
  EXPECT_EQ(parsed.fields.at("base-etag"), etag);
  EXPECT_EQ(parsed.fields.at("base-size"), std::to_string(20 * kPart));
  EXPECT_EQ(parsed.fields.at("base-shown-until"), std::to_string(20 * kPart));
  EXPECT_EQ(parsed.fields.at("size"), std::to_string(20 * kPart + 7));
  const std::map<std::uint64_t, std::string> written{
      {10, "MINE"}, {3 * kPart, "more"}, {20 * kPart, "the end"}};
  EXPECT_EQ(parsed.written, written);
}

TEST_F(WritePathTest, RangesOfManyPartsAreKeptToo) {
  store_.PutText("f", RandomText(20 * kPart));
  const auto writer = OpenExisting("f");
  const std::string text = RandomText(5 * kPart, 2);
  WriteAll(*writer, text, 7);
  WriteAll(*writer, text, 10 * kPart);
  store_.PutText("f", "something else");
  ASSERT_TRUE(writer->PublishWrittenRanges(ObjectKey("f.ranges"), "f", {}, Soon()));
  const ParsedRanges parsed = ParseRanges(*store_.ContentOf("f.ranges"));
  const std::map<std::uint64_t, std::string> written{{7, text}, {10 * kPart, text}};
  EXPECT_EQ(parsed.written, written);
}

TEST_F(WritePathTest, AFileThatWasOnlyCutIsKeptAsItsNewSize) {
  store_.PutText("f", RandomText(20 * kPart));
  const auto writer = OpenExisting("f");
  ASSERT_TRUE(writer->Truncate(3 * kPart, Soon()));
  store_.PutText("f", "something else");
  ASSERT_TRUE(writer->PublishWrittenRanges(ObjectKey("f.ranges"), "f", {}, Soon()));
  const ParsedRanges parsed = ParseRanges(*store_.ContentOf("f.ranges"));
  EXPECT_EQ(parsed.fields.at("size"), std::to_string(3 * kPart));
  EXPECT_TRUE(parsed.written.empty());
}

TEST_F(WritePathTest, AnUploadStartsWithTheAttributesThatAreKnown) {
  const auto writer = Create("f");
  writer->NoteAttributes({.mode = 0600});
  WriteAll(*writer, RandomText(5 * kPart));
  const auto info = writer->Publish({.key = ObjectKey("f"), .attributes = {.mode = 0640}}, Soon());
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(info->attributes->mode, 0600U) << "the reply tells what the object has";
  EXPECT_EQ(store_.InfoOf("f")->attributes->mode, 0600U);
}

// Keeps other bytes than it was given, and says honestly what it keeps.
class DamagingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<ObjectInfo> Put(const PutRequest& request, const CallContext& context) override {
    const std::string damaged = Damaged(request.body);
    PutRequest other = request;
    other.body = AsBytes(damaged);
    return ForwardingStore::Put(other, context);
  }
  Result<PartReceipt> UploadPart(const UploadPartRequest& request,
                                 const CallContext& context) override {
    const std::string damaged = Damaged(request.body);
    UploadPartRequest other = request;
    other.body = AsBytes(damaged);
    auto receipt = ForwardingStore::UploadPart(other, context);
    if (receipt) receipt->crc32c = Crc32c(request.body);  // of what was sent
    return receipt;
  }

 private:
  static std::string Damaged(ByteSpan body) {
    std::string bytes(reinterpret_cast<const char*>(body.data()), body.size());
    bytes[0] ^= 1;
    return bytes;
  }
};

TEST_F(WritePathTest, WhatTheStoreKeepsWronglyIsNotPublished) {
  DamagingStore damaging(store_);
  const auto writes = WritePath::Create(damaging, *reads_, cache_.get(), *staging_, clock_, "r",
                                        {.part_size_bytes = kPart, .max_parallel_uploads = 4});
  for (const std::size_t size : {std::size_t{5}, std::size_t{3 * kPart}}) {
    const auto writer = *writes->Open({.key = ObjectKey("f"), .base = std::nullopt});
    WriteAll(*writer, std::string(size, 'x'));
    const auto info = Publish(*writer, "f");
    ASSERT_FALSE(info) << size;
    EXPECT_EQ(info.error().code, ErrorCode::kCorrupt);
    EXPECT_TRUE(writer->dirty());
    store_.Remove("f");
  }
}

TEST_F(WritePathTest, AFailedPartIsSentAgainByTheNextPublication) {
  const auto writer = Create("f");
  const std::string text = RandomText(4 * kPart);
  store_.script().FailNext(StoreOp::kUploadPart, testing::LostReply(), 4);
  WriteAll(*writer, text);
  for (int attempt = 0; attempt < 4; ++attempt) {
    if (Publish(*writer, "f")) break;
  }
  EXPECT_EQ(store_.ContentOf("f"), text);
}

TEST_F(WritePathTest, AFailedPublicationKeepsTheDataAndCanBeRepeated) {
  const auto writer = Create("f");
  WriteAll(*writer, "data");
  store_.script().FailNext(StoreOp::kPut, testing::LostReply());
  EXPECT_FALSE(Publish(*writer, "f"));
  EXPECT_TRUE(writer->dirty());
  EXPECT_TRUE(Publish(*writer, "f"));
  EXPECT_EQ(store_.ContentOf("f"), "data");
}

TEST_F(WritePathTest, AFileLargerThanStagingIsWrittenInSequence) {
  Start(6 * kPart);
  const auto writer = Create("f");
  const std::string text = RandomText(40 * kPart + 5);
  WriteAll(*writer, text);
  EXPECT_LE(staging_->used_bytes(), 6 * kPart);
  const auto gone = ReadBack(*writer, 0, 10);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kNoSpace);
  const Status rewritten = writer->Write(0, AsBytes("x"), Soon());
  ASSERT_FALSE(rewritten);
  EXPECT_EQ(rewritten.error().code, ErrorCode::kNoSpace);
  ASSERT_TRUE(Publish(*writer, "f"));
  EXPECT_EQ(store_.ContentOf("f"), text);
  EXPECT_EQ(*ReadBack(*writer, 0, 10), text.substr(0, 10)) << "published bytes come from the store";
}

TEST_F(WritePathTest, StagingFullOfPublishedBytesMakesRoomForOthers) {
  Start(6 * kPart);
  const auto first = Create("first");
  const std::string text = RandomText(5 * kPart);
  WriteAll(*first, text);
  ASSERT_TRUE(Publish(*first, "first"));
  const auto second = Create("second");
  WriteAll(*second, text);
  ASSERT_TRUE(Publish(*second, "second"));
  EXPECT_EQ(store_.ContentOf("second"), text);
  EXPECT_EQ(*ReadBack(*first, 0, 100), text.substr(0, 100));
}

TEST_F(WritePathTest, ARenamedFileIsPublishedUnderItsNewName) {
  const auto writer = Create("old");
  const std::string text = RandomText(5 * kPart);
  WriteAll(*writer, text);
  ASSERT_TRUE(Publish(*writer, "new"));
  EXPECT_EQ(store_.ContentOf("new"), text);
  EXPECT_FALSE(store_.InfoOf("old"));
}

TEST_F(WritePathTest, ARenamedFileThatLeftStagingIsCommittedAndMoved) {
  Start(6 * kPart);
  const auto writer = Create("old");
  const std::string text = RandomText(20 * kPart);
  WriteAll(*writer, text);
  ASSERT_TRUE(Publish(*writer, "new"));
  EXPECT_EQ(store_.ContentOf("new"), text);
  EXPECT_FALSE(store_.InfoOf("old"));
  WriteAll(*writer, "more", text.size());
  ASSERT_TRUE(Publish(*writer, "new"));
  EXPECT_EQ(store_.ContentOf("new"), text + "more");
}

TEST_F(WritePathTest, RebasingAdoptsTheVersionOfAnAttributeChange) {
  store_.PutText("f", "abc");
  const auto writer = OpenExisting("f");
  WriteAll(*writer, "X");
  const auto info =
      store_.SetAttributes({.key = ObjectKey("f"), .attributes = {.mode = 0600}}, Soon());
  writer->RebaseTo(*info);
  ASSERT_TRUE(Publish(*writer, "f"));
  EXPECT_EQ(store_.ContentOf("f"), "Xbc");
}

TEST_F(WritePathTest, AnAbandonedWriterAbortsItsUpload) {
  {
    const auto writer = Create("f");
    WriteAll(*writer, RandomText(5 * kPart));
  }
  writes_.reset();  // joins the threads
  EXPECT_EQ(store_.open_uploads(), 0U);
  EXPECT_FALSE(store_.InfoOf("f"));
  EXPECT_EQ(staging_->used_bytes(), 0U);
}

TEST_F(WritePathTest, PublishingEndsAtItsDeadline) {
  const auto writer = Create("f");
  ASSERT_TRUE(writer->Truncate(5 * kPart, Soon()));  // nothing is sent before it is published
  store_.script().Block(StoreOp::kUploadPart);
  Result<ObjectInfo> published = Fail(ErrorCode::kInternal, "");
  std::thread thread([&] { published = Publish(*writer, "f"); });
  store_.script().WaitForBlocked(StoreOp::kUploadPart, 1);
  clock_.Advance(std::chrono::minutes(2));
  thread.join();
  store_.script().Release(StoreOp::kUploadPart);
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::kTimedOut);
  ASSERT_TRUE(Publish(*writer, "f"));
}

TEST_F(WritePathTest, ASmallFileThatFindsAllPartBuffersTakenEndsAtItsDeadline) {
  const auto large = Create("large");
  store_.script().Block(StoreOp::kUploadPart);
  WriteAll(*large, RandomText(6 * kPart));
  store_.script().WaitForBlocked(StoreOp::kUploadPart, 4);
  const auto small = Create("small");
  WriteAll(*small, "data");
  const auto published =
      small->Publish({.key = ObjectKey("small"), .attributes = {}}, {.deadline = clock_.Now()});
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::kTimedOut);
  store_.script().Release(StoreOp::kUploadPart);
  EXPECT_TRUE(Publish(*small, "small"));
}

TEST_F(WritePathTest, ACloseDuringAWriteThatWaitsForRoomEndsAtItsDeadline) {
  Start(8 * kPart);
  const auto holder = Create("holder");
  ASSERT_TRUE(holder->Write(0, AsBytes(RandomText(4 * kPart)), Soon()));
  const auto writer = Create("f");
  ASSERT_TRUE(Publish(*writer, "f"));  // until the write below comes, publishing has nothing to do
  store_.script().Block(StoreOp::kUploadPart);
  Status written;
  std::thread program([&] { written = writer->Write(0, AsBytes(RandomText(6 * kPart)), Soon()); });
  bool ended_late = false;
  while (!ended_late) {
    const auto published =
        writer->Publish({.key = ObjectKey("f"), .attributes = {}}, {.deadline = clock_.Now()});
    ended_late = !published && published.error().code == ErrorCode::kTimedOut;
  }
  clock_.Advance(std::chrono::minutes(2));
  program.join();
  EXPECT_FALSE(written);
  store_.script().Release(StoreOp::kUploadPart);
}

TEST_F(WritePathTest, ManyWritersAtTheBoundOfStagingDoNotWaitForEachOther) {
  Start(8 * kPart);
  constexpr int kWriters = 10;
  const std::string text = RandomText(5 * kPart + 7);
  std::vector<std::thread> programs;
  for (int i = 0; i < kWriters; ++i) {
    programs.emplace_back([&, name = "f" + std::to_string(i)] {
      const auto writer = Create(name);
      WriteAll(*writer, text);
      const auto published = Publish(*writer, name);
      EXPECT_TRUE(published) << published.error().ToString();
    });
  }
  for (std::thread& program : programs) program.join();
  for (int i = 0; i < kWriters; ++i) EXPECT_EQ(store_.ContentOf("f" + std::to_string(i)), text);
}

TEST_F(WritePathTest, AFileOverTheStoresLimitIsRefusedAtOnce) {
  const auto writer = Create("f");
  const Status written = writer->Write(std::uint64_t{1} << 60, AsBytes("x"), Soon());
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kTooLarge);
  const Status grown = writer->Truncate(std::uint64_t{1} << 60, Soon());
  ASSERT_FALSE(grown);
  EXPECT_EQ(grown.error().code, ErrorCode::kTooLarge);
}

class AppendingWritePathTest : public WritePathTest {
 protected:
  AppendingWritePathTest() : WritePathTest(SmallParts(testing::HierarchicalCapabilities())) {}
};

TEST_F(AppendingWritePathTest, AppendingDoesNotDownloadWhatIsThere) {
  const std::string text = RandomText(10 * kPart);
  store_.PutText("f", text);
  const auto writer = OpenExisting("f");
  WriteAll(*writer, "the end", text.size());
  ASSERT_TRUE(Publish(*writer, "f"));
  EXPECT_EQ(store_.ContentOf("f"), text + "the end");
  EXPECT_EQ(store_.bytes_read(), 0U);
  EXPECT_EQ(store_.bytes_written(), 7U);
}

TEST_F(AppendingWritePathTest, AChangeBeforeTheAppendedBytesIsNotLost) {
  std::string text = RandomText(3 * kPart);
  store_.PutText("f", text);
  const auto writer = OpenExisting("f");
  const std::string more = RandomText(4 * kPart, 2);
  WriteAll(*writer, more, text.size());
  WriteAll(*writer, "X", 5);
  text[5] = 'X';
  ASSERT_TRUE(Publish(*writer, "f"));
  EXPECT_EQ(store_.ContentOf("f"), text + more);
}

// Random changes, reads and publications against a plain string.
class WritePathModel : public WritePathTest {
 protected:
  explicit WritePathModel(Capabilities capabilities)
      : WritePathTest(SmallParts(std::move(capabilities))) {}

  void Play(unsigned seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_.seed(seed);
    model_ = RandomText(random_() % (6 * kPart), seed);
    store_.PutText("f", model_);
    auto writer = OpenExisting("f");
    for (int step = 0; step < 60 && !HasFailure(); ++step) {
      const unsigned what = random_() % 10;
      if (what < 5) Change(*writer);
      if (what == 5) Truncate(*writer);
      if (what >= 6 && what < 8) Check(*writer);
      if (what >= 8) Publish(*writer);
      if (step == 40) writer = Reopen(std::move(writer));
    }
    Publish(*writer);
  }

 private:
  void Change(FileWriter& writer) {
    const std::uint64_t offset = random_() % (8 * kPart);
    const std::string text = RandomText(1 + random_() % (2 * kPart), random_());
    ASSERT_TRUE(writer.Write(offset, AsBytes(text), Soon()));
    if (model_.size() < offset + text.size()) model_.resize(offset + text.size(), '\0');
    model_.replace(offset, text.size(), text);
  }
  void Truncate(FileWriter& writer) {
    const std::uint64_t size = random_() % (8 * kPart);
    ASSERT_TRUE(writer.Truncate(size, Soon()));
    model_.resize(size, '\0');
  }
  void Check(FileWriter& writer) {
    ASSERT_EQ(writer.size_bytes(), model_.size());
    const std::uint64_t offset = random_() % (9 * kPart);
    const std::size_t size = random_() % (3 * kPart);
    const auto text = ReadBack(writer, offset, size);
    ASSERT_TRUE(text) << text.error().ToString();
    ASSERT_TRUE(*text == (offset < model_.size() ? model_.substr(offset, size) : ""))
        << offset << " " << size;
  }
  void Publish(FileWriter& writer) {
    const auto published = WritePathTest::Publish(writer, "f");
    ASSERT_TRUE(published) << published.error().ToString();
    ASSERT_TRUE(store_.ContentOf("f") == model_);
    ASSERT_FALSE(writer.dirty());
  }
  std::unique_ptr<FileWriter> Reopen(std::unique_ptr<FileWriter> writer) {
    Publish(*writer);
    writer.reset();
    return OpenExisting("f");
  }

  std::mt19937_64 random_;
  std::string model_;
};

class FlatWritePathModel : public WritePathModel {
 protected:
  FlatWritePathModel() : WritePathModel(testing::OciLikeCapabilities()) {}
};
class AppendingWritePathModel : public WritePathModel {
 protected:
  AppendingWritePathModel() : WritePathModel(testing::HierarchicalCapabilities()) {}
};

TEST_F(FlatWritePathModel, AgreesWithAPlainString) {
  for (unsigned seed = 0; seed < 12; ++seed) Play(seed);
}

TEST_F(AppendingWritePathModel, AgreesWithAPlainString) {
  for (unsigned seed = 100; seed < 112; ++seed) Play(seed);
}

}  // namespace
}  // namespace skybridge::fuse
