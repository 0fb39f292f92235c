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

// "permissions": "account".
struct AccountWorld : AccessWorld {
  AccountWorld() : account(OpenWith(MakeIds())) {}

  static azure::AccountIds MakeIds() {
    return {.users = {{kReader, 1001}}, .groups = {}, .default_uid = 1000, .default_gid = 100};
  }
  std::unique_ptr<ObjectStore> OpenWith(azure::AccountIds ids) {
    azure::Options options = MakeOptions("");
    options.account_ids = std::make_shared<const azure::AccountIds>(std::move(ids));
    return azure::OpenStore(options, transport, clock, {}).value();
  }
  Result<ObjectInfo> Make(const std::string& path, std::uint32_t mode) {
    return account->Put({.key = ObjectKey(path),
                         .body = AsBytes("x"),
                         .attributes = {.mode = mode, .uid = 7, .gid = 7},
                         .conditions = {.if_match = {}, .must_not_exist = true}},
                        {});
  }

  std::unique_ptr<ObjectStore> account;
};

TEST(AzureAccountPermissions, ANewFileGetsWhatItsDirectoryGivesAndNoMoreThanWasAskedFor) {
  AccountWorld world;
  const auto open = world.Make("d/open", 0644);
  ASSERT_TRUE(open) << open.error().ToString();
  EXPECT_EQ(open->attributes->mode, 0640U) << "others get nothing in an account";
  EXPECT_EQ(open->attributes->uid, 1000U);
  const auto secret = world.Make("d/secret", 0600);
  ASSERT_TRUE(secret) << secret.error().ToString();
  EXPECT_EQ(secret->attributes->mode, 0600U);
  EXPECT_EQ(world.AccessOf("d/secret").acl, "user::rw-,group::---,other::---");
  const auto head = world.account->Head(ObjectKey("d/secret"), {});
  EXPECT_EQ(head->attributes->mode, 0600U);
  EXPECT_TRUE(world.store->Head(ObjectKey("d/secret"), {})->attributes->mode == std::nullopt)
      << "nothing of it is metadata";
}

TEST(AzureAccountPermissions, ADirectoryToo) {
  AccountWorld world;
  const auto made =
      world.account->MakeDirectory({.key = ObjectKey("d"), .attributes = {.mode = 0700}}, {});
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_EQ(made->attributes->mode, 0700U);
  EXPECT_EQ(world.account->Head(ObjectKey("d"), {})->attributes->mode, 0700U);
}

TEST(AzureAccountPermissions, ChmodChangesTheListAndKeepsNamedEntries) {
  AccountWorld world;
  ASSERT_TRUE(world.Make("d/f", 0640));
  world.Close("d/f");
  const auto before = world.account->Head(ObjectKey("d/f"), {});
  ASSERT_TRUE(before);
  EXPECT_EQ(before->attributes->mode, 0640U) << "the mask stands for the group";
  Attributes wanted = *before->attributes;
  wanted.mode = 0600;
  const auto set =
      world.account->SetAttributes({.key = ObjectKey("d/f"), .attributes = wanted}, {});
  ASSERT_TRUE(set) << set.error().ToString();
  EXPECT_EQ(set->attributes->mode, 0600U);
  EXPECT_EQ(world.AccessOf("d/f").acl,
            std::string("user::rw-,user:") + kReader + ":r--,group::---,mask::---,other::---");
  EXPECT_EQ(world.AccessOf("d/f").owner, "owner-of-it");
}

TEST(AzureAccountPermissions, ChownGoesByTheTable) {
  AccountWorld world;
  ASSERT_TRUE(world.Make("d/f", 0640));
  Attributes wanted = *world.account->Head(ObjectKey("d/f"), {})->attributes;
  wanted.uid = 1001;
  const auto given =
      world.account->SetAttributes({.key = ObjectKey("d/f"), .attributes = wanted}, {});
  ASSERT_TRUE(given) << given.error().ToString();
  EXPECT_EQ(given->attributes->uid, 1001U);
  EXPECT_EQ(world.AccessOf("d/f").owner, kReader);
  wanted = *given->attributes;
  wanted.uid = 4242;
  EXPECT_EQ(world.account->SetAttributes({.key = ObjectKey("d/f"), .attributes = wanted}, {})
                .error()
                .code,
            ErrorCode::kPermissionDenied);
}

TEST(AzureAccountPermissions, AnOverwriteByAKnownVersionKeepsThem) {
  AccountWorld world;
  ASSERT_TRUE(world.Make("d/f", 0600));
  world.Close("d/f");
  const auto before = world.account->Head(ObjectKey("d/f"), {});
  const auto put = world.account->Put({.key = ObjectKey("d/f"),
                                       .body = AsBytes("more"),
                                       .attributes = *before->attributes,
                                       .conditions = {.if_match = before->etag}},
                                      {});
  ASSERT_TRUE(put) << put.error().ToString();
  EXPECT_EQ(world.AccessOf("d/f").acl, kClosed);
  EXPECT_EQ(world.AccessOf("d/f").owner, "owner-of-it");
}

TEST(AzureAccountPermissions, WhoMayNotSetListsIsRefusedWithTheRoleThatIsNeeded) {
  AccountWorld world;
  ASSERT_TRUE(world.account->Probe({}));
  world.server->rules().Add({.operation = "azure.set_access_control",
                             .fault = localcloud::Fault::kStatus,
                             .status = 403});
  const auto refused = world.account->Probe({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  EXPECT_NE(refused.error().message.find("Storage Blob Data Owner"), std::string::npos);
  EXPECT_TRUE(world.store->Probe({})) << "where modes are metadata nothing is asked";
}

}  // namespace
}  // namespace skybridge::testing
