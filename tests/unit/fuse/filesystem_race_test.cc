// What one thread of a mount does while another is in the middle of something with the same name.
// Where only chance brings the two together, they meet often enough to find what would be wrong.
#include <atomic>
#include <thread>

#include "tests/unit/fuse/filesystem_fixture.h"

namespace skybridge::fuse {
namespace {

using namespace std::chrono_literals;

class FilesystemRace : public FilesystemFixture {
 protected:
  std::optional<std::uint64_t> SizeInListing(std::string_view name) {
    const HandleId handle = fs->OpenDirectory(kRoot, call).value();
    std::optional<std::uint64_t> size;
    EXPECT_TRUE(fs->ReadDirectory(
        handle, 0, true,
        [&](const DirectoryEntry& entry) {
          if (entry.name == name) size = entry.node->stat.size_bytes;
          return true;
        },
        call));
    fs->ReleaseDirectory(handle);
    return size;
  }
};

// A program that opened the file keeps what it opened; one that comes too late for that is told at
// its open, where the kernel looks the name up again.
TEST_F(FilesystemRace, AFileThatIsOpenedWhileItIsReplacedIsReadableOrCannotBeOpened) {
  for (int i = 0; i < 300; ++i) {
    MakeFile("a", "old");
    MakeFile("b", "new");
    const InodeNumber ino = Ino("a");
    std::atomic<bool> ready = false;
    std::jthread replacer([&] {
      ready = true;
      EXPECT_TRUE(i % 2 == 0
                      ? fs->Rename(kRoot, "b", kRoot, "a", RenameMode::kReplace, call).has_value()
                      : fs->Unlink(kRoot, "a", call).has_value());
    });
    while (!ready) std::this_thread::yield();
    const auto opened = fs->Open(ino, {.read = true}, call);
    replacer.join();
    if (opened) {
      EXPECT_EQ(Read(opened->handle).value_or("an error"), "old");
      fs->Release(opened->handle, call);
    } else {
      EXPECT_EQ(opened.error().code, ErrorCode::kPreconditionFailed);
    }
    for (const auto& name : Names(kRoot)) ASSERT_TRUE(fs->Unlink(kRoot, name, call));
  }
}

// The clock is asked whether a record may still be believed: after that was read, and before it is
// used.
TEST_F(FilesystemRace, ALookupBesideACloseShowsWhatWasWritten) {
  MakeFile("a", "one");
  const HandleId handle = OpenToWrite(Ino("a"));
  ASSERT_TRUE(Write(handle, "longer"));
  clock.BeforeNextWallNow([&] { EXPECT_TRUE(Close(handle)); });
  EXPECT_EQ(fs->Lookup(kRoot, "a", call)->stat.size_bytes, 6U);
  EXPECT_EQ(fs->counters().open_files, 0U);
}

TEST_F(FilesystemRace, AnOpenBesideACloseReadsWhatWasWritten) {
  MakeFile("a", "one");
  const InodeNumber ino = Ino("a");
  clock.BeforeNextWallNow([&] {
    const HandleId handle = OpenToWrite(ino);
    EXPECT_TRUE(Write(handle, "longer"));
    EXPECT_TRUE(Close(handle));
  });
  const HandleId handle = OpenToRead(ino);
  const auto text = Read(handle);
  ASSERT_TRUE(text) << text.error().ToString();
  EXPECT_EQ(*text, "longer");
}

TEST_F(FilesystemRace, ATruncateBesideACloseKeepsWhatWasWritten) {
  MakeFile("a", "one");
  const InodeNumber ino = Ino("a");
  clock.BeforeNextWallNow([&] {
    const HandleId handle = OpenToWrite(ino);
    EXPECT_TRUE(Write(handle, "longer"));
    EXPECT_TRUE(Close(handle));
  });
  ASSERT_TRUE(fs->SetAttributes(ino, std::nullopt, {.size_bytes = 5}, call));
  EXPECT_EQ(store->ContentOf("a"), "longe");
  EXPECT_EQ(fs->counters().conflicts, 0U);
}

TEST_F(FilesystemRace, AChangeOfAttributesLeavesAFileThatIsOpenedMeanwhileReadable) {
  StartWith({.capabilities = skybridge::testing::OciLikeCapabilities()});  // a new version
  MakeFile("a", "one");
  const InodeNumber ino = Ino("a");
  HandleId handle{};
  store->script().BeforeNext(StoreOp::kSetAttributes, [&] { handle = OpenToRead(ino); });
  ASSERT_TRUE(fs->SetAttributes(ino, std::nullopt, {.mode = 0600}, call));
  const auto text = Read(handle);
  ASSERT_TRUE(text) << text.error().ToString();
  EXPECT_EQ(*text, "one");
}

TEST_F(FilesystemRace, AWriteBesideAChangeOfAttributesIsNoConflict) {
  MakeFile("a", "one");
  const InodeNumber ino = Ino("a");
  std::jthread writer;
  store->script().BeforeNext(StoreOp::kSetAttributes, [&] {
    const HandleId handle = OpenToWrite(ino);
    EXPECT_TRUE(Write(handle, "two"));
    writer = std::jthread([this, handle] { EXPECT_TRUE(Close(handle)); });
  });
  ASSERT_TRUE(fs->SetAttributes(ino, std::nullopt, {.mode = 0600}, call));
  writer.join();
  EXPECT_EQ(store->Paths(), std::vector<std::string>{"a"});
  EXPECT_EQ(store->ContentOf("a"), "two");
  EXPECT_EQ(store->InfoOf("a")->attributes->mode, 0600U);
}

TEST_F(FilesystemRace, ARenameLeavesAFileThatIsOpenedMeanwhileReadable) {
  MakeFile("a", "one");
  const InodeNumber ino = Ino("a");
  HandleId handle{};
  store->script().BeforeNext(StoreOp::kRename, [&] { handle = OpenToRead(ino); });
  ASSERT_TRUE(fs->Rename(kRoot, "a", kRoot, "b", RenameMode::kReplace, call));
  const auto text = Read(handle);
  ASSERT_TRUE(text) << text.error().ToString();
  EXPECT_EQ(*text, "one");
}

// The kernel sends the release of a handle after its close has returned, beside whatever the program
// does next.
TEST_F(FilesystemRace, AWriterBesideTheReleaseOfAnotherHandleCanWrite) {
  MakeFile("a", "x");
  const InodeNumber ino = Ino("a");
  std::atomic<bool> done = false;
  std::jthread others([&] {
    while (!done) {
      const auto opened = fs->Open(ino, {.read = true, .write = true}, call);
      ASSERT_TRUE(opened);
      fs->Release(opened->handle, call);
    }
  });
  for (int i = 0; i < 2'000; ++i) {
    const HandleId handle = OpenToWrite(ino);
    ASSERT_TRUE(Write(handle, "y"));
    ASSERT_TRUE(Close(handle));
    ASSERT_TRUE(fs->SetAttributes(ino, std::nullopt, {.size_bytes = i % 3 + 1U}, call));
  }
  done = true;
}

TEST_F(FilesystemRace, AListingBesideACloseShowsWhatWasWritten) {
  MakeFile("a", "");
  EXPECT_EQ(Names(kRoot).size(), 1U);
  constexpr std::size_t kVersions = 1000;
  std::atomic<std::size_t> written = 0;  // what a listing that begins now must show
  const InodeNumber ino = Ino("a");
  std::jthread writer([&] {
    for (std::size_t length = 1; length <= kVersions; ++length) {
      const HandleId handle = OpenToWrite(ino);
      EXPECT_TRUE(Write(handle, std::string(length, 'x')));
      written = length;
      EXPECT_TRUE(Close(handle));
    }
  });
  std::size_t too_short = 0;
  while (written < kVersions) {
    const std::size_t expected = written;
    if (SizeInListing("a") < expected) ++too_short;
  }
  EXPECT_EQ(too_short, 0U);
}

TEST_F(FilesystemRace, AnOwnVersionThatTheStoreShowsBeforeTheReplyIsNotSomebodyElses) {
  for (const bool by_listing : {false, true}) {
    MakeFile("a", "one");
    const HandleId handle = OpenToWrite(Ino("a"));
    ASSERT_TRUE(Write(handle, "two"));
    writes->before_publish_returns = [&] {
      clock.Advance(1h);
      if (by_listing) {
        EXPECT_EQ(Names(kRoot, true), std::vector<std::string>{"a"});
      } else {
        EXPECT_TRUE(fs->Lookup(kRoot, "a", call));
      }
    };
    ASSERT_TRUE(fs->Flush(handle, call));
    writes->before_publish_returns = nullptr;
    ASSERT_TRUE(Write(handle, "six"));
    EXPECT_TRUE(Close(handle));
    EXPECT_EQ(store->Paths(), std::vector<std::string>{"a"});
    EXPECT_EQ(store->ContentOf("a"), "six");
    StartWith({});
  }
}

TEST_F(FilesystemRace, AFileThatIsRemovedWhileItIsPublishedIsGone) {
  for (int i = 0; i < 200; ++i) {
    const HandleId handle = Create("a").open.handle;
    ASSERT_TRUE(Write(handle, "text"));
    if (i % 2 == 1) {  // now there is a version to replace
      ASSERT_TRUE(fs->Flush(handle, call));
      ASSERT_TRUE(Write(handle, "more"));
    }
    std::atomic<bool> ready = false;
    std::jthread publisher([&] {
      ready = true;
      EXPECT_TRUE(Close(handle));
    });
    while (!ready) std::this_thread::yield();
    EXPECT_TRUE(fs->Unlink(kRoot, "a", call));
    publisher.join();
    ASSERT_EQ(store->Paths(), std::vector<std::string>());
    ASSERT_EQ(LookupError("a"), ErrorCode::kNotFound);
  }
  EXPECT_EQ(fs->counters().conflicts, 0U);
}

TEST_F(FilesystemRace, AFileThatIsRenamedWhileItIsPublishedHasItsContentThere) {
  for (int i = 0; i < 200; ++i) {
    const HandleId handle = Create("a").open.handle;
    ASSERT_TRUE(Write(handle, "text"));
    if (i % 2 == 1) {
      ASSERT_TRUE(fs->Flush(handle, call));
      ASSERT_TRUE(Write(handle, "more"));
    }
    std::atomic<bool> ready = false;
    std::jthread publisher([&] {
      ready = true;
      EXPECT_TRUE(Close(handle));
    });
    while (!ready) std::this_thread::yield();
    EXPECT_TRUE(fs->Rename(kRoot, "a", kRoot, "b", RenameMode::kReplace, call));
    publisher.join();
    ASSERT_EQ(store->Paths(), std::vector<std::string>{"b"});
    ASSERT_EQ(store->ContentOf("b"), i % 2 == 1 ? "more" : "text");
    ASSERT_TRUE(fs->Unlink(kRoot, "b", call));
  }
  EXPECT_EQ(fs->counters().conflicts, 0U);
}

// A directory moves from name to name, in one request or object by object, while `work` is done
// with the file "f" in it, which is open as `handle`.
class DirectoryRenameRace : public FilesystemFixture,
                            public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    const bool hierarchical = std::string_view(GetParam()) == "Hierarchical";
    StartWith({.capabilities = hierarchical ? skybridge::testing::HierarchicalCapabilities()
                                            : skybridge::testing::OciLikeCapabilities()});
    directory_ = fs->MakeDirectory(kRoot, "d0", 0755, call).value().stat.ino;
    MakeFileBelow("f", "one");
    file_ = Ino(directory_, "f");
  }

