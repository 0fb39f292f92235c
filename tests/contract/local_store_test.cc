// A local directory keeps the contract, and some promises of its own.
#include "backends/local/local_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/contract/object_store_contract.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_directory.h"

namespace skybridge::testing {
namespace {

namespace fs = std::filesystem;

struct LocalSubject {
  TempDirectory root;
  SystemClock clock;
  std::unique_ptr<ObjectStore> store =
      OpenLocalStore({.directory = root.path(), .sync = false}, clock).value();

  fs::path Path(const std::string& name) const { return fs::path(root.path()) / name; }
};

std::shared_ptr<ObjectStore> MakeLocal() {
  auto subject = std::make_shared<LocalSubject>();
  return {subject, subject->store.get()};
}

INSTANTIATE_TEST_SUITE_P(Local, ObjectStoreContract,
                         ::testing::Values(ContractSubject{"Directory", MakeLocal}), ContractName);

TEST(LocalStore, LeadsNobodyOutOfItsRoot) {
  TempDirectory outside;
  std::ofstream(outside.Sub("secret")) << "secret";
  LocalSubject local;
  fs::create_directory_symlink(outside.path(), local.Path("door"));
  fs::create_symlink(outside.Sub("secret"), local.Path("file"));
  ObjectStore& store = *local.store;
  std::string into(6, '\0');
  const auto bytes = std::as_writable_bytes(std::span(into));

  EXPECT_FALSE(store.Get({.key = Key("door/secret"), .range = {0, 6}}, bytes, {}));
  EXPECT_FALSE(store.Put({.key = Key("door/new"), .body = AsBytes("x")}, {}));
  EXPECT_FALSE(store.Delete({.key = Key("door/secret")}, {}));
  EXPECT_FALSE(store.MakeDirectory({.key = Key("door/dir")}, {}));
  EXPECT_FALSE(store.List({.directory = Key("door")}, {}));
  EXPECT_EQ(store.Head(Key("door"), {})->kind, NodeKind::kSymlink);

  ASSERT_TRUE(store.SetAttributes(
      {.key = Key("file"), .kind = NodeKind::kSymlink, .attributes = {.mtime = WallTime()}}, {}));
  ASSERT_TRUE(store.Put({.key = Key("file"), .body = AsBytes("mine")}, {}));
  std::string secret;
  std::ifstream(outside.Sub("secret")) >> secret;
  EXPECT_EQ(secret, "secret");
  EXPECT_EQ(std::distance(fs::directory_iterator(outside.path()), fs::directory_iterator()), 1);
}

TEST(LocalStore, SeesChangesOfOtherPrograms) {
  LocalSubject local;
  const auto put = local.store->Put({.key = Key("file"), .body = AsBytes("one")}, {});
  std::ofstream(local.Path("file"), std::ios::app) << "more";
  std::string into(7, '\0');
  EXPECT_EQ(local.store
                ->Get({.key = Key("file"), .range = {0, 7}, .if_match = put->etag},
                      std::as_writable_bytes(std::span(into)), {})
                .error()
                .code,
            ErrorCode::kPreconditionFailed);
}

TEST(LocalStore, HidesUnfinishedFiles) {
  LocalSubject local;
  const auto upload = local.store->StartUpload({.key = Key("file")}, {});
  ASSERT_TRUE(upload);
  EXPECT_TRUE(local.store->List({.recursive = true}, {})->entries.empty());
  EXPECT_EQ(local.store->Head(Key(".skybridge-tmp"), {}).error().code, ErrorCode::kInvalidName);
  EXPECT_EQ(local.store->Put({.key = Key(".skybridge-tmp/x"), .body = {}}, {}).error().code,
            ErrorCode::kInvalidName);
  EXPECT_EQ(fs::status(local.Path(".skybridge-tmp")).permissions(), fs::perms::owner_all);
}

TEST(LocalStore, LeavesNoDirectoryForUnfinishedFilesBehind) {
  LocalSubject local;
  ASSERT_TRUE(local.store->Put({.key = Key("a"), .body = AsBytes("x")}, {}));
  {
    const auto other = OpenLocalStore({.directory = local.root.path()}, local.clock).value();
    ASSERT_TRUE(other->Put({.key = Key("b"), .body = AsBytes("x")}, {}));
  }
  ASSERT_TRUE(local.store->Put({.key = Key("c"), .body = AsBytes("x")}, {}));
  const auto time = WallTime(std::chrono::seconds(1'700'000'000));
  ASSERT_TRUE(local.store->SetAttributes(
      {.key = Key(""), .kind = NodeKind::kDirectory, .attributes = {.mtime = time}}, {}));
  local.store.reset();
  EXPECT_FALSE(fs::exists(local.Path(".skybridge-tmp")));
  const auto reopened = OpenLocalStore({.directory = local.root.path()}, local.clock).value();
  EXPECT_EQ(reopened->Head(Key(""), {})->attributes->mtime, time) << "it moved with the hidden one";
}

TEST(LocalStore, AnUploadOutlivesTheProcess) {
  LocalSubject local;
  const auto upload = local.store->StartUpload({.key = Key("file")}, {});
  const auto part = local.store->UploadPart(
      {.upload = *upload, .key = Key("file"), .body = AsBytes("content")}, {});
  const auto reopened = OpenLocalStore({.directory = local.root.path()}, local.clock).value();
  EXPECT_TRUE(
      reopened->CommitUpload({.upload = *upload, .key = Key("file"), .parts = {*part}}, {}));
  EXPECT_EQ(fs::file_size(local.Path("file")), 7u);
}

TEST(LocalStore, WhatADeadStoreLeftIsRemovedByTheNextOne) {
  LocalSubject local;
  fs::create_directory(local.Path(".skybridge-tmp"));
  std::ofstream(local.Path(".skybridge-tmp/put-0123")) << "half a small file";
  std::ofstream(local.Path(".skybridge-tmp/upload-0123")) << "parts that may be gone on with";
  std::ofstream(local.Path(".skybridge-tmp/upload-4567"));
  ASSERT_TRUE(OpenLocalStore({.directory = local.root.path()}, local.clock));
  EXPECT_FALSE(fs::exists(local.Path(".skybridge-tmp/put-0123")));
  EXPECT_FALSE(fs::exists(local.Path(".skybridge-tmp/upload-4567")));
  EXPECT_TRUE(fs::exists(local.Path(".skybridge-tmp/upload-0123")));
  FakeClock tomorrow;
  tomorrow.SetWall(local.clock.WallNow() + std::chrono::hours(25));
  ASSERT_TRUE(OpenLocalStore({.directory = local.root.path()}, tomorrow));
  EXPECT_FALSE(fs::exists(local.Path(".skybridge-tmp")));
}

TEST(LocalStore, WhatALivingStoreWritesIsLeftAlone) {
  LocalSubject local;
  ASSERT_TRUE(local.store->Put({.key = Key("a"), .body = AsBytes("x")}, {}));
  std::ofstream(local.Path(".skybridge-tmp/put-0123")) << "half a small file";
  ASSERT_TRUE(OpenLocalStore({.directory = local.root.path()}, local.clock));
  EXPECT_TRUE(fs::exists(local.Path(".skybridge-tmp/put-0123")));
}

TEST(LocalStore, UnfinishedFilesOfAStoreBelowAreNoData) {
  LocalSubject local;
  fs::create_directories(local.Path("below/.skybridge-tmp"));
  std::ofstream(local.Path("below/.skybridge-tmp/upload-0123")) << "parts";
  std::ofstream(local.Path("below/file")) << "x";
  const auto page = local.store->List({.recursive = true}, {});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 2U);
  EXPECT_EQ(page->entries[1].key, Key("below/file"));
  EXPECT_EQ(local.store->Head(Key("below/.skybridge-tmp/upload-0123"), {}).error().code,
            ErrorCode::kInvalidName);
}

// Root may read everything: as long as it lives, the test is nobody.
class AsNobody {
 public:
  AsNobody() : was_(::geteuid()) {
    if (was_ == 0 && ::seteuid(65534) != 0) std::abort();
  }
  ~AsNobody() {
    if (was_ == 0 && ::seteuid(0) != 0) std::abort();
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  const uid_t was_;
};

TEST(LocalStore, ADirectoryThatCannotBeReadIsNamedAndTheOthersAreListed) {
  LocalSubject local;
  for (const char* path : {"a/1", "b/2", "c/3"})
    ASSERT_TRUE(local.store->Put({.key = Key(path), .body = AsBytes("x")}, {}));
  fs::permissions(local.root.path(), fs::perms(0755));
  fs::permissions(local.Path("b"), fs::perms::none);
  const auto page = [&] {
    const AsNobody nobody;
    return local.store->List({.recursive = true}, {});
  }();
  fs::permissions(local.Path("b"), fs::perms::owner_all);
  ASSERT_TRUE(page) << page.error().ToString();
  EXPECT_EQ(page->entries.size(), 5U);
  ASSERT_EQ(page->unlisted.size(), 1U);
  EXPECT_EQ(page->unlisted[0].key, Key("b"));
  EXPECT_EQ(page->unlisted[0].error.code, ErrorCode::kPermissionDenied);
}

TEST(LocalStore, AnOrdinaryUserSaysWhomFilesMayBelongTo) {
  const TempDirectory root;
  fs::permissions(root.path(), fs::perms(0755));
  SystemClock clock;
  const AsNobody nobody;
  const auto store = OpenLocalStore({.directory = root.path()}, clock);
  ASSERT_TRUE(store) << store.error().ToString();
  ASSERT_TRUE((*store)->capabilities().owner_limits);
  EXPECT_EQ((*store)->capabilities().owner_limits->uid, ::geteuid());
}

TEST(LocalStore, CountsWhatItCannotShow) {
  LocalSubject local;
  ASSERT_EQ(::mkfifo(local.Path("pipe").c_str(), 0600), 0);
  const auto page = local.store->List({}, {});
  EXPECT_TRUE(page->entries.empty());
  EXPECT_EQ(page->hidden_names.size(), 1u);
  EXPECT_EQ(local.store->Head(Key("pipe"), {}).error().code, ErrorCode::kNotSupported);
  EXPECT_EQ(local.store->Put({.key = Key("pipe"), .body = AsBytes("x")}, {}).error().code,
            ErrorCode::kNotSupported);
}

TEST(LocalStore, ReadsOneDirectoryOnceForManyPages) {
  LocalSubject local;
  for (int i = 0; i < 6; ++i) std::ofstream(local.Path("file" + std::to_string(i))) << i;
  ListRequest request{.max_entries = 2};
  auto page = local.store->List(request, {});
  // What is added behind the listing's back would be found if the directory were read again.
  std::ofstream(local.Path("file9")) << "late";
  std::size_t count = page->entries.size();
  while (!page->continuation.empty()) {
    request.continuation = page->continuation;
    page = local.store->List(request, {});
    count += page->entries.size();
  }
  EXPECT_EQ(count, 6u);
}

TEST(LocalStore, GoesOnWithAListingInAnotherProcess) {
  LocalSubject local;
  for (const char* path : {"a/1", "a/b/2", "a/b/3", "c"}) {
    ASSERT_TRUE(local.store->Put({.key = Key(path), .body = AsBytes("x")}, {}));
  }
  std::vector<std::string> names;
  ListRequest request{.recursive = true, .max_entries = 1};
  do {
    const auto fresh = OpenLocalStore({.directory = local.root.path()}, local.clock).value();
    const auto page = fresh->List(request, {});
    ASSERT_TRUE(page);
    for (const ObjectInfo& entry : page->entries) names.push_back(entry.key.path);
    request.continuation = page->continuation;
  } while (!request.continuation.empty());
  EXPECT_EQ(names, (std::vector<std::string>{"a", "a/1", "a/b", "a/b/2", "a/b/3", "c"}));
}

TEST(LocalStore, ChangesNothingWhileItIsOnlyRead) {
  LocalSubject local;
  std::ofstream(local.Path("file")) << "x";
  EXPECT_TRUE(local.store->Probe({}));
  EXPECT_EQ(local.store->List({}, {})->entries.size(), 1u);
  EXPECT_FALSE(fs::exists(local.Path(".skybridge-tmp")));
}

TEST(LocalStore, NeedsAnExistingDirectory) {
  TempDirectory root;
  SystemClock clock;
  std::ofstream(root.Sub("file")) << "x";
  EXPECT_EQ(OpenLocalStore({.directory = root.Sub("nowhere")}, clock).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(OpenLocalStore({.directory = root.Sub("file")}, clock).error().code,
            ErrorCode::kNotDirectory);
}

}  // namespace
}  // namespace skybridge::testing
