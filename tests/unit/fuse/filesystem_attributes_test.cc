// Attributes in the places where a change of them is easily lost.
#include <set>
#include <thread>

#include "tests/unit/fuse/filesystem_fixture.h"

namespace skybridge::fuse {
namespace {

using namespace std::chrono_literals;

class FilesystemAttributes : public FilesystemFixture {
 protected:
  std::uint32_t ModeOf(std::string_view name) {
    return fs->Lookup(kRoot, name, call).value().stat.mode;
  }
  const Call root{.uid = 0, .gid = 0};
};

TEST_F(FilesystemAttributes, WhatIsSetBeforeTheFirstCloseIsPublishedByIt) {
  const CreateReply created = Create("a");
  const InodeNumber ino = created.node.stat.ino;
  EXPECT_TRUE(fs->SetXattr(ino, "user.k", "value", XattrWrite::kSet, call).value());
  EXPECT_TRUE(fs->SetAttributes(ino, std::nullopt, {.mode = 0600}, call));
  EXPECT_EQ(fs->GetXattr(ino, "user.k", call).value(), "value");
  ASSERT_TRUE(Close(created.open.handle));
  const auto attributes = store->InfoOf("a")->attributes;
  EXPECT_EQ(attributes->xattrs.at("user.k"), "value");
  EXPECT_EQ(attributes->mode, 0600U);
}

TEST_F(FilesystemAttributes, AnUnlinkedFileKeepsItsXattrsForItsHandles) {
  MakeFile("a", "x");
  const InodeNumber ino = Ino("a");
  OpenToWrite(ino);
  ASSERT_TRUE(fs->Unlink(kRoot, "a", call));
  EXPECT_TRUE(fs->SetXattr(ino, "user.k", "value", XattrWrite::kSet, call).value());
  EXPECT_EQ(fs->GetXattr(ino, "user.k", call).value(), "value");
}

// Of each way in which somebody else can change a file: at once, not at its close.
TEST_F(FilesystemAttributes, AChangeByAnotherUserTakesTheSetIdBitsAtOnce) {
  const auto with_set_id = [this](std::string_view name) {
    store->PutText(name, "text", {.mode = 06755});
    return Ino(name);
  };
  const HandleId truncated =
      fs->Open(with_set_id("truncated"), {.write = true, .truncate = true}, call)->handle;
  EXPECT_EQ(ModeOf("truncated"), 0755U);
  const HandleId written = OpenToWrite(with_set_id("written"));
  EXPECT_EQ(ModeOf("written"), 06755U);
  ASSERT_TRUE(Write(written, "x"));
  EXPECT_EQ(ModeOf("written"), 0755U);
  ASSERT_TRUE(fs->SetAttributes(with_set_id("cut"), std::nullopt, {.size_bytes = 1}, call));
  EXPECT_EQ(ModeOf("cut"), 0755U);
  ASSERT_TRUE(fs->SetAttributes(with_set_id("given"), std::nullopt, {.uid = 7}, root));
  EXPECT_EQ(ModeOf("given"), 0755U);
  ASSERT_TRUE(Close(truncated));
  ASSERT_TRUE(Close(written));
  for (const char* name : {"truncated", "written", "cut", "given"})
    EXPECT_EQ(store->InfoOf(name)->attributes->mode, 0755U) << name;
}

TEST_F(FilesystemAttributes, AnEmptyFileThatAnotherUserTruncatesLosesTheSetIdBitsInTheStoreToo) {
  store->PutText("a", "", {.mode = 06755});
  const HandleId handle = fs->Open(Ino("a"), {.write = true, .truncate = true}, call)->handle;
  ASSERT_TRUE(Close(handle));
  EXPECT_EQ(store->InfoOf("a")->attributes->mode, 0755U);
}

TEST_F(FilesystemAttributes, RootAndReadersKeepTheSetIdBits) {
  store->PutText("a", "text", {.mode = 06755});
  fs->Release(OpenToRead(Ino("a")), call);
  const HandleId handle = fs->Open(Ino("a"), {.write = true, .truncate = true}, root)->handle;
  ASSERT_TRUE(fs->Write(handle, 0, AsBytes("x"), root));
  ASSERT_TRUE(Close(handle));
  EXPECT_EQ(store->InfoOf("a")->attributes->mode, 06755U);
}

// What is open is no longer what has the name: nobody would ever see the change.
TEST_F(FilesystemAttributes, AReplacedFileCannotBeChanged) {
  store->PutText("a", "one", {.mode = 0644});
  const InodeNumber ino = Ino("a");
  const HandleId handle = OpenToRead(ino);
  store->PutText("a", "other", {.mode = 0644});
  clock.Advance(1h);
  EXPECT_NE(Ino("a"), ino);
  for (const AttributeChange& change :
       {AttributeChange{.mode = 0600}, AttributeChange{.mode = 0644},
        AttributeChange{.mtime = clock.WallNow()}, AttributeChange{.size_bytes = 1}}) {
    EXPECT_EQ(fs->SetAttributes(ino, std::nullopt, change, call).error().code,
              ErrorCode::kPreconditionFailed);
  }
  EXPECT_EQ(fs->SetXattr(ino, "user.k", "v", XattrWrite::kSet, call).error().code,
            ErrorCode::kPreconditionFailed);
  EXPECT_EQ(store->Paths(), std::vector<std::string>{"a"});
  EXPECT_EQ(store->ContentOf("a"), "other");
  fs->Release(handle, call);
}

TEST_F(FilesystemAttributes, ATimeOfAccessAloneIsRefusedAndBesideOthersLeftOut) {
  MakeFile("a", "x");
  const InodeNumber ino = Ino("a");
  EXPECT_EQ(fs->SetAttributes(ino, std::nullopt, {.access_time = true}, call).error().code,
            ErrorCode::kNotSupported);
  const WallTime mtime = clock.WallNow() - 1h;
  const auto changed =
      fs->SetAttributes(ino, std::nullopt, {.mtime = mtime, .access_time = true}, call);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->stat.mtime, mtime);
}

TEST_F(FilesystemAttributes, AFailedMknodLeavesNothing) {
  store->script().FailNext(StoreOp::kPut, {.code = ErrorCode::kUnavailable, .message = "gone"});
  EXPECT_FALSE(fs->MakeFile(kRoot, "a", 0644, call));
  EXPECT_EQ(LookupError("a"), ErrorCode::kNotFound);
  EXPECT_TRUE(Names(kRoot).empty());
  EXPECT_EQ(fs->counters().open_files, 0U);
  EXPECT_TRUE(fs->MakeFile(kRoot, "a", 0640, call));
  EXPECT_EQ(store->InfoOf("a")->attributes->mode, 0640U);
  EXPECT_TRUE(fs->Drain({}));
}

TEST_F(FilesystemAttributes, MknodOfWhatSomebodyElseMadeIsThatFile) {
  EXPECT_EQ(LookupError("a"), ErrorCode::kNotFound);
  store->PutText("a", "theirs");
  EXPECT_EQ(fs->MakeFile(kRoot, "a", 0644, call).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(store->Paths(), std::vector<std::string>{"a"});
  EXPECT_EQ(fs->Lookup(kRoot, "a", call)->stat.size_bytes, 6U);
}

TEST_F(FilesystemAttributes, ANumberAloneIsAskedForByDots) {
  const InodeNumber below = fs->MakeDirectory(kRoot, "d", 0755, call).value().stat.ino;
  const auto created = fs->CreateFile(below, "f", 0644, {.write = true}, call).value();
  const InodeNumber ino = created.node.stat.ino;
  EXPECT_EQ(fs->Lookup(ino, ".", call)->stat.ino, ino) << "not closed yet";
  ASSERT_TRUE(Close(created.open.handle));
  fs->Forget(ino, 100);
  EXPECT_EQ(fs->Lookup(ino, ".", call)->stat.ino, ino);
  EXPECT_EQ(fs->Lookup(ino, "..", call)->stat.ino, below);
  EXPECT_EQ(fs->Lookup(below, "..", call)->stat.ino, kRoot);
  EXPECT_EQ(fs->Lookup(kRoot, "..", call)->stat.ino, kRoot);
  ASSERT_TRUE(fs->Unlink(below, "f", call));
  EXPECT_EQ(fs->Lookup(ino, ".", call).error().code, ErrorCode::kPreconditionFailed);
}

// Processes that still have a copy of a descriptor for writing.
class Copies final : public WritingDescriptors {
 public:
  bool Has(std::uint32_t pid, InodeNumber) const override { return pids.contains(pid); }
  std::set<std::uint32_t> pids;
};

class FilesystemClose : public FilesystemFixture {
 protected:
  static Call From(std::uint32_t pid) { return {.uid = 1000, .gid = 1000, .pid = pid}; }
  Copies copies;
};

TEST_F(FilesystemClose, ACopyThatIsClosedPublishesNothingWhileItsOpenerMayWrite) {
  const HandleId handle =
      fs->CreateFile(kRoot, "a", 0644, {.write = true}, From(1)).value().open.handle;
  copies.pids = {1};
  ASSERT_TRUE(Write(handle, "one"));
  ASSERT_TRUE(fs->Close(handle, copies, From(2)));  // a child
  ASSERT_TRUE(fs->Close(handle, copies, From(1)));  // a copy that dup made
  EXPECT_EQ(store->calls(StoreOp::kPut), 0U);
  copies.pids = {};
  ASSERT_TRUE(fs->Close(handle, copies, From(1)));
  EXPECT_EQ(store->ContentOf("a"), "one");
}

TEST_F(FilesystemClose, TheLastCloseIsThatOfWhoeverIsLeft) {
  const HandleId handle =
      fs->CreateFile(kRoot, "a", 0644, {.write = true}, From(1)).value().open.handle;
  ASSERT_TRUE(Write(handle, "one"));
  copies.pids = {2};  // the opener has ended, its child goes on
  ASSERT_TRUE(fs->Close(handle, copies, From(1)));
  EXPECT_EQ(store->ContentOf("a"), "one");
  copies.pids = {};
  ASSERT_TRUE(Write(handle, "two"));
  ASSERT_TRUE(fs->Close(handle, copies, From(2)));
  EXPECT_EQ(store->ContentOf("a"), "two");
}

TEST_F(FilesystemClose, AHandleBesideAnotherThatWritesIsPublishedAtItsOwnClose) {
  MakeFile("a", "one");
  copies.pids = {1};
  const HandleId first = fs->Open(Ino("a"), {.write = true}, From(1)).value().handle;
  const HandleId second = fs->Open(Ino("a"), {.write = true}, From(1)).value().handle;
  ASSERT_TRUE(Write(second, "two"));
  ASSERT_TRUE(fs->Close(second, copies, From(1)));
  EXPECT_EQ(store->ContentOf("a"), "two");
  fs->Release(second, call);
  fs->Release(first, call);
}

TEST_F(FilesystemClose, AnUnlinkOfAnOpenFileLeavesTimeForTheUnlink) {
  MakeFile("a", "one");
  const HandleId handle = OpenToRead(Ino("a"));
  store->script().Block(StoreOp::kGet);
  Call in_time = call;
  in_time.context.deadline = clock.Now() + 10s;
  std::jthread reader([&] {
    store->script().WaitForBlocked(StoreOp::kGet, 1);
    clock.Advance(5s);  // half of it
  });
  EXPECT_TRUE(fs->Unlink(kRoot, "a", in_time));
  store->script().Release(StoreOp::kGet);
  EXPECT_FALSE(store->ContentOf("a"));
  EXPECT_EQ(Read(handle).error().code, ErrorCode::kPreconditionFailed);
  fs->Release(handle, call);
}

TEST_F(FilesystemClose, WhoeverWaitsForAnothersCloseKeepsTheirDeadline) {
  const HandleId handle = Create("a").open.handle;
  ASSERT_TRUE(Write(handle, "one"));
  store->script().Block(StoreOp::kPut);
  std::jthread closer([&] { EXPECT_TRUE(fs->Flush(handle, call)); });
  store->script().WaitForBlocked(StoreOp::kPut, 1);
  Call late = call;
  late.context.deadline = clock.Now();
  EXPECT_EQ(fs->Unlink(kRoot, "a", late).error().code, ErrorCode::kTimedOut);
  EXPECT_EQ(fs->Rename(kRoot, "a", kRoot, "b", RenameMode::kReplace, late).error().code,
            ErrorCode::kTimedOut);
  EXPECT_EQ(fs->Flush(handle, late).error().code, ErrorCode::kTimedOut);
  store->script().Release(StoreOp::kPut);
  closer.join();
  fs->Release(handle, call);
  EXPECT_EQ(store->ContentOf("a"), "one");
}

}  // namespace
}  // namespace skybridge::fuse