  void MakeFileBelow(std::string_view name, std::string_view text) {
    const auto created =
        fs->CreateFile(directory_, name, 0644, {.read = true, .write = true}, call).value();
    EXPECT_TRUE(Write(created.open.handle, text));
    EXPECT_TRUE(Close(created.open.handle));
  }

  // `work` gets the number of the move that it meets.
  void WhileTheDirectoryMoves(const std::function<void(int)>& work) {
    for (int i = 0; i < kMoves; ++i) {
      std::atomic<bool> ready = false;
      std::jthread worker([&] {
        ready = true;
        work(i);
      });
      while (!ready) std::this_thread::yield();
      ASSERT_TRUE(fs->Rename(kRoot, Place(i), kRoot, Place(i + 1), RenameMode::kReplace, call));
      worker.join();
      ASSERT_FALSE(store->InfoOf(Place(i))) << "something is at the old path";
    }
    EXPECT_EQ(fs->counters().conflicts, 0U);
  }
  static std::string Place(int move) { return "d" + std::to_string(move); }

  static constexpr int kMoves = 60;
  InodeNumber directory_{};
  InodeNumber file_{};
};

TEST_P(DirectoryRenameRace, WhatIsClosedIsAtTheNewPath) {
  WhileTheDirectoryMoves([&](int i) {
    const HandleId handle = OpenToWrite(file_);
    const Status written = Write(handle, "version " + std::to_string(i));
    EXPECT_TRUE(written) << written.error().ToString();
    EXPECT_TRUE(Close(handle));
    MakeFileBelow("new" + std::to_string(i), "text");
  });
  EXPECT_EQ(store->ContentOf(Place(kMoves) + "/f"), "version " + std::to_string(kMoves - 1));
  EXPECT_EQ(Names(directory_).size(), kMoves + 1U);
}

