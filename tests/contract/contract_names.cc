#include "tests/contract/object_store_contract.h"

namespace skybridge::testing {
namespace {

TEST_P(ObjectStoreContract, OddNamesAreNamesLikeOthers) {
  for (const char* name :
       {"with space", "plus+sign", "100%", "%41%2f", "hash#query?a&b=c;d", "ünïcode 日本",
        ".hidden", "..two", "a..b", "quotes'\"", "tilde~,colon:", "[x]{y}|<z>^`", "*", "-rf"}) {
    const std::string path = std::string("dir ") + name + "/" + name;
    SCOPED_TRACE(path);
    Put(path, name);
    EXPECT_EQ(Read(path), name);
    EXPECT_EQ(Names({.directory = Key(path).parent()}), std::vector<std::string>{path});
    EXPECT_EQ(store_.Head(Key(path).parent(), Context())->kind, NodeKind::kDirectory);
    if (!can().can_rename) continue;
    const auto renamed =
        store_.Rename({.source = Key(path), .destination = Key(path + "2")}, Context());
    EXPECT_TRUE(renamed) << renamed.error().ToString();
    EXPECT_EQ(Read(path + "2"), name);
    const DeleteRequest requests[] = {{.key = Key(path + "2")}};
    EXPECT_TRUE(store_.DeleteMany(requests, Context()).at(0));
    EXPECT_FALSE(Exists(path + "2"));
  }
}

TEST_P(ObjectStoreContract, NamesDifferByCaseAndUnicodeForm) {
  for (const char* name : {"readme", "README", "\xc3\xa9", "e\xcc\x81"}) Put(name, name);
  for (const char* name : {"readme", "README", "\xc3\xa9", "e\xcc\x81"})
    EXPECT_EQ(Read(name), name);
}

TEST_P(ObjectStoreContract, WhatIsNoPlainPathIsHeldAsItIsOrRefused) {
  for (const char* name : {"a//b", "/a", "a/", "..", "../a", "a/../b", "a/.", ".", "c//", "//"}) {
    SCOPED_TRACE(name);
    const ObjectKey key = ObjectKey::FromFlatName(name);
    const auto put = store_.Put({.key = key, .body = AsBytes(name)}, Context());
    if (!put) {
      EXPECT_EQ(put.error().code, ErrorCode::kInvalidName) << put.error().ToString();
      continue;
    }
    EXPECT_TRUE(can().any_key_parts);
    EXPECT_EQ(Names({.recursive = true}), std::vector<std::string>{key.path});
    EXPECT_EQ(Names({.directory = key.parent()}), std::vector<std::string>{key.path});
    EXPECT_EQ(Read(key.path), name);
    EXPECT_EQ(store_.Head(key, Context())->kind, NodeKind::kFile);
    if (!key.parent().is_root()) {
      EXPECT_EQ(store_.HeadDirectory(key.parent(), Context())->kind, NodeKind::kDirectory);
    }
    if (!can().can_delete) return;
    EXPECT_TRUE(store_.Delete({.key = key, .if_match = put->etag}, Context()));
    EXPECT_FALSE(Exists(key.path));
  }
  EXPECT_EQ(store_.Put({.key = Key("/a"), .body = AsBytes("x")}, Context()).error().code,
            ErrorCode::kInvalidName)
      << "no key is spelt so";
  EXPECT_EQ(Names({.recursive = true}), std::vector<std::string>{});
}

// What is under a directory's marker's name is content where it has bytes.
TEST_P(ObjectStoreContract, ContentWithAMarkersNameIsNeverTakenForTheMarker) {
  if (!can().any_key_parts || !can().can_rename) return;
  const ObjectKey content = Key("d").child("");
  ASSERT_TRUE(store_.Put({.key = content, .body = AsBytes("bytes")}, Context()));
  Put("d/x", "x");
  EXPECT_EQ(store_.HeadDirectory(Key("d"), Context())->kind, NodeKind::kDirectory);
  EXPECT_EQ(store_.RemoveDirectory(Key("d"), Context()).error().code, ErrorCode::kNotEmpty);
  const auto changed = store_.SetAttributes(
      {.key = Key("d"), .kind = NodeKind::kDirectory, .attributes = {.mode = 0700}}, Context());
  if (!changed) {
    EXPECT_EQ(changed.error().code, ErrorCode::kNotSupported);
  }
  ASSERT_TRUE(store_.Rename(
      {.source = Key("d"), .destination = Key("e"), .kind = NodeKind::kDirectory}, Context()));
  EXPECT_EQ(Read(Key("e").child("").path), "bytes");
  EXPECT_EQ(Read("e/x"), "x");
  EXPECT_FALSE(Exists("d"));
}

}  // namespace
}  // namespace skybridge::testing
