#include "fuse/names/inode_table.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/direct_paths.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"

namespace skybridge::fuse {
namespace {

constexpr InodeNumber kOne{7};
constexpr InodeNumber kOther{8};

class InodeTableTest : public ::testing::Test {
 protected:
  std::shared_ptr<OpenFile> MakeFile(InodeNumber ino) {
    cache::InodeRecord record{.ino = ino,
                              .parent = InodeNumber::kRoot,
                              .name = "a",
                              .size_bytes = 3,
                              .etag = store_.PutText("a", "one").value,
                              .attributes_known = true};
    return std::make_shared<OpenFile>(remote_, std::move(record), FileState::kPublished);
  }

  skybridge::testing::FakeClock clock_;
  skybridge::testing::FakeObjectStore store_{clock_};
  skybridge::testing::DirectReadPath reads_{store_};
  skybridge::testing::DirectWritePath writes_{store_};
  const Remote remote_{.name = "test", .store = &store_, .reads = &reads_, .writes = &writes_};
  InodeTable table_;
};

TEST_F(InodeTableTest, HasOneOpenFileForAllUsersOfAnInode) {
  const auto make = [&] { return MakeFile(kOne); };
  const auto first = table_.Open(kOne, make);
  EXPECT_EQ(table_.Open(kOne, make), first);
  EXPECT_EQ(table_.FindOpen(kOne), first);
  EXPECT_EQ(table_.FindOpen(kOther), nullptr);
  table_.Close(kOne);
  EXPECT_EQ(table_.FindOpen(kOne), first) << "one user is left";
  EXPECT_EQ(table_.closed_files(), 0U);
  table_.Close(kOne);
  EXPECT_EQ(table_.FindOpen(kOne), nullptr);
  EXPECT_EQ(table_.closed_files(), 1U);
  table_.Close(kOne);
  EXPECT_EQ(table_.closed_files(), 1U) << "nothing was open";
  EXPECT_NE(table_.Open(kOne, make), first);
}

TEST_F(InodeTableTest, HasNoOpenFileThatCouldNotBeMade) {
  EXPECT_EQ(table_.Open(kOne, [] { return nullptr; }), nullptr);
  EXPECT_EQ(table_.FindOpen(kOne), nullptr);
  EXPECT_TRUE(table_.AllOpen().empty());
}

TEST_F(InodeTableTest, ListsWhatIsOpen) {
  const auto one = table_.Open(kOne, [&] { return MakeFile(kOne); });
  const auto other = table_.Open(kOther, [&] { return MakeFile(kOther); });
  auto open = table_.AllOpen();
  std::sort(open.begin(), open.end());
  auto expected = std::vector{one, other};
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(open, expected);
}

TEST_F(InodeTableTest, FindsUnpublishedFilesByTheirDirectoryInOrder) {
  const auto file = MakeFile(kOne);
  const auto other = MakeFile(kOther);
  EXPECT_EQ(table_.FindUnpublished(kOne, "b"), nullptr);
  table_.AddUnpublished(kOne, "b", file);
  table_.AddUnpublished(kOne, "a", other);
  table_.AddUnpublished(kOther, "0", other);
  EXPECT_EQ(table_.FindUnpublished(kOne, "b"), file);
  EXPECT_EQ(table_.FindUnpublished(kOther, "b"), nullptr);
  const auto in_one = table_.UnpublishedIn(kOne);
  ASSERT_EQ(in_one.size(), 2U);
  EXPECT_EQ(in_one.at(0), std::pair(std::string("a"), other));
  EXPECT_EQ(in_one.at(1), std::pair(std::string("b"), file));
  table_.RemoveUnpublished(kOne, "b");
  EXPECT_EQ(table_.FindUnpublished(kOne, "b"), nullptr);
  EXPECT_EQ(table_.unpublished_count(), 2U);
}

}  // namespace
}  // namespace skybridge::fuse
