#include "fuse/open/open_file.h"

#include <gtest/gtest.h>

#include "tests/support/direct_paths.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"

namespace skybridge::fuse {
namespace {

using skybridge::testing::FakeClock;
using skybridge::testing::FakeObjectStore;

class OpenFileTest : public ::testing::Test {
 protected:
  static cache::InodeRecord Record(const ETag& etag, std::uint64_t size_bytes) {
    return {.ino = InodeNumber{7},
            .parent = InodeNumber::kRoot,
            .name = "a",
            .size_bytes = size_bytes,
            .etag = etag.value,
            .attributes_known = true};
  }
  OpenFile::PrepareRequest Request(bool write, bool truncate = false) const {
    return {.hold = [] { return OpenFile::HeldKey{.key = ObjectKey("a")}; },
            .write = write,
            .truncate = truncate,
            .now = clock.WallNow()};
  }
  bool Write(std::string_view text) {
    return file.Write(0, AsBytes(text), false, clock.WallNow(), {}).has_value();
  }
  std::string Read() {
    std::string text(100, '\0');
    text.resize(file.Read(0, std::as_writable_bytes(std::span(text)), {}).value());
    return text;
  }

  FakeClock clock;
  FakeObjectStore store{clock};
  skybridge::testing::DirectReadPath reads{store};
  skybridge::testing::DirectWritePath writes{store};
  const Remote remote{.name = "test", .store = &store, .reads = &reads, .writes = &writes};
  OpenFile file{remote, Record(store.PutText("a", "one"), 3), FileState::kPublished};
};

// The last close of one handle comes between what the next open does: its writer is not idle.
TEST_F(OpenFileTest, WhoeverHasTheRightToWriteKeepsTheWriter) {
  auto first = file.Prepare(Request(true), {}).value();
  const auto second = file.Prepare(Request(true), {}).value();
  first.reset();
  file.DropIdleWriter(ObjectKey("a"));
  ASSERT_TRUE(Write("two"));
  EXPECT_EQ(Read(), "two");
}

TEST_F(OpenFileTest, AnIdleWriterIsDroppedOnceNobodyMayWrite) {
  auto right = file.Prepare(Request(true), {}).value();
  EXPECT_EQ(file.writers(), 1U);
  right.reset();
  EXPECT_EQ(file.writers(), 0U);
  file.DropIdleWriter(ObjectKey("a"));
  EXPECT_EQ(file.view().writer, nullptr);
  EXPECT_EQ(Read(), "one");
}

TEST_F(OpenFileTest, AReaderGetsNoRightToWrite) {
  EXPECT_EQ(file.Prepare(Request(false), {}).value(), nullptr);
  EXPECT_EQ(file.writers(), 0U);
}

TEST_F(OpenFileTest, AFailedOpenLeavesNoRightBehind) {
  file.SetState(FileState::kLost);
  EXPECT_FALSE(file.Prepare(Request(true), {}));
  EXPECT_EQ(file.writers(), 0U);
}

TEST_F(OpenFileTest, WhatIsNotPublishedIsNeverDropped) {
  auto right = file.Prepare(Request(true, true), {}).value();
  right.reset();
  file.DropIdleWriter(ObjectKey("a"));
  EXPECT_NE(file.view().writer, nullptr);
  EXPECT_EQ(file.view().record.size_bytes, 0U);
}

}  // namespace
}  // namespace skybridge::fuse