TEST_P(DirectoryRenameRace, WhatIsOpenIsReadOn) {
  const HandleId handle = OpenToRead(file_);
  WhileTheDirectoryMoves([&](int) { EXPECT_EQ(Read(handle).value_or("an error"), "one"); });
}

TEST_P(DirectoryRenameRace, WhatIsLookedUpIsFound) {
  const HandleId handle = OpenToWrite(file_);
  WhileTheDirectoryMoves([&](int) {
    clock.Advance(1h);  // the store is asked
    EXPECT_TRUE(fs->Lookup(directory_, "f", call));
    EXPECT_EQ(Names(directory_, true), std::vector<std::string>{"f"});
  });
  EXPECT_TRUE(Write(handle, "two"));
  EXPECT_TRUE(Close(handle));
  EXPECT_EQ(store->ContentOf(Place(kMoves) + "/f"), "two");
}

TEST_P(DirectoryRenameRace, WhatIsMadeChangedAndRemovedIsSoAtTheNewPath) {
  WhileTheDirectoryMoves([&](int i) {
    EXPECT_TRUE(fs->MakeDirectory(directory_, "made" + std::to_string(i), 0755, call));
    EXPECT_TRUE(fs->RemoveDirectory(directory_, "made" + std::to_string(i), call));
    EXPECT_TRUE(fs->MakeSymlink(directory_, "link", "target", call));
    EXPECT_TRUE(fs->Rename(directory_, "link", directory_, "moved", RenameMode::kReplace, call));
    EXPECT_TRUE(fs->SetAttributes(file_, std::nullopt, {.mode = 0600 + i % 2}, call));
    EXPECT_TRUE(fs->Unlink(directory_, "moved", call));
  });
  EXPECT_EQ(Names(directory_), std::vector<std::string>{"f"});
}

