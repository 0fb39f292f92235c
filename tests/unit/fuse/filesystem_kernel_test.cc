// What a mount tells the kernel when it learns of changes that the kernel did not make.
#include <gmock/gmock.h>

#include "tests/support/recording_notifier.h"
#include "tests/unit/fuse/filesystem_fixture.h"

namespace skybridge::fuse {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::Not;

class FilesystemKernel : public FilesystemFixture {
 protected:
  void SetUp() override {
    FilesystemFixture::SetUp();
    fs->SetNotifier(&kernel);
  }
  void TearDown() override { fs->SetNotifier(nullptr); }

  // By a listing of the directory, as `ls` or many lookups of other names make it.
  void LearnByListing() {
    clock.Advance(1h);
    ReadNames(kRoot);
  }
  static std::string Text(InodeNumber ino) { return std::to_string(ToInteger(ino)); }

  skybridge::testing::RecordingNotifier kernel;
};

TEST_F(FilesystemKernel, AListingThatShowsAnotherVersionTakesAttributesAndPages) {
  store->PutText("a", "one");
  const InodeNumber ino = Ino("a");
  fs->Release(OpenToRead(ino), call);
  store->PutText("a", "longer");
  LearnByListing();
  const auto told = kernel.Take();
  EXPECT_THAT(told, Contains("attributes " + Text(ino)));
  EXPECT_THAT(told, Contains("pages " + Text(ino)));
}

TEST_F(FilesystemKernel, AnOpenOfAnotherVersionTakesTheAttributesBeforeItsReply) {
  store->PutText("a", "one");
  const InodeNumber ino = Ino("a");
  fs->Release(OpenToRead(ino), call);
  store->PutText("a", "longer");
  clock.Advance(1h);
  EXPECT_FALSE(fs->Open(ino, {.read = true}, call)->keep_cache);
  EXPECT_THAT(kernel.Take(), Contains("attributes now " + Text(ino)));
}

TEST_F(FilesystemKernel, AnUnchangedFileKeepsWhatTheKernelHas) {
  store->PutText("a", "one");
  const InodeNumber ino = Ino("a");
  fs->Release(OpenToRead(ino), call);
  LearnByListing();
  EXPECT_TRUE(fs->Open(ino, {.read = true}, call)->keep_cache);
  EXPECT_THAT(kernel.Take(), ::testing::IsEmpty());
}

TEST_F(FilesystemKernel, EachVersionOfALinkHasANumberOfItsOwn) {
  store->PutLink("l", "first");
  const InodeNumber ino = Ino("l");
  EXPECT_EQ(fs->ReadLink(ino, call).value(), "first");
  store->PutLink("l", "second");
  LearnByListing();
  EXPECT_THAT(kernel.Take(), Contains("entry 1 l"));
  EXPECT_NE(Ino("l"), ino);
  EXPECT_EQ(fs->ReadLink(Ino("l"), call).value(), "second");
  EXPECT_EQ(fs->ReadLink(ino, call).error().code, ErrorCode::kPreconditionFailed);
}

TEST_F(FilesystemKernel, AChangeOfALinkByThisMountKeepsItsNumber) {
  ASSERT_TRUE(fs->MakeSymlink(kRoot, "l", "target", call));
  const InodeNumber ino = Ino("l");
  ASSERT_TRUE(fs->SetAttributes(ino, std::nullopt, {.mtime = clock.WallNow() - 1h}, call));
  ASSERT_TRUE(fs->Rename(kRoot, "l", kRoot, "m", RenameMode::kReplace, call));
  clock.Advance(1h);
  EXPECT_EQ(Ino("m"), ino);
}

TEST_F(FilesystemKernel, ANameThatStandsForAnotherNodeIsForgotten) {
  store->PutText("a", "one");
  Ino("a");
  store->Remove("a");
  store->PutText("a/b", "now a directory");
  LearnByListing();
  EXPECT_THAT(kernel.Take(), Contains("entry 1 a"));
}

TEST_F(FilesystemKernel, ANameThatAListingNoLongerShowsIsForgotten) {
  store->PutText("a", "one");
  Ino("a");
  store->Remove("a");
  LearnByListing();
  EXPECT_THAT(kernel.Take(), Contains("entry 1 a"));
}

TEST_F(FilesystemKernel, ANewVersionOfAnOpenFileTakesTheNameAndLeavesTheOldPages) {
  store->PutText("a", "one");
  const InodeNumber ino = Ino("a");
  OpenToRead(ino);
  store->PutText("a", "two");
  LearnByListing();
  const auto told = kernel.Take();
  EXPECT_THAT(told, Contains("entry 1 a"));
  EXPECT_THAT(told, Not(Contains("pages " + Text(ino))));
  EXPECT_NE(Ino("a"), ino);
}

TEST_F(FilesystemKernel, AReplacedFileIsNotOpenedAgainUnderItsOldNumber) {
  store->PutText("a", "one");
  const InodeNumber ino = Ino("a");
  OpenToRead(ino);
  store->PutText("a", "two");
  LearnByListing();
  EXPECT_EQ(fs->Open(ino, {.read = true}, call).error().code, ErrorCode::kPreconditionFailed);
  EXPECT_EQ(Read(OpenToRead(Ino("a"))).value(), "two");
}

TEST_F(FilesystemKernel, AReadThatFindsItsVersionGoneTakesNameAndAttributes) {
  store->PutText("a", "one");
  const InodeNumber ino = Ino("a");
  const HandleId handle = OpenToRead(ino);
  store->PutText("a", "two");
  EXPECT_FALSE(Read(handle));
  const auto told = kernel.Take();
  EXPECT_THAT(told, Contains("entry 1 a"));
  EXPECT_THAT(told, Contains("attributes " + Text(ino)));
}

// The kernel writes at what it believes to be the end, into its own pages.
TEST_F(FilesystemKernel, AnAppendElsewhereThanTheKernelBelievesTakesThePages) {
  store->PutText("a", "one");
  const InodeNumber ino = Ino("a");
  const HandleId handle = fs->Open(ino, {.write = true, .append = true}, call)->handle;
  ASSERT_TRUE(fs->Write(handle, 3, AsBytes("two"), call));
  EXPECT_THAT(kernel.Take(), Not(Contains("pages " + Text(ino))));
  ASSERT_TRUE(fs->Write(handle, 3, AsBytes("three"), call));
  EXPECT_THAT(kernel.Take(), Contains("pages " + Text(ino)));
  ASSERT_TRUE(Close(handle));
  EXPECT_EQ(store->ContentOf("a"), "onetwothree");
}

// Learned between an open's look at the cache and the open itself.
TEST_F(FilesystemKernel, AnOpenBesideALookupOpensWhatTheLookupFound) {
  store->PutText("a", "one");
  const InodeNumber ino = Ino("a");
  store->PutText("a", "longer");
  clock.BeforeNextWallNow([&] {
    clock.Advance(1h);
    Ino("a");
  });
  const HandleId handle = OpenToRead(ino);
  EXPECT_EQ(Read(handle).value(), "longer");
  EXPECT_EQ(fs->GetAttributes(ino, call)->stat.size_bytes, 6U);
}

}  // namespace
}  // namespace skybridge::fuse
