#include "cache/rocks_db.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/temp_directory.h"

namespace skybridge::cache {
namespace {

using Keys = std::vector<std::string>;

class RocksDbTest : public ::testing::Test {
 protected:
  RocksDb::Options Options() {
    return {.path = temp_.Sub("db"),
            .name = "ledger",
            .format = "1",
            .identity = "lake",
            .when_full = RocksDb::WhenFull::kKeepInMemory,
            .free_bytes = [this]() -> Result<std::uint64_t> { return free_bytes_; }};
  }
  void Open(const RocksDb::Options& options) {
    db_.reset();
    auto opened = RocksDb::Open(options);
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = *std::move(opened);
  }
  Status Put(std::string_view key, std::string_view value) {
    RocksBatch batch;
    batch.Put(key, value);
    return db_->Write(batch);
  }
  Status Delete(std::string_view key) {
    RocksBatch batch;
    batch.Delete(key);
    return db_->Write(batch);
  }
  std::string Get(std::string_view key) { return db_->Get(key)->value_or("nothing"); }
  Keys KeysFrom(std::string_view prefix, std::string_view from) {
    Keys keys;
    EXPECT_TRUE(db_->Scan(prefix, from, [&](std::string_view key, std::string_view) {
      keys.emplace_back(key);
      return true;
    }));
    return keys;
  }

