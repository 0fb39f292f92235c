// Names, attributes and directories, over a fake store.
#include <algorithm>
#include <functional>

#include "fuse/filesystem/filesystem_impl.h"
#include "tests/unit/fuse/filesystem_fixture.h"

namespace skybridge::fuse {
namespace {

using namespace std::chrono_literals;
using FilesystemTree = FilesystemFixture;
using skybridge::testing::FlatCapabilities;
using skybridge::testing::HierarchicalCapabilities;
using skybridge::testing::OciLikeCapabilities;

TEST_F(FilesystemTree, AFreshLookupNeedsNoRequest) {
  store->PutText("a", "one");
  const InodeNumber ino = Ino("a");
  const auto heads = store->calls(StoreOp::kHead);
  EXPECT_EQ(Ino("a"), ino);
  EXPECT_EQ(store->calls(StoreOp::kHead), heads);
}

TEST_F(FilesystemTree, ACompleteListingAnswersEveryNameInIt) {
  store->PutText("d/a", "one");
  store->PutText("d/b", "two");
  const InodeNumber d = Ino("d");
  EXPECT_EQ(Names(d), (std::vector<std::string>{"a", "b"}));
  store->script().ResetCalls();
  EXPECT_EQ(fs->Lookup(d, "a", call)->stat.size_bytes, 3U);
  EXPECT_FALSE(fs->Lookup(d, "missing", call));
  EXPECT_EQ(store->script().total_calls(), 0U);
}

TEST_F(FilesystemTree, ManyLookupsInOneDirectoryBecomeOneListing) {
  for (int i = 0; i < 50; ++i) store->PutText("d/" + std::to_string(i), "x");
  const InodeNumber d = Ino("d");
  store->script().ResetCalls();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(fs->Lookup(d, std::to_string(i), call));
  EXPECT_EQ(store->calls(StoreOp::kList), 1U);
  EXPECT_LE(store->calls(StoreOp::kHead), 5U);
}

TEST_F(FilesystemTree, AMissingNameIsBelievedOnlyForItsShortTime) {
  EXPECT_EQ(LookupError("a"), ErrorCode::kNotFound);
  store->PutText("a", "one");
  EXPECT_EQ(LookupError("a"), ErrorCode::kNotFound);
  clock.Advance(500ms);
  EXPECT_TRUE(fs->Lookup(kRoot, "a", call));
}

TEST_F(FilesystemTree, InodeNumbersSurviveARestart) {
  store->PutText("d/a", "one");
  const InodeNumber d = Ino("d");
  const InodeNumber a = Ino(d, "a");
  Restart();
  EXPECT_EQ(Ino("d"), d);
  EXPECT_EQ(Ino(d, "a"), a);
}

TEST_F(FilesystemTree, AttributesAreKeptWithTheObject) {
  MakeFile("a", "one");
  const WallTime time{987654321'123456789ns};
  ASSERT_TRUE(fs->SetAttributes(Ino("a"), std::nullopt,
                                {.mode = 0751, .uid = 5, .gid = 6, .mtime = time}, call));
  const Attributes kept = *store->InfoOf("a")->attributes;
  EXPECT_EQ(kept.mode, 0751U);
  EXPECT_EQ(kept.uid, 5U);
  EXPECT_EQ(kept.gid, 6U);
  EXPECT_EQ(kept.mtime, time);
}

TEST_F(FilesystemTree, ChangingTheModeDoesNotMoveTheTimeOfAForeignObject) {
  store->PutText("a", "one");
  const WallTime before = fs->Lookup(kRoot, "a", call)->stat.mtime;
  clock.Advance(1h);
  ASSERT_TRUE(fs->SetAttributes(Ino("a"), std::nullopt, {.mode = 0600}, call));
  clock.Advance(1h);
  EXPECT_EQ(fs->Lookup(kRoot, "a", call)->stat.mtime, before);
}

TEST_F(FilesystemTree, AttributesThatAreSetAlreadyNeedNoRequest) {
  MakeFile("a", "one");
  ASSERT_TRUE(fs->SetAttributes(Ino("a"), std::nullopt, {.mode = 0644, .uid = 1000}, call));
  EXPECT_EQ(store->calls(StoreOp::kSetAttributes), 0U);
}

TEST_F(FilesystemTree, TheStoreIsToldWhatAVersionOfThisMountIs) {
  MakeFile("a", "text");
  const InodeNumber ino = Ino("a");
  for (const std::uint32_t mode : {0600U, 0640U})
    ASSERT_TRUE(fs->SetAttributes(ino, std::nullopt, {.mode = mode}, call));
  EXPECT_EQ(store->told_versions(), 2U);
  store->PutText("a", "somebody else's");
  clock.Advance(std::chrono::hours(1));
  ASSERT_TRUE(fs->SetAttributes(Ino("a"), std::nullopt, {.mode = 0600U}, call));
  EXPECT_EQ(store->told_versions(), 2U);
}

TEST_F(FilesystemTree, AChangeOfModeIsMadeOnTopOfSomebodyElsesVersion) {
  MakeFile("a", "one");
  const InodeNumber ino = Ino("a");
  store->PutText("a", "theirs", {.gid = 77});
  ASSERT_TRUE(fs->SetAttributes(ino, std::nullopt, {.mode = 0600}, call));
  EXPECT_EQ(store->ContentOf("a"), "theirs");
  EXPECT_EQ(store->InfoOf("a")->attributes->mode, 0600U);
  EXPECT_EQ(store->InfoOf("a")->attributes->gid, 77U);
}

TEST_F(FilesystemTree, AttributesThatCannotBeKeptAreAnError) {
  MakeFile("a", "one");
  store->script().FailNext(StoreOp::kSetAttributes,
                           {.code = ErrorCode::kNotSupported, .message = "no"});
  EXPECT_EQ(fs->SetAttributes(Ino("a"), std::nullopt, {.mode = 0600}, call).error().code,
            ErrorCode::kNotSupported);
  EXPECT_EQ(fs->GetAttributes(Ino("a"), call)->stat.mode, 0644U);
}

TEST_F(FilesystemTree, XattrsOfUsersAreKeptOthersAnsweredFromMemory) {
  MakeFile("a", "one");
  const InodeNumber ino = Ino("a");
  ASSERT_TRUE(fs->SetXattr(ino, "user.colour", "blue", XattrWrite::kSet, call).value());
  EXPECT_EQ(store->InfoOf("a")->attributes->xattrs.at("user.colour"), "blue");
  EXPECT_EQ(fs->GetXattr(ino, "user.colour", call).value(), "blue");
  EXPECT_EQ(fs->ListXattrs(ino, call).value(), std::vector<std::string>{"user.colour"});
  EXPECT_FALSE(fs->SetXattr(ino, "user.shape", "x", XattrWrite::kMustExist, call).value());
  EXPECT_EQ(fs->SetXattr(ino, "user.colour", "x", XattrWrite::kMustNotExist, call).error().code,
            ErrorCode::kAlreadyExists);
  store->script().ResetCalls();
  EXPECT_EQ(fs->GetXattr(ino, "security.capability", call).value(), std::nullopt);
  EXPECT_EQ(fs->SetXattr(ino, "system.posix_acl_access", "x", XattrWrite::kSet, call).error().code,
            ErrorCode::kNotSupported);
  EXPECT_EQ(store->script().total_calls(), 0U);
  EXPECT_TRUE(fs->RemoveXattr(ino, "user.colour", call).value());
  EXPECT_FALSE(fs->RemoveXattr(ino, "user.colour", call).value());
  EXPECT_TRUE(store->InfoOf("a")->attributes->xattrs.empty());
}

TEST_F(FilesystemTree, SymbolicLinksAreReadBack) {
  ASSERT_TRUE(fs->MakeSymlink(kRoot, "l", "d/target", call));
  Restart();
  clock.Advance(1h);
  const NodeReply link = fs->Lookup(kRoot, "l", call).value();
  EXPECT_EQ(link.stat.kind, InodeKind::kSymlink);
  EXPECT_EQ(link.stat.size_bytes, 8U);
  EXPECT_EQ(fs->ReadLink(link.stat.ino, call).value(), "d/target");
}

TEST_F(FilesystemTree, ANewDirectoryIsKnownToBeEmpty) {
  const NodeReply made = fs->MakeDirectory(kRoot, "d", 0750, call).value();
  store->script().ResetCalls();
  EXPECT_FALSE(fs->Lookup(made.stat.ino, "x", call));
  EXPECT_TRUE(Names(made.stat.ino).empty());
  EXPECT_EQ(store->script().total_calls(), 0U);
  EXPECT_EQ(store->InfoOf("d")->attributes->mode, 0750U);
}

TEST_F(FilesystemTree, ADirectoryIsBelievedEmptyNoLongerThanItsNameWasBelievedFree) {
  StartWith({.capabilities = skybridge::testing::OciLikeCapabilities()});
  EXPECT_TRUE(ReadNames(kRoot).empty());
  clock.Advance(std::chrono::seconds(3));
  store->PutText("d/theirs", "x");
  const auto looks = store->calls(StoreOp::kHead) + store->calls(StoreOp::kList);
  const auto made = fs->MakeDirectory(kRoot, "d", 0755, call);
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_EQ(store->calls(StoreOp::kHead) + store->calls(StoreOp::kList), looks);
  clock.Advance(std::chrono::seconds(3));
  EXPECT_TRUE(fs->Lookup(made->stat.ino, "theirs", call))
      << "the TTL has passed since the name was seen free";
}

TEST_F(FilesystemTree, ANameThatSomebodyElseHasTakenIsSeenOnceItCannotBeMade) {
  StartWith({.capabilities = skybridge::testing::OciLikeCapabilities()});
  EXPECT_TRUE(ReadNames(kRoot).empty());
  ASSERT_TRUE(store->MakeDirectory({.key = ObjectKey("d")}, call.context));
  EXPECT_EQ(fs->MakeDirectory(kRoot, "d", 0755, call).error().code, ErrorCode::kAlreadyExists);
  EXPECT_TRUE(fs->Lookup(kRoot, "d", call));
}

TEST_F(FilesystemTree, AFileThatTookADirectorysPlaceIsSeen) {
  StartWith({.capabilities = skybridge::testing::OciLikeCapabilities()});
  ASSERT_TRUE(fs->MakeDirectory(kRoot, "d", 0755, call));
  store->Remove("d");
  store->PutText("d", "a file");
  clock.Advance(std::chrono::minutes(1));
  const auto found = fs->Lookup(kRoot, "d", call);
  ASSERT_TRUE(found) << found.error().ToString();
  EXPECT_EQ(found->stat.kind, InodeKind::kFile);
}

TEST_F(FilesystemTree, ADirectoryWithANewFileInItIsNotEmpty) {
  const InodeNumber d = fs->MakeDirectory(kRoot, "d", 0755, call)->stat.ino;
  const CreateReply created = fs->CreateFile(d, "a", 0644, {.write = true}, call).value();
  EXPECT_EQ(fs->RemoveDirectory(kRoot, "d", call).error().code, ErrorCode::kNotEmpty);
  ASSERT_TRUE(Close(created.open.handle));
  EXPECT_EQ(fs->RemoveDirectory(kRoot, "d", call).error().code, ErrorCode::kNotEmpty);
  ASSERT_TRUE(fs->Unlink(d, "a", call));
  ASSERT_TRUE(fs->RemoveDirectory(kRoot, "d", call));
  EXPECT_EQ(LookupError("d"), ErrorCode::kNotFound);
}

TEST_F(FilesystemTree, ADirectoryOfAFlatStoreOutlivesItsLastChild) {
  StartWith({.capabilities = FlatCapabilities()});
  store->PutText("d/a", "one");
  const InodeNumber d = Ino("d");
  ASSERT_TRUE(fs->Unlink(d, "a", call));
  clock.Advance(1h);
  EXPECT_EQ(fs->Lookup(kRoot, "d", call)->stat.kind, InodeKind::kDirectory);
  EXPECT_TRUE(Names(Ino("d")).empty());
}

TEST_F(FilesystemTree, SetgidDirectoriesHandDownTheirGroup) {
  const NodeReply d = fs->MakeDirectory(kRoot, "d", 02775, call).value();
  ASSERT_TRUE(fs->SetAttributes(d.stat.ino, std::nullopt, {.gid = 42}, call));
  EXPECT_EQ(fs->CreateFile(d.stat.ino, "a", 0644, {.write = true}, call)->node.stat.gid, 42U);
  const NodeReply below = fs->MakeDirectory(d.stat.ino, "e", 0755, call).value();
  EXPECT_EQ(below.stat.gid, 42U);
  EXPECT_EQ(below.stat.mode, 02755U);
}

TEST_F(FilesystemTree, TheParentsTimesMoveWithItsChildren) {
  const InodeNumber d = fs->MakeDirectory(kRoot, "d", 0755, call)->stat.ino;
  clock.Advance(1s);
  const CreateReply created = fs->CreateFile(d, "a", 0644, {.write = true}, call).value();
  EXPECT_EQ(fs->GetAttributes(d, call)->stat.mtime, clock.WallNow());
  ASSERT_TRUE(Close(created.open.handle));
  clock.Advance(1s);
  ASSERT_TRUE(fs->Unlink(d, "a", call));
  EXPECT_EQ(fs->GetAttributes(d, call)->stat.mtime, clock.WallNow());
}

TEST_F(FilesystemTree, TheMovedTimesOfADirectoryDoNotGoBack) {
  for (const Capabilities& kind :
       {HierarchicalCapabilities(), FlatCapabilities(), OciLikeCapabilities()}) {
    SCOPED_TRACE(kind.name);
    StartWith({.capabilities = kind});
    const InodeNumber d = fs->MakeDirectory(kRoot, "d", 0755, call)->stat.ino;
    clock.Advance(1s);
    ASSERT_TRUE(Close(fs->CreateFile(d, "a", 0644, {.write = true}, call)->open.handle));
    const NodeStat moved = fs->GetAttributes(d, call)->stat;
    clock.Advance(1h);
    EXPECT_EQ(fs->GetAttributes(d, call)->stat.mtime, moved.mtime);
    EXPECT_EQ(fs->GetAttributes(d, call)->stat.ctime, moved.ctime);
    clock.Advance(1h);
    ReadNames(kRoot, true);
    EXPECT_EQ(fs->GetAttributes(d, call)->stat.mtime, moved.mtime);
    const WallTime set_elsewhere = clock.WallNow();
    ASSERT_TRUE(store->SetAttributes({.key = ObjectKey("d"),
                                      .kind = NodeKind::kDirectory,
                                      .attributes = {.mtime = set_elsewhere}},
                                     {}));
    clock.Advance(1h);
    EXPECT_EQ(fs->GetAttributes(d, call)->stat.mtime, set_elsewhere);
  }
}

TEST_F(FilesystemTree, RenameReplacesAFileAndKeepsTheInode) {
  MakeFile("a", "new");
  MakeFile("b", "old");
  const InodeNumber a = Ino("a");
  EXPECT_EQ(fs->Rename(kRoot, "a", kRoot, "b", RenameMode::kReplace, call).value(),
            RenameResult::kRenamed);
  EXPECT_EQ(store->ContentOf("b"), "new");
  EXPECT_EQ(LookupError("a"), ErrorCode::kNotFound);
  EXPECT_EQ(Ino("b"), a);
}

TEST_F(FilesystemTree, RenameKeepsModeAndTimes) {
  MakeFile("a", "new");
  const WallTime time{987654321'000000001ns};
  ASSERT_TRUE(fs->SetAttributes(Ino("a"), std::nullopt, {.mode = 0600, .mtime = time}, call));
  ASSERT_TRUE(fs->Rename(kRoot, "a", kRoot, "b", RenameMode::kReplace, call));
  Restart();
  clock.Advance(1h);
  const NodeStat stat = fs->Lookup(kRoot, "b", call)->stat;
  EXPECT_EQ(stat.mode, 0600U);
  EXPECT_EQ(stat.mtime, time);
}

TEST_F(FilesystemTree, RenameWithoutReplaceRefusesAnExistingName) {
  MakeFile("a", "new");
  MakeFile("b", "old");
  EXPECT_EQ(fs->Rename(kRoot, "a", kRoot, "b", RenameMode::kMustNotExist, call).error().code,
            ErrorCode::kAlreadyExists);
  EXPECT_EQ(store->ContentOf("b"), "old");
}

TEST_F(FilesystemTree, RenameSeesATargetThatSomebodyElseHasJustMade) {
  MakeFile("a", "new");
  EXPECT_EQ(LookupError("b"), ErrorCode::kNotFound);
  store->PutText("b", "theirs");
  EXPECT_EQ(fs->Rename(kRoot, "a", kRoot, "b", RenameMode::kMustNotExist, call).error().code,
            ErrorCode::kAlreadyExists);
  ASSERT_TRUE(fs->Rename(kRoot, "a", kRoot, "b", RenameMode::kReplace, call));
  EXPECT_EQ(store->ContentOf("b"), "new");
}

TEST_F(FilesystemTree, AFileReplacedByARenameIsStillReadByItsHandles) {
  MakeFile("a", "new");
  MakeFile("b", "old");
  const HandleId old = OpenToRead(Ino("b"));
  ASSERT_TRUE(fs->Rename(kRoot, "a", kRoot, "b", RenameMode::kReplace, call));
  EXPECT_EQ(Read(old).value(), "old");
}

TEST_F(FilesystemTree, ARenamedOpenFileIsPublishedUnderItsNewName) {
  const CreateReply created = Create("a");
  ASSERT_TRUE(Write(created.open.handle, "hello"));
  ASSERT_TRUE(fs->Rename(kRoot, "a", kRoot, "b", RenameMode::kReplace, call));
  EXPECT_TRUE(store->Paths().empty());
  ASSERT_TRUE(Write(created.open.handle, "J"));
  ASSERT_TRUE(Close(created.open.handle));
  EXPECT_EQ(store->Paths(), std::vector<std::string>{"b"});
  EXPECT_EQ(store->ContentOf("b"), "Jello");
}

TEST_F(FilesystemTree, ARenamedDirtyFileReplacesItsTargetInOneStep) {
  MakeFile("b", "old");
  const CreateReply created = Create("a");
  ASSERT_TRUE(Write(created.open.handle, "hello"));
  ASSERT_TRUE(fs->Rename(kRoot, "a", kRoot, "b", RenameMode::kReplace, call));
  EXPECT_EQ(store->ContentOf("b"), "hello");
  EXPECT_EQ(store->calls(StoreOp::kDelete), 0U);
  ASSERT_TRUE(Write(created.open.handle, "J"));
  ASSERT_TRUE(Close(created.open.handle));
  EXPECT_EQ(store->ContentOf("b"), "Jello");
}

class DirectoryRename : public FilesystemFixture,
                        public ::testing::WithParamInterface<Capabilities> {};

TEST_P(DirectoryRename, KeepsWhatIsOpenBelowIt) {
  StartWith({.capabilities = GetParam()});
  const InodeNumber d = fs->MakeDirectory(kRoot, "d", 0755, call)->stat.ino;
  store->PutText("d/read", "old");
  clock.Advance(5s);
  const InodeNumber read_ino = Ino(d, "read");
  const HandleId reader = OpenToRead(read_ino);
  const CreateReply created = fs->CreateFile(d, "new", 0644, {.write = true}, call).value();
  ASSERT_TRUE(Write(created.open.handle, "hello"));
  ASSERT_TRUE(fs->Rename(kRoot, "d", kRoot, "e", RenameMode::kReplace, call));
  EXPECT_EQ(Read(reader).value(), "old");
  ASSERT_TRUE(Write(created.open.handle, "J"));
  ASSERT_TRUE(Close(created.open.handle));
  EXPECT_EQ(store->ContentOf("e/new"), "Jello");
  EXPECT_FALSE(store->ContentOf("d/new"));
  EXPECT_EQ(Ino("e"), d);
  EXPECT_EQ(Ino(d, "read"), read_ino);
  EXPECT_EQ(Read(OpenToRead(Ino(d, "read"))).value(), "old");
}

INSTANTIATE_TEST_SUITE_P(Stores, DirectoryRename,
                         ::testing::Values(skybridge::testing::HierarchicalCapabilities(),
                                           FlatCapabilities(), OciLikeCapabilities()),
                         [](const auto& row) {
                           return row.param.name.substr(row.param.name.find('-') + 1);
                         });

TEST_F(FilesystemTree, ReaddirStreamsPagesAndKeepsItsPlaceWhileNamesGo) {
  StartWith({.page_size = 10});
  for (int i = 0; i < 95; ++i) store->PutText("d/" + std::to_string(1000 + i), "x");
  const InodeNumber d = Ino("d");
  const HandleId handle = fs->OpenDirectory(d, call).value();
  std::uint64_t cookie = 0;
  std::size_t seen = 0;
  for (bool more = true; more;) {  // as rm -r does
    std::vector<std::string> batch;
    ASSERT_TRUE(fs->ReadDirectory(
        handle, cookie, false,
        [&](const DirectoryEntry& entry) {
          if (batch.size() == 7) return false;
          batch.emplace_back(entry.name);
          cookie = entry.next_cookie;
          return true;
        },
        call));
    more = !batch.empty();
    for (const auto& name : batch) {
      if (name == "." || name == "..") continue;
      ++seen;
      ASSERT_TRUE(fs->Unlink(d, name, call)) << name;
    }
  }
  EXPECT_EQ(seen, 95U);
  EXPECT_TRUE(Names(d).empty());
}

TEST_F(FilesystemTree, ReaddirGoesBackAsFarAsItsWindow) {
  for (int i = 0; i < 20; ++i) store->PutText(std::to_string(100 + i), "x");
  const HandleId handle = fs->OpenDirectory(kRoot, call).value();
  const auto names_from = [&](std::uint64_t cookie) {
    std::vector<std::string> names;
    EXPECT_TRUE(fs->ReadDirectory(
        handle, cookie, false,
        [&](const DirectoryEntry& entry) {
          names.emplace_back(entry.name);
          return true;
        },
        call));
    return names;
  };
  const auto all = names_from(0);
  ASSERT_EQ(all.size(), 22U);
  EXPECT_EQ(names_from(12), std::vector<std::string>(all.begin() + 12, all.end()));
}

TEST_F(FilesystemTree, ReaddirplusDoesNotShowWhatWasUnlinkedMeanwhile) {
  for (int i = 0; i < 4; ++i) store->PutText(std::to_string(i), "x");
  const HandleId handle = fs->OpenDirectory(kRoot, call).value();
  std::uint64_t cookie = 0;
  ASSERT_TRUE(fs->ReadDirectory(
      handle, 0, true,
      [&](const DirectoryEntry& entry) {
        cookie = entry.next_cookie;
        return cookie < 3;
      },
      call));
  ASSERT_TRUE(fs->Unlink(kRoot, "2", call));
  std::vector<std::string> rest;
  ASSERT_TRUE(fs->ReadDirectory(
      handle, 3, true,
      [&](const DirectoryEntry& entry) {
        rest.emplace_back(entry.name);
        return true;
      },
      call));
  EXPECT_EQ(rest, (std::vector<std::string>{"1", "3"}));
}

TEST_F(FilesystemTree, AListingThatIsOlderThanOurChangeDoesNotUndoIt) {
  store->PutText("a", "one");
  store->PutText("b", "two");
  store->script().BeforeNext(StoreOp::kList, [this] {
    // Between the question and its answer, as another thread of this mount.
    const CreateReply created = fs->CreateFile(kRoot, "c", 0644, {.write = true}, call).value();
    ASSERT_TRUE(Close(created.open.handle));
    ASSERT_TRUE(fs->Unlink(kRoot, "a", call));
    store->PutText("a", "as the old answer has it");
    store->Remove("c");
  });
  EXPECT_EQ(Names(kRoot), (std::vector<std::string>{"b"}));
  EXPECT_EQ(LookupError("a"), ErrorCode::kNotFound);
  EXPECT_TRUE(fs->Lookup(kRoot, "c", call));
}

TEST_F(FilesystemTree, AttributesThatListingsLackCostOneHeadForEachVersionEver) {
  StartWith({.capabilities = OciLikeCapabilities()});
  for (int i = 0; i < 30; ++i) store->PutText("d/" + std::to_string(i), "x", {.mode = 0600});
  const InodeNumber d = Ino("d");
  store->script().ResetCalls();
  EXPECT_EQ(ReadNames(d, true).size(), 30U);
  EXPECT_EQ(store->calls(StoreOp::kHead), 30U);
  clock.Advance(1h);
  store->PutText("d/7", "changed", {.mode = 0640});
  store->script().ResetCalls();
  EXPECT_EQ(ReadNames(d, true).size(), 30U);
  EXPECT_EQ(store->calls(StoreOp::kHead), 2U);  // the changed one, and the directory itself
  EXPECT_EQ(fs->Lookup(d, "7", call)->stat.mode, 0640U);
  EXPECT_EQ(fs->Lookup(d, "8", call)->stat.mode, 0600U);
  Restart();
  clock.Advance(1h);
  store->script().ResetCalls();
  EXPECT_EQ(ReadNames(Ino("d"), true).size(), 30U);
  EXPECT_EQ(store->calls(StoreOp::kHead), 1U);  // the directory itself
}

TEST_F(FilesystemTree, PlainReaddirDoesNotGuessWhatTheListingCannotTell) {
  StartWith({.capabilities = OciLikeCapabilities()});
  store->PutText("big", std::string(5000, 'x'));
  store->PutLink("link", "target");
  std::map<std::string, std::optional<InodeKind>> kinds;
  const HandleId handle = fs->OpenDirectory(kRoot, call).value();
  ASSERT_TRUE(fs->ReadDirectory(
      handle, 0, false,
      [&](const DirectoryEntry& entry) {
        kinds[std::string(entry.name)] = entry.kind;
        return true;
      },
      call));
  EXPECT_EQ(kinds["big"], InodeKind::kFile);
  EXPECT_EQ(kinds["link"], std::nullopt);
  EXPECT_EQ(store->calls(StoreOp::kHead), 0U);
}

TEST_F(FilesystemTree, ADirectoryHasItsNameAndTheFileOfTheSameNameAnEscapedOne) {
  StartWith({.capabilities = FlatCapabilities()});
  store->PutText("data", "the file");
  store->PutText("data/x", "below");
  EXPECT_EQ(Names(kRoot), (std::vector<std::string>{"%!data!file", "data"}));
  EXPECT_EQ(fs->Lookup(kRoot, "data", call)->stat.kind, InodeKind::kDirectory);
  EXPECT_EQ(Read(OpenToRead(Ino("%!data!file"))).value(), "the file");
  ASSERT_TRUE(fs->Unlink(kRoot, "%!data!file", call));
  EXPECT_EQ(store->ContentOf("data/x"), "below");
  EXPECT_FALSE(store->ContentOf("data"));
}

Capabilities AnyNames(Capabilities capabilities) {
  capabilities.any_key_parts = true;
  capabilities.max_name_bytes = 1024;
  return capabilities;
}

TEST_F(FilesystemTree, EscapedFormsExistOnlyWhereAListingMakesThem) {
  StartWith({.capabilities = AnyNames(FlatCapabilities())});
  store->PutText("a", "one");
  store->PutText("b", "two");
  for (const char* name : {"%!a!file", "%!", "%!..", "%!a%2Fb", "%!%25%21x", "%!x", "%!b"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(LookupError(name), ErrorCode::kNotFound);
    EXPECT_EQ(fs->CreateFile(kRoot, name, 0644, {.write = true}, call).error().code,
              ErrorCode::kInvalidName);
    EXPECT_EQ(fs->MakeDirectory(kRoot, name, 0755, call).error().code, ErrorCode::kInvalidName);
    EXPECT_EQ(fs->MakeSymlink(kRoot, name, "a", call).error().code, ErrorCode::kInvalidName);
    EXPECT_EQ(fs->Rename(kRoot, "b", kRoot, name, RenameMode::kReplace, call).error().code,
              ErrorCode::kInvalidName);
    EXPECT_EQ(fs->Unlink(kRoot, name, call).error().code, ErrorCode::kNotFound);
  }
  EXPECT_EQ(store->Paths(), (std::vector<std::string>{"a", "b"}));
  // Beside a directory of its name the form exists, without a listing before, and may be replaced.
  store->PutText("a/x", "below");
  clock.Advance(1h);
  EXPECT_EQ(fs->Lookup(kRoot, "%!a!file", call)->stat.size_bytes, 3U);
  ASSERT_TRUE(fs->Rename(kRoot, "b", kRoot, "%!a!file", RenameMode::kReplace, call));
  EXPECT_EQ(store->ContentOf("a"), "two");
}

TEST_F(FilesystemTree, KeysThatAreNoPathsAreShownReadRenamedAndRemoved) {
  const std::string long_part(300, 'x');
  StartWith({.capabilities = AnyNames(OciLikeCapabilities())});
  for (const char* key : {"d/p//q", "d/../y", "d/./z", "d/.."}) store->PutText(key, key);
  store->PutText("d/" + long_part, "long");
  store->PutText("d/" + long_part + "/in", "inside");
  const InodeNumber d = Ino("d");
  const std::vector<std::string> names = Names(d);
  ASSERT_EQ(names.size(), 6U);
  EXPECT_EQ(names[0], "%!.");
  EXPECT_EQ(names[1], "%!..");
  EXPECT_EQ(names[2], "%!..!file");
  EXPECT_EQ(names[5], "p");
  EXPECT_EQ(fs->counters().hidden_names, 0U);
  EXPECT_EQ(Read(OpenToRead(Ino(Ino(d, "%!.."), "y"))).value(), "d/../y");
  EXPECT_EQ(Read(OpenToRead(Ino(d, "%!..!file"))).value(), "d/..");
  EXPECT_EQ(Read(OpenToRead(Ino(Ino(Ino(d, "p"), "%!"), "q"))).value(), "d/p//q");
  const std::string& shadow = names[4].ends_with("!file") ? names[4] : names[3];
  const std::string& long_directory = names[4].ends_with("!file") ? names[3] : names[4];
  EXPECT_EQ(Read(OpenToRead(Ino(d, shadow))).value(), "long");
  EXPECT_EQ(Read(OpenToRead(Ino(Ino(d, long_directory), "in"))).value(), "inside");
  ASSERT_TRUE(fs->Rename(d, shadow, d, "short", RenameMode::kReplace, call));
  EXPECT_EQ(store->ContentOf("d/short"), "long");
  // A new process asks for the long name by itself.
  Restart();
  clock.Advance(1h);
  EXPECT_EQ(Read(OpenToRead(Ino(Ino(Ino("d"), long_directory), "in"))).value(), "inside");
  // The directory can be renamed, and removed.
  ASSERT_TRUE(fs->Rename(kRoot, "d", kRoot, "e", RenameMode::kReplace, call));
  EXPECT_EQ(store->ContentOf("e/p//q"), "d/p//q");
  const std::function<void(InodeNumber, const std::string&)> remove = [&](InodeNumber parent,
                                                                          const std::string& name) {
    const NodeReply node = fs->Lookup(parent, name, call).value();
    if (node.stat.kind != InodeKind::kDirectory) {
      EXPECT_TRUE(fs->Unlink(parent, name, call)) << name;
      return;
    }
    for (const std::string& below : Names(node.stat.ino)) remove(node.stat.ino, below);
    EXPECT_TRUE(fs->RemoveDirectory(parent, name, call)) << name;
  };
  remove(kRoot, "e");
  EXPECT_TRUE(store->Paths().empty());
}

TEST_F(FilesystemTree, AConflictCopyOfAnEscapedNameStandsBesideIt) {
  StartWith({.capabilities = AnyNames(FlatCapabilities())});
  store->PutText("a", "base");
  store->PutText("a/x", "below");
  Names(kRoot);
  const HandleId handle = OpenToWrite(Ino("%!a!file"));
  ASSERT_TRUE(Write(handle, "mine"));
  store->PutText("a", "theirs");
  EXPECT_EQ(Close(handle).error().code, ErrorCode::kPreconditionFailed);
  EXPECT_EQ(store->ContentOf("a"), "theirs");
  const auto paths = store->Paths();
  const auto copy = std::find_if(paths.begin(), paths.end(), [](const std::string& path) {
    return path.starts_with("a!file.conflict-");
  });
  ASSERT_NE(copy, paths.end());
  EXPECT_EQ(store->ContentOf(*copy), "mine");
}

TEST_F(FilesystemTree, ADirectoryTakesItsNameFromAFileOfAnEarlierPage) {
  StartWith({.capabilities = FlatCapabilities(), .page_size = 2});
  store->PutText("a", "the file");
  for (const char* name : {"a!1", "a!2", "a!3", "a/x"}) store->PutText(name, "x");
  const HandleId handle = fs->OpenDirectory(kRoot, call).value();
  ASSERT_TRUE(fs->ReadDirectory(
      handle, 0, false, [](const DirectoryEntry&) { return true; }, call));
  EXPECT_EQ(Names(kRoot), (std::vector<std::string>{"%!a!file", "a", "a!1", "a!2", "a!3"}));
  EXPECT_EQ(fs->Lookup(kRoot, "a", call)->stat.kind, InodeKind::kDirectory);
  EXPECT_EQ(Read(OpenToRead(Ino("%!a!file"))).value(), "the file");
}

TEST_F(FilesystemTree, WhatIsTooLongIsNotMerelyAbsent) {
  std::string deep = "d";
  InodeNumber at = fs->MakeDirectory(kRoot, deep, 0755, call)->stat.ino;
  while (deep.size() + 101 < 1024) {
    const std::string part(100, 'x');
    deep += "/" + part;
    at = fs->MakeDirectory(at, part, 0755, call)->stat.ino;
  }
  EXPECT_EQ(fs->Lookup(at, std::string(200, 'y'), call).error().code, ErrorCode::kNameTooLong);
  EXPECT_EQ(fs->Lookup(at, std::string(256, 'y'), call).error().code, ErrorCode::kNameTooLong);
  EXPECT_EQ(fs->Lookup(at, "y", call).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(LookupError(std::string(256, 'a')), ErrorCode::kNameTooLong);
}

TEST_F(FilesystemTree, NoNameVanishesThoughAProgramKeepsADirectoryOpen) {
  StartWith({.page_size = 1});
  for (const char* name : {"idle/a", "idle/b", "known/x", "known/y"}) store->PutText(name, "x");
  InodeTable inodes;
  Namespace names({.remotes = {{.name = "azure", .store = store.get()}},
                   .metadata = metadata.get(),
                   .clock = &clock},
                  {}, inodes);
  ASSERT_TRUE(names.Start());
  const InodeNumber idle = names.Find(kRoot, "idle", {})->ino;
  const InodeNumber known = names.Find(kRoot, "known", {})->ino;
  const auto next = [](DirectoryScan& scan) {
    std::vector<std::string> found;
    const auto records = scan.Next({}).value();
    for (const auto& record : records) found.push_back(record.name);
    return found;
  };
  DirectoryScan idle_scan(names, idle);
  EXPECT_EQ(next(idle_scan), std::vector<std::string>{"a"});
  for (std::size_t i = 0; i <= LocalChanges::kMaxRemembered; ++i)
    names.changes().Note(kRoot, std::to_string(i));
  DirectoryScan scan(names, known);
  EXPECT_EQ(next(scan), std::vector<std::string>{"x"});
  EXPECT_EQ(next(scan), std::vector<std::string>{"y"});
  EXPECT_EQ(next(scan), std::vector<std::string>{});
  EXPECT_TRUE(names.HasFreshListing(known));
  // The idle one goes on, and proves nothing absent.
  EXPECT_EQ(next(idle_scan), std::vector<std::string>{"b"});
  EXPECT_EQ(next(idle_scan), std::vector<std::string>{});
  EXPECT_FALSE(names.HasFreshListing(idle));
  EXPECT_TRUE(names.Find(idle, "a", {}));
}

TEST_F(FilesystemTree, OneObjectThatIsRefusedDoesNotEndAListing) {
  StartWith({.capabilities = OciLikeCapabilities()});
  for (int i = 0; i < 30; ++i) store->PutText(std::to_string(100 + i), "x");
  store->script().FailNext(StoreOp::kHead, {.code = ErrorCode::kPermissionDenied, .message = "no"});
  const HandleId handle = fs->OpenDirectory(kRoot, call).value();
  std::size_t with = 0;
  std::size_t without = 0;
  ASSERT_TRUE(fs->ReadDirectory(
      handle, 2, true,
      [&](const DirectoryEntry& entry) {
        ++(entry.node != nullptr ? with : without);
        return true;
      },
      call));
  EXPECT_EQ(with, 29U);
  EXPECT_EQ(without, 1U);
}

TEST_F(FilesystemTree, ADirectoryThatIsRemovedWhileItIsKnownIsEmptyAndHasNoLink) {
  const InodeNumber d = fs->MakeDirectory(kRoot, "d", 0700, call)->stat.ino;
  const HandleId handle = fs->OpenDirectory(d, call).value();
  ASSERT_TRUE(fs->RemoveDirectory(kRoot, "d", call));
  const auto after = fs->GetAttributes(d, call);
  ASSERT_TRUE(after) << after.error().ToString();
  EXPECT_EQ(after->stat.link_count, 0U);
  EXPECT_EQ(after->stat.mode, 0700U);
  std::size_t entries = 0;
  ASSERT_TRUE(fs->ReadDirectory(
      handle, 0, false, [&](const DirectoryEntry&) { return ++entries > 0; }, call));
  EXPECT_EQ(entries, 0U);
  fs->Forget(d, 1);
  EXPECT_FALSE(fs->GetAttributes(d, call));
}

TEST_F(FilesystemTree, ReaddirGoesBackBeyondItsWindow) {
  constexpr int kEntries = static_cast<int>(DirectoryHandle::kWindow) + 10'000;
  for (const bool listed_before : {false, true}) {
    SCOPED_TRACE(listed_before);
    StartWith({.page_size = 5000});
    clock.Advance(1h);  // what is known from the run before
    for (int i = 0; i < kEntries; ++i) store->PutText(std::to_string(100'000 + i), "x");
    if (listed_before) ReadNames(kRoot);
    const HandleId handle = fs->OpenDirectory(kRoot, call).value();
    std::vector<std::string> names;
    const auto read_from = [&](std::uint64_t cookie, std::size_t count) {
      std::vector<std::string> read;
      EXPECT_TRUE(fs->ReadDirectory(
          handle, cookie, false,
          [&](const DirectoryEntry& entry) {
            if (read.size() == count) return false;
            read.emplace_back(entry.name);
            return true;
          },
          call));
      return read;
    };
    while (names.size() < kEntries + 2U) {
      const auto more = read_from(names.size(), 1000);
      ASSERT_FALSE(more.empty());
      names.insert(names.end(), more.begin(), more.end());
    }
    const auto at = [&](std::uint64_t cookie) { return names[static_cast<std::size_t>(cookie)]; };
    EXPECT_EQ(read_from(100, 1).front(), at(100));
    EXPECT_EQ(read_from(9'000, 1).front(), at(9'000));
    // Names that have gone meanwhile do not move those behind them for more than a mark's distance.
    ASSERT_TRUE(fs->Unlink(kRoot, at(50), call));
    EXPECT_EQ(read_from(5'000, 1).front(), at(5'000));
    EXPECT_EQ(read_from(20'000, 1).front(), at(20'000));
  }
}

TEST_F(FilesystemTree, ARenamedDirectoryIsRenamedThoughAFileInItHasGone) {
  StartWith({.capabilities = OciLikeCapabilities()});
  store->PutText("d/f", "x");
  store->PutText("d/g", "x");
  const HandleId handle = OpenToRead(Ino(Ino("d"), "f"));
  store->Remove("d/f");
  EXPECT_TRUE(fs->Rename(kRoot, "d", kRoot, "e", RenameMode::kReplace, call));
  EXPECT_EQ(LookupError("d"), ErrorCode::kNotFound);
  EXPECT_EQ(Names(Ino("e")), std::vector<std::string>{"g"});
  EXPECT_FALSE(Read(handle));
}

TEST_F(FilesystemTree, ADirectoryThatWasHalfRenamedIsShownAsItIs) {
  StartWith({.capabilities = OciLikeCapabilities()});
  for (const char* name : {"d/1", "d/2", "d/3", "d/4"}) store->PutText(name, "x");
  const InodeNumber d = Ino("d");
  EXPECT_EQ(Names(d).size(), 4U);
  EXPECT_EQ(LookupError("e"), ErrorCode::kNotFound);
  store->InterruptNextDirectoryRename(2);
  EXPECT_FALSE(fs->Rename(kRoot, "d", kRoot, "e", RenameMode::kReplace, call));
  EXPECT_EQ(Names(d), (std::vector<std::string>{"3", "4"}));
  EXPECT_EQ(Names(Ino("e")), (std::vector<std::string>{"1", "2"}));
}

TEST_F(FilesystemTree, NamesThatTheStoreCannotHoldAreRefusedWhenTheyAreMade) {
  const Error refusal{.code = ErrorCode::kInvalidName, .message = "not such a name"};
  MakeFile("a", "text");
  for (const char* name : {"dot.", "line\nbreak", "\xE9t\xE9"}) {
    SCOPED_TRACE(name);
    ReadNames(kRoot);
    store->script().FailNext(StoreOp::kHead, refusal);
    EXPECT_EQ(fs->CreateFile(kRoot, name, 0644, {.write = true}, call).error().code,
              ErrorCode::kInvalidName);
    store->script().FailNext(StoreOp::kHead, refusal);
    EXPECT_EQ(fs->Rename(kRoot, "a", kRoot, name, RenameMode::kReplace, call).error().code,
              ErrorCode::kInvalidName);
    MakeFile(name, "a store that can hold it");
  }
  const std::size_t heads = store->calls(StoreOp::kHead);
  MakeFile("plain", "text");
  EXPECT_EQ(store->calls(StoreOp::kHead), heads);
}

TEST_F(FilesystemTree, CachedNamesAreAnsweredWhenTheStoreIsGone) {
  store->PutText("a", "one");
  store->PutText("b", "one");
  const InodeNumber ino = Ino("a");
  for (const StoreOp op : {StoreOp::kHead, StoreOp::kList}) {
    store->script().FailNext(op, {.code = ErrorCode::kUnavailable, .message = "gone"}, 5);
  }
  EXPECT_TRUE(fs->GetAttributes(ino, call));
  EXPECT_EQ(LookupError("b"),
            ErrorCode::kUnavailable);  // not ENOENT: a dead mount is not an empty directory
  EXPECT_FALSE(fs->OpenDirectory(ino, call));
}

TEST_F(FilesystemTree, RemotesOfOneMountAreDirectoriesAndRenameDoesNotCrossThem) {
  Stop();
  FakeObjectStore other(clock, {});
  other.PutText("data/y", "other");
  store = std::make_unique<FakeObjectStore>(clock);
  store->PutText("x", "one");
  metadata =
      cache::MetadataCache::Open({.directory = directory.Sub("both"), .identity = "both"}).value();
  staging = cache::Staging::Open({.directory = directory.Sub("staging"),
                                  .capacity_bytes = 1 << 20,
                                  .keep_free_bytes = 0,
                                  .clock = &clock})
                .value();
  reads = std::make_unique<skybridge::testing::DirectReadPath>(*store);
  writes = std::make_unique<skybridge::testing::DirectWritePath>(*store);
  skybridge::testing::DirectReadPath other_reads(other);
  skybridge::testing::DirectWritePath other_writes(other);
  fs = Filesystem::Create({.remotes = {{.name = "oci",
                                        .root = ObjectKey("data"),
                                        .store = &other,
                                        .reads = &other_reads,
                                        .writes = &other_writes},
                                       {.name = "azure",
                                        .store = store.get(),
                                        .reads = reads.get(),
                                        .writes = writes.get()}},
                           .remotes_as_directories = true,
                           .metadata = metadata.get(),
                           .staging = staging.get(),
                           .clock = &clock},
                          {})
           .value();
  EXPECT_EQ(Names(kRoot), (std::vector<std::string>{"azure", "oci"}));
  EXPECT_EQ(fs->remote_count(), 2U);
  EXPECT_FALSE(fs->RemoteOf(kRoot));
  EXPECT_EQ(fs->RemoteOf(Ino("oci")), 0U);
  EXPECT_EQ(fs->RemoteOf(Ino(Ino("azure"), "x")), 1U);
  EXPECT_EQ(Names(Ino("oci"), true), std::vector<std::string>{"y"});
  EXPECT_EQ(Read(OpenToRead(Ino(Ino("azure"), "x"))).value(), "one");
  EXPECT_EQ(fs->Rename(Ino("azure"), "x", Ino("oci"), "x", RenameMode::kReplace, call).value(),
            RenameResult::kAcrossRemotes);
  EXPECT_FALSE(fs->Rename(kRoot, "azure", kRoot, "b", RenameMode::kReplace, call));
  EXPECT_FALSE(fs->RemoveDirectory(kRoot, "azure", call));
  EXPECT_FALSE(fs->MakeDirectory(kRoot, "new", 0755, call));
  fs.reset();
}

TEST_F(FilesystemTree, ADirectoryWhosePagesGoRoundInCirclesIsAnError) {
  StartWith({.page_size = 2, .endless_listings = true});
  for (const char* name : {"a", "b", "c", "d", "e"}) store->PutText(name, "x");
  const HandleId handle = fs->OpenDirectory(kRoot, call).value();
  const Status status = fs->ReadDirectory(
      handle, 0, false, [](const DirectoryEntry&) { return true; }, call);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
  EXPECT_LE(store->calls(StoreOp::kList), 4 * 3U);
  fs->ReleaseDirectory(handle);
}

}  // namespace
}  // namespace skybridge::fuse
