// What programs do with files, over a fake store.
#include "tests/unit/fuse/filesystem_fixture.h"

namespace skybridge::fuse {
namespace {

using namespace std::chrono_literals;
using FilesystemFile = FilesystemFixture;

TEST_F(FilesystemFile, CloseMeansCloud) {
  const CreateReply created = Create("a");
  ASSERT_TRUE(Write(created.open.handle, "hello"));
  EXPECT_FALSE(store->ContentOf("a"));
  ASSERT_TRUE(fs->Flush(created.open.handle, call));
  EXPECT_EQ(store->ContentOf("a"), "hello");
  EXPECT_EQ(store->InfoOf("a")->attributes->mode, 0644U);
  EXPECT_EQ(store->InfoOf("a")->attributes->uid, 1000U);
}

TEST_F(FilesystemFile, CloseReportsWhatThePublishSaid) {
  const CreateReply created = Create("a");
  ASSERT_TRUE(Write(created.open.handle, "hello"));
  store->script().FailNext(StoreOp::kPut, {.code = ErrorCode::kUnavailable, .message = "gone"});
  const Status flushed = fs->Flush(created.open.handle, call);
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code, ErrorCode::kUnavailable);
}

TEST_F(FilesystemFile, ContentThatCouldNotBePublishedIsKeptAndDrained) {
  const CreateReply created = Create("a");
  ASSERT_TRUE(Write(created.open.handle, "hello"));
  store->script().FailNext(StoreOp::kPut, {.code = ErrorCode::kUnavailable, .message = "gone"}, 2);
  EXPECT_FALSE(Close(created.open.handle));
  EXPECT_EQ(fs->counters().unpublished_files, 1U);
  EXPECT_EQ(Ino("a"), created.node.stat.ino);
  ASSERT_TRUE(fs->Drain({}));
  EXPECT_EQ(store->ContentOf("a"), "hello");
  EXPECT_EQ(fs->counters().open_files, 0U);
  EXPECT_EQ(Ino("a"), created.node.stat.ino);
}

TEST_F(FilesystemFile, ANewFileIsSeenHereBeforeItIsPublished) {
  const CreateReply created = Create("a");
  ASSERT_TRUE(Write(created.open.handle, "hello"));
  const auto seen = fs->Lookup(kRoot, "a", call);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->stat.ino, created.node.stat.ino);
  EXPECT_EQ(seen->stat.size_bytes, 5U);
  EXPECT_EQ(Names(kRoot), std::vector<std::string>{"a"});
  const HandleId other = OpenToRead(seen->stat.ino);
  EXPECT_EQ(Read(other).value(), "hello");
  ASSERT_TRUE(Close(created.open.handle));
  EXPECT_EQ(Ino("a"), created.node.stat.ino);
}

TEST_F(FilesystemFile, ContentHeadersAndTierStayWithEveryNewVersion) {
  const ContentHeaders headers{.type = "text/csv", .encoding = "gzip"};
  store->PutText("a", "1", {.mode = 0644U, .content = headers, .tier = "Cool"});
  const HandleId handle = OpenToWrite(Ino("a"));
  ASSERT_TRUE(Write(handle, "more"));
  ASSERT_TRUE(Close(handle));
  EXPECT_EQ(store->ContentOf("a"), "more");
  EXPECT_EQ(store->InfoOf("a")->attributes->content, headers);
  EXPECT_EQ(store->InfoOf("a")->attributes->tier, "Cool");
  ASSERT_TRUE(fs->SetAttributes(Ino("a"), std::nullopt, {.mode = 0600U}, call));
  EXPECT_EQ(store->InfoOf("a")->attributes->mode, 0600U);
  EXPECT_EQ(store->InfoOf("a")->attributes->content, headers);
  Restart();
  const HandleId again = OpenToWrite(Ino("a"));
  ASSERT_TRUE(Write(again, "again"));
  ASSERT_TRUE(Close(again));
  EXPECT_EQ(store->InfoOf("a")->attributes->content, headers) << "the cache knows them, too";
  EXPECT_EQ(store->InfoOf("a")->attributes->tier, "Cool");
}