  testing::TempDirectory temp_;
  std::uint64_t free_bytes_ = std::uint64_t{1} << 40;
  std::unique_ptr<RocksDb> db_;
};

TEST_F(RocksDbTest, KeepsWhatIsWritten) {
  Open(Options());
  ASSERT_TRUE(Put("a1", "x"));
  ASSERT_TRUE(Put("a2", "y"));
  ASSERT_TRUE(Put("b1", "z"));
  ASSERT_TRUE(Delete("a1"));
  Open(Options());
  EXPECT_EQ(Get("a1"), "nothing");
  EXPECT_EQ(Get("a2"), "y");
  EXPECT_EQ(KeysFrom("a", "a"), Keys{"a2"});
  EXPECT_EQ(*db_->LastUpTo("b"), "a2");
}

TEST_F(RocksDbTest, OnAFullDiskChangesAreKeptInMemoryAndRead) {
  Open(Options());
  for (const char* key : {"a1", "a3", "a5"}) ASSERT_TRUE(Put(key, "disk"));
  free_bytes_ = 0;
  ASSERT_TRUE(Put("a2", "memory"));
  ASSERT_TRUE(Put("a3", "memory"));
  ASSERT_TRUE(Put("a6", "memory"));
  ASSERT_TRUE(Delete("a5"));
  ASSERT_TRUE(Delete("a9"));
  EXPECT_EQ(Get("a1"), "disk");
  EXPECT_EQ(Get("a3"), "memory");
  EXPECT_EQ(Get("a5"), "nothing");
  EXPECT_EQ(KeysFrom("a", "a"), (Keys{"a1", "a2", "a3", "a6"}));
  EXPECT_EQ(KeysFrom("a", "a3"), (Keys{"a3", "a6"}));
  EXPECT_EQ(*db_->LastUpTo("a9"), "a6");
  EXPECT_EQ(*db_->LastUpTo("a5"), "a3");
  EXPECT_EQ(*db_->LastUpTo("a1"), "a1");
  EXPECT_EQ(*db_->LastUpTo("a0"), std::nullopt);
  EXPECT_EQ(db_->WriteUnwritten().error().code, ErrorCode::kNoSpace);
}

TEST_F(RocksDbTest, WhatWasKeptInMemoryIsWrittenWhenThereIsRoomAgain) {
  Open(Options());
  ASSERT_TRUE(Put("a1", "disk"));
  free_bytes_ = 0;
  ASSERT_TRUE(Put("a2", "memory"));
  ASSERT_TRUE(Delete("a1"));
  free_bytes_ = std::uint64_t{1} << 40;
  ASSERT_TRUE(Put("a3", "disk"));
  Open(Options());
  EXPECT_EQ(KeysFrom("a", "a"), (Keys{"a2", "a3"}));
}

TEST_F(RocksDbTest, WhatIsNeverWrittenIsLostWithTheProcess) {
  Open(Options());
  free_bytes_ = 0;
  ASSERT_TRUE(Put("a1", "memory"));
  free_bytes_ = std::uint64_t{1} << 40;
  Open(Options());
  EXPECT_EQ(Get("a1"), "nothing");
}

TEST_F(RocksDbTest, TheMemoryForUnwrittenChangesIsBounded) {
  RocksDb::Options options = Options();
  options.max_unwritten_bytes = 1 << 20;
  Open(options);
  free_bytes_ = 0;
  const std::string value(100'000, 'v');
  int written = 0;
  while (written < 100 && Put("k" + std::to_string(written), value)) ++written;
  EXPECT_GE(written, 10);
  EXPECT_LE(written, 12);
  EXPECT_EQ(Put("more", "v").error().code, ErrorCode::kNoSpace);
  free_bytes_ = std::uint64_t{1} << 40;
  EXPECT_TRUE(Put("more", "v"));
}

TEST_F(RocksDbTest, TheOwnerIsAskedBeforeUnwrittenChangesAreWritten) {
  bool settled = false;
  RocksDb::Options options = Options();
  options.before_unwritten = [&]() -> Status {
    if (settled) return {};
    return Fail(ErrorCode::kNoSpace, "not yet");
  };
  Open(options);
  free_bytes_ = 0;
  ASSERT_TRUE(Put("a1", "memory"));
  free_bytes_ = std::uint64_t{1} << 40;
  EXPECT_FALSE(db_->WriteUnwritten());
  ASSERT_TRUE(Put("a2", "memory"));
  settled = true;
  EXPECT_TRUE(db_->WriteUnwritten());
  Open(Options());
  EXPECT_EQ(KeysFrom("a", "a"), (Keys{"a1", "a2"}));
}

TEST_F(RocksDbTest, ADatabaseThatMustBeOnDiskFailsOnAFullOne) {
  RocksDb::Options options = Options();
  options.when_full = RocksDb::WhenFull::kFail;
  Open(options);
  free_bytes_ = 0;
  EXPECT_EQ(Put("a1", "x").error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(Get("a1"), "nothing");
  free_bytes_ = std::uint64_t{1} << 40;
  EXPECT_TRUE(Put("a1", "x"));
}

TEST_F(RocksDbTest, ADatabaseOfAnotherFormatOrIdentityIsRefusedAndKept) {
  Open(Options());
  ASSERT_TRUE(Put("a1", "x"));
  db_.reset();
  RocksDb::Options other = Options();
  other.format = "2";
  EXPECT_EQ(RocksDb::Open(other).error().code, ErrorCode::kNotSupported);
  other = Options();
  other.identity = "sea";
  EXPECT_EQ(RocksDb::Open(other).error().code, ErrorCode::kNotSupported);
  Open(Options());
  EXPECT_EQ(Get("a1"), "x");
}

TEST_F(RocksDbTest, ADatabaseOfAnotherIdentityIsEmptiedIfItsOwnerWantsThat) {
  Open(Options());
  ASSERT_TRUE(Put("a1", "x"));
  RocksDb::Options other = Options();
  other.identity = "sea";
  other.on_damage = RocksDb::OnDamage::kEmpty;
  Open(other);
  EXPECT_EQ(Get("a1"), "nothing");
}

TEST_F(RocksDbTest, ADamagedDatabaseIsRefusedAndKept) {
  Open(Options());
  ASSERT_TRUE(Put("a1", "x"));
  db_.reset();
  std::ofstream(temp_.Sub("db/CURRENT")) << "nonsense";
  const auto opened = RocksDb::Open(Options());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(std::filesystem::exists(temp_.Sub("db/CURRENT")));
}

}  // namespace
}  // namespace skybridge::cache
