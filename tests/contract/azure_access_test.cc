// Access control lists of a hierarchical account: they outlive overwrites and cross with a copy.
#include <gtest/gtest.h>

#include "backends/azure/path_access.h"
#include "sync/pass/sync.h"
#include "tests/contract/azure_world.h"

namespace skybridge::testing {
namespace {

constexpr const char* kReader = "11111111-1111-1111-1111-111111111111";
const std::string kClosed =
    std::string("user::rw-,user:") + kReader + ":r--,group::---,mask::r--,other::---";

struct AccessWorld : AzureWorld {
  AccessWorld() : AzureWorld(true), telling(OpenTelling("")) {}

  std::unique_ptr<ObjectStore> OpenTelling(const std::string& root) {
    azure::Options options = MakeOptions(root);
    options.tell_access = true;
    return azure::OpenStore(options, transport, clock, {}).value();
  }
  Result<ObjectInfo> Put(const std::string& path, std::string_view text, Attributes attributes = {},
                         Conditions conditions = {}) {
    return store->Put({.key = ObjectKey(path),
                       .body = AsBytes(text),
                       .attributes = std::move(attributes),
                       .conditions = std::move(conditions)},
                      {});
  }
  // As an administrator does it: no new version.
  void Close(const std::string& path) {
    const auto set = telling->SetAttributes(
        {.key = ObjectKey(path),
         .attributes = {.access = AccessControl{.owner = "owner-of-it", .acl = kClosed}}},
        {});
    ASSERT_TRUE(set) << set.error().ToString();
  }
  AccessControl AccessOf(const std::string& path) {
    const auto info = telling->Head(ObjectKey(path), {});
    return info && info->attributes->access ? *info->attributes->access : AccessControl();
  }

  std::unique_ptr<ObjectStore> telling;
};

TEST(AzureAccess, AnOverwriteKeepsOwnerAndAcl) {
  AccessWorld world;
  ASSERT_TRUE(world.Put("d/f", "data"));
  world.Close("d/f");
  for (int round = 0; round < 3; ++round) {
    const auto head = world.store->Head(ObjectKey("d/f"), {});
    ASSERT_TRUE(head);
    const auto put = world.Put("d/f", "more data", {.mode = 0640}, {.if_match = head->etag});
    ASSERT_TRUE(put) << put.error().ToString();
    EXPECT_EQ(world.AccessOf("d/f").acl, kClosed);
    EXPECT_EQ(world.AccessOf("d/f").owner, "owner-of-it");
    EXPECT_EQ(world.store->Head(ObjectKey("d/f"), {})->etag, put->etag);
  }
}

TEST(AzureAccess, ALargeFileKeepsThemToo) {
  AccessWorld world;
  ASSERT_TRUE(world.Put("d/f", "data"));
  world.Close("d/f");
  const auto upload = world.store->StartUpload({.key = ObjectKey("d/f")}, {});
  ASSERT_TRUE(upload);
  const auto part = world.store->UploadPart({.upload = *upload,
                                             .key = ObjectKey("d/f"),
                                             .part_number = 1,
                                             .body = AsBytes("a new version")},
                                            {});
  ASSERT_TRUE(part);
  const auto made =
      world.store->CommitUpload({.upload = *upload, .key = ObjectKey("d/f"), .parts = {*part}}, {});
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_EQ(world.AccessOf("d/f").acl, kClosed);
}

TEST(AzureAccess, ADirectorysDefaultEntriesDoNotWidenAFileThatWasClosed) {
  AccessWorld world;
  ASSERT_TRUE(world.store->MakeDirectory({.key = ObjectKey("d"), .attributes = {}}, {}));
  const auto opened = world.telling->SetAttributes(
      {.key = ObjectKey("d"),
       .kind = NodeKind::kDirectory,
       .attributes = {.access =
                          AccessControl{.acl = "user::rwx,group::r-x,other::---,default:user::rwx,"
                                               "default:group::rwx,default:other::r--"}}},
      {});
  ASSERT_TRUE(opened) << opened.error().ToString();
  ASSERT_TRUE(world.Put("d/f", "data"));
  world.Close("d/f");
  ASSERT_TRUE(world.Put("d/f", "more"));
  EXPECT_EQ(world.AccessOf("d/f").acl, kClosed);
}

TEST(AzureAccess, ListingsTellThemWhereTheyAreAskedTo) {
  AccessWorld world;
  ASSERT_TRUE(world.Put("d/f", "data"));
  world.Close("d/f");
  const auto page = world.telling->List({.directory = ObjectKey("d")}, {});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 1U);
  EXPECT_EQ(page->entries[0].attributes->access->acl, kClosed);
  EXPECT_EQ(world.store->List({.directory = ObjectKey("d")}, {})->entries[0].attributes->access,
            std::nullopt);
}

TEST(AzureAccess, ACopyBetweenAccountsCarriesTheAclAndASecondPassMovesNothing) {
  AccessWorld world;
  ASSERT_TRUE(world.Put("from/sub/f", "data", {.mtime = world.clock.WallNow(), .mode = 0640}));
  ASSERT_TRUE(world.Put("from/sub/g", "open", {.mtime = world.clock.WallNow(), .mode = 0640}));
  world.Close("from/sub/f");
  ASSERT_TRUE(world.store->MakeDirectory({.key = ObjectKey("to"), .attributes = {}}, {}));
  const auto from = world.OpenTelling("from");
  const auto to = world.OpenTelling("to");
  const SyncOptions options{
      .source = {.store = *from}, .destination = {.store = *to}, .clock = world.clock};
  const auto first = Sync(options, {});
  ASSERT_TRUE(first) << first.error().ToString();
  EXPECT_EQ(first->files_copied, 2U);
  EXPECT_EQ(world.AccessOf("to/sub/f").acl, kClosed);
  EXPECT_EQ(world.AccessOf("to/sub/g").acl, world.AccessOf("from/sub/g").acl);
  const auto second = Sync(options, {});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->files_copied, 0U);
  EXPECT_EQ(second->attributes_updated, 0U);
  world.Close("from/sub/g");
  const auto third = Sync(options, {});
  ASSERT_TRUE(third);
  EXPECT_EQ(third->files_copied, 0U);
  EXPECT_EQ(third->attributes_updated, 1U);
  EXPECT_EQ(world.AccessOf("to/sub/g").acl, kClosed);
}

}  // namespace
}  // namespace skybridge::testing