TEST_F(FilesystemFile, TimesSetBeforeCloseAreThoseThatArePublished) {
  const CreateReply created = Create("a");
  ASSERT_TRUE(Write(created.open.handle, "hello"));
  const WallTime wanted{123456789'123456789ns};
  ASSERT_TRUE(
      fs->SetAttributes(created.node.stat.ino, created.open.handle, {.mtime = wanted}, call));
  clock.Advance(10s);
  ASSERT_TRUE(Close(created.open.handle));
  EXPECT_EQ(store->InfoOf("a")->attributes->mtime, wanted);
  EXPECT_EQ(store->calls(StoreOp::kSetAttributes), 0U);
}

TEST_F(FilesystemFile, MtimeIsThatOfTheLastWriteNotOfTheClose) {
  const CreateReply created = Create("a");
  clock.Advance(1s);
  ASSERT_TRUE(Write(created.open.handle, "hello"));
  const WallTime written = clock.WallNow();
  clock.Advance(7s);
  ASSERT_TRUE(Close(created.open.handle));
  clock.Advance(1h);
  EXPECT_EQ(fs->Lookup(kRoot, "a", call)->stat.mtime, written);
}

TEST_F(FilesystemFile, ALostUpdateIsEstaleAndItsDataAConflictCopy) {
  store->PutText("a", "one");
  const HandleId handle = OpenToWrite(Ino("a"));
  ASSERT_TRUE(Write(handle, "mine"));
  store->PutText("a", "theirs");
  const Status closed = Close(handle);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, ErrorCode::kPreconditionFailed);
  EXPECT_EQ(store->ContentOf("a"), "theirs");
  EXPECT_EQ(store->ContentOf("a.conflict-2026-01-05T102030Z"), "mine");
  EXPECT_EQ(fs->counters().conflicts, 1U);
  const HandleId again = OpenToRead(Ino("a"));
  EXPECT_EQ(Read(again).value(), "theirs");
}

TEST_F(FilesystemFile, ANewFileThatSomebodyElseMadeFirstBecomesAConflictCopy) {
  const CreateReply created = Create("a");
  ASSERT_TRUE(Write(created.open.handle, "mine"));
  store->PutText("a", "theirs");
  EXPECT_EQ(Close(created.open.handle).error().code, ErrorCode::kPreconditionFailed);
  EXPECT_EQ(store->ContentOf("a"), "theirs");
  EXPECT_EQ(store->ContentOf("a.conflict-2026-01-05T102030Z"), "mine");
}

TEST_F(FilesystemFile, AHandleNeverReadsAnotherVersion) {
  store->PutText("a", "one");
  const InodeNumber ino = Ino("a");
  const HandleId handle = OpenToRead(ino);
  store->PutText("a", "two");
  EXPECT_EQ(Read(handle).error().code, ErrorCode::kPreconditionFailed);
  const InodeNumber now = Ino("a");
  EXPECT_NE(now, ino);  // the kernel keeps pages by inode
  EXPECT_EQ(Read(OpenToRead(now)).value(), "two");
  EXPECT_EQ(Read(handle).error().code, ErrorCode::kPreconditionFailed);
}

TEST_F(FilesystemFile, AnotherVersionIsSeenOnceTheTtlHasPassed) {
  store->PutText("a", "one");
  const InodeNumber ino = Ino("a");
  store->PutText("a", "longer");
  EXPECT_EQ(fs->GetAttributes(ino, call)->stat.size_bytes, 3U);
  clock.Advance(5s);
  EXPECT_EQ(fs->GetAttributes(ino, call)->stat.size_bytes, 6U);
}

TEST_F(FilesystemFile, TheKernelKeepsItsPagesWhileTheVersionIsTheSame) {
  store->PutText("a", "one");
  const InodeNumber ino = Ino("a");
  const OpenReply first = fs->Open(ino, {.read = true}, call).value();
  EXPECT_FALSE(first.keep_cache);
  fs->Release(first.handle, call);
  const OpenReply second = fs->Open(ino, {.read = true}, call).value();
  EXPECT_TRUE(second.keep_cache);
  fs->Release(second.handle, call);
  store->PutText("a", "two");
  clock.Advance(5s);
  EXPECT_FALSE(fs->Open(Ino("a"), {.read = true}, call)->keep_cache);
}