// The store takes its time with a move; nobody who waits for it waits longer than they would.
TEST_P(DirectoryRenameRace, WhoeverWaitsForItMayBeInterruptedAndKeepsTheirDeadline) {
  const HandleId handle = OpenToWrite(file_);
  store->script().Block(StoreOp::kRename);
  std::jthread mover(
      [&] { EXPECT_TRUE(fs->Rename(kRoot, "d0", kRoot, "d1", RenameMode::kReplace, call)); });
  store->script().WaitForBlocked(StoreOp::kRename, 1);
  clock.Advance(1h);  // the store is to be asked
  std::stop_source stop;
  stop.request_stop();
  Call interrupted = call;
  interrupted.context.stop = stop.get_token();
  Call late = call;
  late.context.deadline = clock.Now();
  const auto check = [&](const Call& waiting, ErrorCode expected) {
    EXPECT_EQ(fs->Lookup(directory_, "f", waiting).error().code, expected);
    EXPECT_EQ(fs->MakeDirectory(directory_, "made", 0755, waiting).error().code, expected);
    EXPECT_EQ(fs->Rename(kRoot, "d0", kRoot, "d2", RenameMode::kReplace, waiting).error().code,
              expected);
  };
  check(interrupted, ErrorCode::kCancelled);
  check(late, ErrorCode::kTimedOut);
  EXPECT_TRUE(Write(handle, "two"));
  EXPECT_EQ(fs->Flush(handle, interrupted).error().code, ErrorCode::kCancelled);
  store->script().Release(StoreOp::kRename);
  mover.join();
  EXPECT_TRUE(Close(handle));
  EXPECT_EQ(store->ContentOf("d1/f"), "two");
}

TEST_P(DirectoryRenameRace, AMoveThatGivesUpWaitingLeavesTheDirectoryUsable) {
  clock.Advance(1h);
  store->script().Block(StoreOp::kHead);
  std::jthread reader([&] { EXPECT_TRUE(fs->Lookup(directory_, "f", call)); });
  store->script().WaitForBlocked(StoreOp::kHead, 1);
  std::stop_source stop;
  stop.request_stop();
  Call interrupted = call;
  interrupted.context.stop = stop.get_token();
  EXPECT_EQ(fs->Rename(kRoot, "d0", kRoot, "d1", RenameMode::kReplace, interrupted).error().code,
            ErrorCode::kCancelled);
  store->script().Release(StoreOp::kHead);
  reader.join();
  EXPECT_TRUE(fs->MakeDirectory(directory_, "made", 0755, call));
}

INSTANTIATE_TEST_SUITE_P(Stores, DirectoryRenameRace, ::testing::Values("Hierarchical", "Oci"),
                         [](const auto& store) { return std::string(store.param); });

}  // namespace
}  // namespace skybridge::fuse
