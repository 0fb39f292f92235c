#include "fuse/names/inode_table.h"

#include <gtest/gtest.h>

namespace skybridge::fuse {
namespace {

constexpr InodeNumber kIno{7};

class InodeTableTest : public ::testing::Test {
 protected:
  std::shared_ptr<OpenFile> File(std::string name, InodeNumber ino = kIno) const {
    return std::make_shared<OpenFile>(
        remote,
        cache::InodeRecord{.ino = ino, .parent = InodeNumber::kRoot, .name = std::move(name)},
        FileState::kNew);
  }

  const Remote remote{.name = "test"};
  InodeTable table;
};

TEST_F(InodeTableTest, AllUsersOfAnInodeShareOneOpenFileUntilTheLastCloses) {
  const auto first = table.Open(kIno, [&] { return File("a"); });
  const auto second = table.Open(kIno, [&] { return File("another"); });
  EXPECT_EQ(first, second);
  table.Close(kIno);
  EXPECT_EQ(table.FindOpen(kIno), first);
  EXPECT_EQ(table.closed_files(), 0U);
  table.Close(kIno);
  EXPECT_EQ(table.FindOpen(kIno), nullptr);
  EXPECT_EQ(table.closed_files(), 1U);
}

TEST_F(InodeTableTest, AFileThatWasNotMadeIsNotOpen) {
  EXPECT_EQ(table.Open(kIno, [] { return nullptr; }), nullptr);
  EXPECT_EQ(table.FindOpen(kIno), nullptr);
  EXPECT_TRUE(table.AllOpen().empty());
  table.Close(kIno);
  EXPECT_EQ(table.closed_files(), 0U);
}

TEST_F(InodeTableTest, UnpublishedFilesAreFoundByNameAndListedInOrder) {
  const auto b = File("b"), a = File("a"), elsewhere = File("c");
  table.AddUnpublished(InodeNumber::kRoot, "b", b);
  table.AddUnpublished(InodeNumber::kRoot, "a", a);
  table.AddUnpublished(InodeNumber{9}, "c", elsewhere);
  EXPECT_EQ(table.FindUnpublished(InodeNumber::kRoot, "a"), a);
  EXPECT_EQ(table.FindUnpublished(InodeNumber::kRoot, "c"), nullptr);
  const auto here = table.UnpublishedIn(InodeNumber::kRoot);
  ASSERT_EQ(here.size(), 2U);
  EXPECT_EQ(here[0].first, "a");
  EXPECT_EQ(here[1].first, "b");
  table.RemoveUnpublished(InodeNumber::kRoot, "a");
  EXPECT_EQ(table.FindUnpublished(InodeNumber::kRoot, "a"), nullptr);
  EXPECT_EQ(table.unpublished_count(), 2U);
}

}  // namespace
}  // namespace skybridge::fuse
