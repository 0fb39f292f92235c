#include "sync/listing/sorted_listing.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "backends/forwarding_store.h"
#include "sync/listing/object_record.h"
#include "sync/listing/pairing.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"

namespace skybridge {
namespace {

using testing::FakeClock;
using testing::FakeObjectStore;
using testing::FlatCapabilities;
using testing::HierarchicalCapabilities;
using testing::OciLikeCapabilities;
using testing::StoreOp;
using Keys = std::vector<std::string>;

// Lists in the order of the store below, but says that it is sorted.
class ClaimsToBeSorted final : public ForwardingStore {
 public:
  explicit ClaimsToBeSorted(ObjectStore& store)
      : ForwardingStore(store), capabilities_(store.capabilities()) {
    capabilities_.list_is_sorted = true;
  }
  const Capabilities& capabilities() const override { return capabilities_; }

 private:
  Capabilities capabilities_;
};

class Listings : public ::testing::Test {
 protected:
  CallPolicy policy() { return {.clock = clock_}; }

  Keys ReadAll(SortedListing& listing) {
    Keys keys;
    for (;;) {
      const auto next = listing.Next();
      EXPECT_TRUE(next) << next.error().ToString();
      if (!next || !*next) return keys;
      keys.push_back(SortKey(**next));
    }
  }
  Keys ReadAll(ObjectStore& store, SortedListingOptions options = {}) {
    SortedListing listing(store, std::move(options), policy());
    return ReadAll(listing);
  }

  FakeClock clock_;
};

// Names whose order differs between a walk of the tree and the bytes of whole paths.
const Keys kAwkward = {"a",      "a!b", "a-b/x", "a.txt", "a/z",
                       "a/z!/q", "a0",  "b/c/d", "ä",     "日本/語"};

TEST_F(Listings, UnsortedStoresAreSortedByWholePaths) {
  FakeObjectStore store(clock_, {.capabilities = HierarchicalCapabilities(), .page_size = 2});
  for (const std::string& path : kAwkward) {
    if (path != "a") store.PutText(path, "x");
  }
  const Keys keys = ReadAll(store);
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(keys, (Keys{"a!b", "a-b/", "a-b/x", "a.txt", "a/", "a/z", "a/z!/", "a/z!/q", "a0", "b/",
                        "b/c/", "b/c/d", "ä", "日本/", "日本/語"}));
}

TEST_F(Listings, SortedStoresAreStreamedPageByPage) {
  FakeObjectStore store(clock_, {.capabilities = OciLikeCapabilities(), .page_size = 1});
  for (const std::string& path : kAwkward) store.PutText(path, "x");
  Keys expected = kAwkward;
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(ReadAll(store), expected);
}

TEST_F(Listings, RunsOnDiskGiveTheSameAsMemory) {
  FakeObjectStore store(clock_, {.capabilities = HierarchicalCapabilities(), .page_size = 7});
  for (int i = 0; i < 500; ++i) {
    store.PutText(fmt::format("d{}/f{}-{}", i % 7, (i * 7919) % 500, i % 3 == 0 ? "x" : "!"), "x",
                  {.mode = 0640U, .xattrs = {{"user.n", std::to_string(i)}}});
  }
  const Keys in_memory = ReadAll(store);
  EXPECT_EQ(in_memory.size(), 507U);
  EXPECT_EQ(ReadAll(store, {.run_bytes = 5000}), in_memory);
}

TEST_F(Listings, RecordsKeepEverything) {
  ObjectInfo info{.key = ObjectKey("a/ä"),
                  .kind = NodeKind::kSymlink,
                  .size_bytes = 12345678901ULL,
                  .etag = ETag("v1"),
                  .last_modified = clock_.WallNow(),
                  .attributes = Attributes{.mtime = clock_.WallNow(),
                                           .mode = 0640U,
                                           .uid = 1U,
                                           .xattrs = {{"user.x", std::string("\0\xff", 2)}},
                                           .foreign = {{"k", "v"}},
                                           .content = {.type = "a/b", .cache_control = "no"},
                                           .tier = "Cool",
                                           .access = AccessControl{.owner = "o", .acl = "a"}},
                  .digests = {.md5 = Md5({}), .crc32c = 7U}};
  const auto again = DecodeObjectRecord(EncodeObjectRecord(info));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->key, info.key);
  EXPECT_EQ(again->kind, info.kind);
  EXPECT_EQ(again->size_bytes, info.size_bytes);
  EXPECT_EQ(again->etag, info.etag);
  EXPECT_EQ(again->last_modified, info.last_modified);
  EXPECT_EQ(again->attributes, info.attributes);
  EXPECT_EQ(again->digests, info.digests);
  EXPECT_EQ(DecodeObjectRecord("nonsense").error().code, ErrorCode::kCorrupt);
}

TEST_F(Listings, AFailureMidwayIsAnErrorNotAShorterListing) {
  for (const Capabilities& capabilities : {HierarchicalCapabilities(), OciLikeCapabilities()}) {
    FakeObjectStore store(clock_, {.capabilities = capabilities, .page_size = 2});
    for (const char* name : {"a", "b", "c", "d", "e"}) store.PutText(name, "x");
    store.script().BeforeNext(StoreOp::kList, [] {});  // the first page comes
    store.script().FailNext(StoreOp::kList, {.code = ErrorCode::kUnavailable, .message = "gone"});
    SortedListing listing(store, {}, policy());
    Result<std::optional<ObjectInfo>> next = listing.Next();
    while (next && *next) next = listing.Next();
    ASSERT_FALSE(next) << capabilities.name;
    EXPECT_EQ(next.error().code, ErrorCode::kUnavailable);
    EXPECT_FALSE(listing.Next()) << "the error must stay";
  }
}

TEST_F(Listings, AStoreThatBreaksItsPromiseOfOrderIsNotTrusted) {
  FakeObjectStore store(clock_, {.capabilities = HierarchicalCapabilities(), .page_size = 2});
  store.PutText("a/z", "x");
  store.PutText("a!", "x");
  ClaimsToBeSorted liar(store);
  SortedListing listing(liar, {}, policy());
  Result<std::optional<ObjectInfo>> next = listing.Next();
  while (next && *next) next = listing.Next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, ErrorCode::kCorrupt);
}