TEST_F(FilesystemFile, OwnWritesKeepTheKernelsPages) {
  MakeFile("a", "one");
  EXPECT_TRUE(fs->Open(Ino("a"), {.read = true}, call)->keep_cache);
}

// The file is somebody else's version now; the kernel has not opened it since. What changes it
// without an open must not pass the old pages off as the new version's.
TEST_F(FilesystemFile, PagesOfAnOlderVersionAreNotKeptForWhatIsMadeOfANewerOne) {
  const auto pages_are_kept_after = [this](std::string_view name, const AttributeChange& change) {
    store->PutText(name, "mine");
    const InodeNumber ino = Ino(name);
    fs->Release(OpenToRead(ino), call);
    store->PutText(name, "others");
    clock.Advance(1h);
    EXPECT_EQ(Ino(name), ino);
    EXPECT_TRUE(fs->SetAttributes(ino, std::nullopt, change, call));
    return fs->Open(ino, {.read = true}, call)->keep_cache;
  };
  EXPECT_FALSE(pages_are_kept_after("a", {.mode = 0600}));
  EXPECT_FALSE(pages_are_kept_after("b", {.size_bytes = 2}));
}

TEST_F(FilesystemFile, ReadersGoOnWithWhatThisMountPublished) {
  store->PutText("a", "one");
  const InodeNumber ino = Ino("a");
  const HandleId reader = OpenToRead(ino);
  EXPECT_EQ(Read(reader).value(), "one");
  const HandleId writer = OpenToWrite(ino);
  ASSERT_TRUE(Write(writer, "two"));
  EXPECT_EQ(Read(reader).value(), "two");
  ASSERT_TRUE(Close(writer));
  EXPECT_EQ(Read(reader).value(), "two");
}

TEST_F(FilesystemFile, AppendWritesAtTheEnd) {
  store->PutText("a", "one");
  const HandleId handle = fs->Open(Ino("a"), {.write = true, .append = true}, call)->handle;
  ASSERT_TRUE(Write(handle, "two", 0));
  ASSERT_TRUE(Close(handle));
  EXPECT_EQ(store->ContentOf("a"), "onetwo");
}

TEST_F(FilesystemFile, PagesOfAMappingAreWrittenInTheirPlaceAlsoByAHandleThatAppends) {
  store->PutText("a", "one");
  const HandleId handle = fs->Open(Ino("a"), {.write = true, .append = true}, call)->handle;
  ASSERT_TRUE(fs->WriteMapped(handle, 1, AsBytes("N"), call));
  ASSERT_TRUE(Close(handle));
  EXPECT_EQ(store->ContentOf("a"), "oNe");
}

TEST_F(FilesystemFile, TruncatingOpenPublishesAnEmptyFile) {
  store->PutText("a", "one");
  const HandleId handle = fs->Open(Ino("a"), {.write = true, .truncate = true}, call)->handle;
  EXPECT_EQ(fs->GetAttributes(Ino("a"), call)->stat.size_bytes, 0U);
  ASSERT_TRUE(Close(handle));
  EXPECT_EQ(store->ContentOf("a"), "");
}

TEST_F(FilesystemFile, TruncateByPathIsPublishedAtOnce) {
  store->PutText("a", "hello", {.mode = 0600});
  ASSERT_TRUE(fs->SetAttributes(Ino("a"), std::nullopt, {.size_bytes = 2}, call));
  EXPECT_EQ(store->ContentOf("a"), "he");
  EXPECT_EQ(store->InfoOf("a")->attributes->mode, 0600U);
  EXPECT_EQ(fs->counters().open_files, 0U);
}

TEST_F(FilesystemFile, AllocateExtendsAndRefusesHoles) {
  const CreateReply created = Create("a");
  ASSERT_TRUE(fs->Allocate(created.open.handle, 0, {0, 10}, call));
  EXPECT_EQ(fs->Allocate(created.open.handle, 1, {0, 20}, call).error().code,
            ErrorCode::kNotSupported);
  ASSERT_TRUE(Close(created.open.handle));
  EXPECT_EQ(store->ContentOf("a"), std::string(10, '\0'));
}

