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

TEST_P(ObjectStoreContract, RefusesWhatIsNoPath) {
  for (const char* path : {"a//b", "/a", "a/", "..", "../a", "a/../b", "a/.", "."}) {
    const auto put = store_.Put({.key = Key(path), .body = AsBytes("x")}, Context());
    ASSERT_FALSE(put) << path;
    EXPECT_EQ(put.error().code, ErrorCode::kInvalidName) << path;
  }
  EXPECT_EQ(Names({.recursive = true}), std::vector<std::string>{});
}

}  // namespace
}  // namespace skybridge::testing