TEST_F(Listings, KeysAreRelativeToTheRoot) {
  FakeObjectStore store(clock_);
  store.PutText("root/d/f", "x");
  store.PutText("rootless", "x");
  EXPECT_EQ(ReadAll(store, {.root = ObjectKey("root")}), (Keys{"d/", "d/f"}));
}

TEST_F(Listings, WhatIsTheMirrorsOwnIsLeftOutAtTheRootOfTheTreeAlone) {
  for (const Capabilities& kind : {HierarchicalCapabilities(), OciLikeCapabilities()}) {
    FakeObjectStore store(clock_, {.capabilities = kind, .page_size = 2});
    for (const char* path : {"t/.skybridge/mirror.lease", "t/.skybridge-trash/run/a",
                             "t/.skybridged", "t/b/.skybridge/c"}) {
      store.PutText(path, "x");
    }
    Keys files = ReadAll(store, {.root = ObjectKey("t")});
    std::erase_if(files, [](const std::string& key) { return key.ends_with('/'); });
    EXPECT_EQ(files, (Keys{".skybridged", "b/.skybridge/c"}));
  }
}

TEST_F(Listings, AMissingRootIsEmptyOnlyWhereThatIsAllowed) {
  FakeObjectStore store(clock_);
  EXPECT_EQ(ReadAll(store, {.root = ObjectKey("none"), .missing_root_is_empty = true}), Keys{});
  SortedListing strict(store, {.root = ObjectKey("none")}, policy());
  EXPECT_EQ(strict.Next().error().code, ErrorCode::kNotFound);
}

TEST_F(Listings, DestroyingAListingDoesNotWaitForItsPages) {
  FakeObjectStore store(clock_, {.capabilities = OciLikeCapabilities(), .page_size = 1});
  for (int i = 0; i < 20; ++i) store.PutText(fmt::format("f{:02}", i), "x");
  SortedListing listing(store, {}, policy());
  ASSERT_TRUE(listing.Next());
  store.script().Block(StoreOp::kList);
}

class Pairs : public Listings {
 protected:
  struct Row {
    std::string key;
    bool source, destination, implied, children;
    bool operator==(const Row&) const = default;
  };
  std::vector<Row> Walk(ObjectStore& source, ObjectStore& destination) {
    SortedListing a(source, {}, policy());
    SortedListing b(destination, {}, policy());
    Pairing pairing(a, b);
    std::vector<Row> rows;
    for (auto pair = pairing.Next(); pair && *pair; pair = pairing.Next()) {
      rows.push_back({SortKey((*pair)->any()), (*pair)->source.has_value(),
                      (*pair)->destination.has_value(), (*pair)->other_side_implies_it,
                      (*pair)->has_children});
    }
    return rows;
  }
};

TEST_F(Pairs, WalksBothSidesInOneOrder) {
  FakeObjectStore source(clock_, {.capabilities = OciLikeCapabilities(), .page_size = 2});
  FakeObjectStore destination(clock_, {.capabilities = OciLikeCapabilities(), .page_size = 1});
  for (const char* name : {"a", "b", "d"}) source.PutText(name, "x");
  for (const char* name : {"b", "c", "d", "e"}) destination.PutText(name, "x");
  EXPECT_EQ(Walk(source, destination), (std::vector<Row>{{"a", true, false, false, false},
                                                         {"b", true, true, false, false},
                                                         {"c", false, true, false, false},
                                                         {"d", true, true, false, false},
                                                         {"e", false, true, false, false}}));
}

TEST_F(Pairs, KnowsDirectoriesThatTheOtherSideOnlyImplies) {
  FakeObjectStore source(clock_, {.capabilities = HierarchicalCapabilities()});
  FakeObjectStore destination(clock_, {.capabilities = OciLikeCapabilities()});
  source.PutText("both/x", "x");
  destination.PutText("both/y", "x");
  ASSERT_TRUE(source.MakeDirectory({.key = ObjectKey("empty")}, {}));
  source.PutText("only/x", "x");
  EXPECT_EQ(Walk(source, destination), (std::vector<Row>{{"both/", true, false, true, true},
                                                         {"both/x", true, false, false, false},
                                                         {"both/y", false, true, false, false},
                                                         {"empty/", true, false, false, false},
                                                         {"only/", true, false, false, true},
                                                         {"only/x", true, false, false, false}}));
}

TEST_F(Listings, PagesThatGoRoundInCirclesAreAnError) {
  for (const Capabilities& kind : {FlatCapabilities(), HierarchicalCapabilities()}) {
    FakeObjectStore store(clock_, {.capabilities = kind, .page_size = 2, .endless_listings = true});
    for (const char* name : {"a", "b", "c", "d", "e"}) store.PutText(name, "x");
    SortedListing listing(store, {}, policy());
    Result<std::optional<ObjectInfo>> next = listing.Next();
    while (next && *next) next = listing.Next();
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code, ErrorCode::kCorrupt);
    EXPECT_LE(store.calls(StoreOp::kList), 4 * 3U);
  }
}

}  // namespace
}  // namespace skybridge
