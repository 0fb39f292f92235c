#include <algorithm>

#include "tests/contract/object_store_contract.h"

namespace skybridge::testing {
namespace {

using Strings = std::vector<std::string>;

TEST_P(ObjectStoreContract, ListsOneLevel) {
  Put("a/x", "1");
  Put("a/sub/y", "1");
  Put("a-b", "1");
  Put("ab/z", "1");
  EXPECT_EQ(Names({}), (Strings{"a-b", "a/", "ab/"}));
  EXPECT_EQ(Names({.directory = Key("a")}), (Strings{"a/sub/", "a/x"}));
  EXPECT_EQ(Names({.directory = Key("a/sub")}), Strings{"a/sub/y"});
}

TEST_P(ObjectStoreContract, ListsEverythingBelow) {
  Put("top/a/x", "1");
  Put("top/a-b", "1");
  Put("other", "1");
  ASSERT_TRUE(store_.MakeDirectory({.key = Key("top/empty")}, Context()));
  Strings expected = {"top/a-b", "top/a/x", "top/empty/"};
  if (can().real_directories) expected.insert(expected.begin() + 1, "top/a/");
  EXPECT_EQ(Names({.directory = Key("top"), .recursive = true}), expected);
}

TEST_P(ObjectStoreContract, ListsInPages) {
  for (int i = 0; i < 7; ++i) {
    Put("file " + std::to_string(i), "1");
    Put("dir " + std::to_string(i) + "/child", "1");
  }
  for (const bool recursive : {false, true}) {
    const Strings whole = Names({.recursive = recursive});
    EXPECT_EQ(whole.size(), recursive && can().real_directories ? 21u : 14u);
    EXPECT_EQ(Names({.recursive = recursive, .max_entries = 2}), whole);
    EXPECT_EQ(Names({.recursive = recursive, .max_entries = 1}), whole);
  }
}

TEST_P(ObjectStoreContract, ListsInTheOrderThatItPromises) {
  for (const char* path : {"b", "a/z", "a-b", "a0", "a/b/c", "a/b-c", "Z", "é"}) Put(path, "1");
  if (!can().list_is_sorted) return;
  Strings order;
  ListRequest request{.recursive = true, .max_entries = 3};
  do {
    const auto page = store_.List(request, Context());
    ASSERT_TRUE(page);
    for (const ObjectInfo& entry : page->entries) {
      order.push_back(entry.key.path + (entry.kind == NodeKind::kDirectory ? "/" : ""));
    }
    request.continuation = page->continuation;
  } while (!request.continuation.empty());
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end())) << ::testing::PrintToString(order);
}

TEST_P(ObjectStoreContract, ListsWhatHeadDescribes) {
  Put("dir/file", "content", SomeAttributes());
  const auto listed = ListAll({.directory = Key("dir")});
  ASSERT_EQ(listed.size(), 1u);
  const ObjectInfo& entry = listed.at("dir/file");
  const auto head = store_.Head(Key("dir/file"), Context());
  ASSERT_TRUE(head);
  EXPECT_EQ(entry.etag, head->etag);
  EXPECT_EQ(entry.size_bytes, head->size_bytes);
  EXPECT_EQ(entry.last_modified, head->last_modified);
  EXPECT_EQ(entry.attributes.has_value(), can().list_has_attributes);
  if (can().list_has_attributes) {
    EXPECT_EQ(entry.attributes, head->attributes);
  }
}

TEST_P(ObjectStoreContract, ListsLinksAsLinksWhereItCan) {
  ASSERT_TRUE(store_.Put(
      {.key = Key("link"), .kind = NodeKind::kSymlink, .body = AsBytes("to/where")}, Context()));
  const auto listed = ListAll({});
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed.at("link").size_bytes, 8u);
  if (can().list_has_attributes) {
    EXPECT_EQ(listed.at("link").kind, NodeKind::kSymlink);
  }
}

TEST_P(ObjectStoreContract, AnEmptyStoreListsNothing) {
  EXPECT_EQ(Names({}), Strings{});
  EXPECT_EQ(Names({.recursive = true}), Strings{});
}

TEST_P(ObjectStoreContract, AMissingDirectoryIsMissedWhereDirectoriesAreReal) {
  const auto page = store_.List({.directory = Key("nowhere")}, Context());
  if (can().real_directories) {
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code, ErrorCode::kNotFound);
  } else {
    ASSERT_TRUE(page);
    EXPECT_TRUE(page->entries.empty());
  }
}

}  // namespace
}  // namespace skybridge::testing
