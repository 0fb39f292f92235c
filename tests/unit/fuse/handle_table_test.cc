#include "fuse/filesystem/handle_table.h"

#include <gtest/gtest.h>

namespace skybridge::fuse {
namespace {

TEST(HandleTable, NeverGivesANumberTwice) {
  HandleTable<int> table;
  const auto first = table.Add(std::make_shared<int>(1));
  EXPECT_EQ(*table.Remove(first), 1);
  const auto second = table.Add(std::make_shared<int>(2));
  EXPECT_NE(first, second);
  EXPECT_EQ(table.Find(first), nullptr);
  EXPECT_EQ(*table.Find(second), 2);
}

TEST(HandleTable, AHandleInUseLivesOnAfterItIsRemoved) {
  HandleTable<int> table;
  const auto id = table.Add(std::make_shared<int>(5));
  const auto in_use = table.Find(id);
  table.Remove(id);
  EXPECT_EQ(table.Remove(id), nullptr);
  EXPECT_EQ(*in_use, 5);
}

}  // namespace
}  // namespace skybridge::fuse