TEST_F(FilesystemFile, AnUnlinkedFileIsReadAndWrittenThroughItsHandles) {
  store->PutText("a", "hello");
  const InodeNumber ino = Ino("a");
  const HandleId handle = OpenToWrite(ino);
  ASSERT_TRUE(fs->Unlink(kRoot, "a", call));
  EXPECT_FALSE(store->ContentOf("a"));
  EXPECT_EQ(LookupError("a"), ErrorCode::kNotFound);
  EXPECT_EQ(Read(handle).value(), "hello");
  EXPECT_EQ(fs->GetAttributes(ino, call)->stat.link_count, 0U);
  ASSERT_TRUE(Write(handle, "J"));
  EXPECT_EQ(Read(handle).value(), "Jello");
  ASSERT_TRUE(Close(handle));
  EXPECT_FALSE(store->ContentOf("a"));
  EXPECT_EQ(staging->used_bytes(), 0U);
}

TEST_F(FilesystemFile, AFileUnlinkedBeforeItsFirstPublishNeverReachesTheStore) {
  const CreateReply created = Create("a");
  ASSERT_TRUE(Write(created.open.handle, "hello"));
  ASSERT_TRUE(fs->Unlink(kRoot, "a", call));
  EXPECT_EQ(Read(created.open.handle).value(), "hello");
  ASSERT_TRUE(Close(created.open.handle));
  EXPECT_EQ(store->calls(StoreOp::kPut), 0U);
  EXPECT_EQ(store->calls(StoreOp::kDelete), 0U);
}

TEST_F(FilesystemFile, ADeleteThatFailsLeavesTheOpenFileAsItWas) {
  store->PutText("a", "hello");
  const HandleId handle = OpenToWrite(Ino("a"));
  store->script().FailNext(StoreOp::kDelete, {.code = ErrorCode::kUnavailable, .message = "gone"});
  EXPECT_FALSE(fs->Unlink(kRoot, "a", call));
  ASSERT_TRUE(Write(handle, "J"));
  ASSERT_TRUE(Close(handle));
  EXPECT_EQ(store->ContentOf("a"), "Jello");
}

TEST_F(FilesystemFile, ReadOnlyMountsRefuseEveryChange) {
  StartWith({}, {.read_only = true});
  store->PutText("a", "hello");
  const InodeNumber ino = Ino("a");
  const auto is_refused = [](const auto& result) {
    return !result && result.error().code == ErrorCode::kReadOnly;
  };
  EXPECT_TRUE(is_refused(fs->CreateFile(kRoot, "b", 0644, {.write = true}, call)));
  EXPECT_TRUE(is_refused(fs->Open(ino, {.write = true}, call)));
  EXPECT_TRUE(is_refused(fs->Unlink(kRoot, "a", call)));
  EXPECT_TRUE(is_refused(fs->MakeDirectory(kRoot, "d", 0755, call)));
  EXPECT_TRUE(is_refused(fs->SetAttributes(ino, std::nullopt, {.mode = 0600}, call)));
  EXPECT_TRUE(is_refused(fs->Rename(kRoot, "a", kRoot, "b", RenameMode::kReplace, call)));
  EXPECT_TRUE(is_refused(fs->SetXattr(ino, "user.a", "b", XattrWrite::kSet, call)));
  EXPECT_EQ(Read(OpenToRead(ino)).value(), "hello");
}

TEST_F(FilesystemFile, WritingTakesSetUserIdFromThoseWhoMayNotKeepIt) {
  store->PutText("a", "x", {.mode = 06755});
  const HandleId handle = OpenToWrite(Ino("a"));
  ASSERT_TRUE(Write(handle, "y"));
  ASSERT_TRUE(Close(handle));
  EXPECT_EQ(store->InfoOf("a")->attributes->mode, 0755U);
}

}  // namespace
}  // namespace skybridge::fuse
