#include "fuse/names/kernel_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/recording_notifier.h"

namespace skybridge::fuse {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr InodeNumber kIno{7};

cache::InodeRecord Record(std::string etag, std::uint64_t size_bytes = 1) {
  return {.ino = kIno, .size_bytes = size_bytes, .etag = std::move(etag)};
}

class KernelViewTest : public ::testing::Test {
 protected:
  KernelViewTest() {
    view.SetNotifier(&notifier);
    view.AddLookup(kIno);
  }
  skybridge::testing::RecordingNotifier notifier;
  KernelView view;
};

TEST_F(KernelViewTest, AnInodeIsKnownUntilEveryLookupIsForgotten) {
  view.AddLookup(kIno);
  EXPECT_EQ(view.lookup_count(kIno), 2U);
  view.Forget(kIno, 1);
  EXPECT_EQ(view.lookup_count(kIno), 1U);
  view.Forget(kIno, 1);
  EXPECT_EQ(view.lookup_count(kIno), 0U);
  view.Forget(kIno, 1);
  EXPECT_EQ(view.lookup_count(kIno), 0U);
}

TEST_F(KernelViewTest, NothingIsSaidOfWhatTheKernelDoesNotHave) {
  view.Learned(Record("v1"));  // looked up, and not answered yet
  view.Forget(kIno, 1);
  view.NoteReply(Record("v1"));
  view.Learned(Record("v2"));
  view.LostName(kIno, InodeNumber::kRoot, "a");
  view.ForgetContent(kIno);
  EXPECT_FALSE(view.BeforeOpen(Record("v2")));
  EXPECT_THAT(notifier.Take(), IsEmpty());
}

TEST_F(KernelViewTest, WhatIsLearnedAgainUnchangedIsNoNews) {
  view.NoteReply(Record("v1"));
  view.Learned(Record("v1"));
  EXPECT_THAT(notifier.Take(), IsEmpty());
}

TEST_F(KernelViewTest, ANewVersionTakesAttributesAndPages) {
  view.NoteReply(Record("v1"));
  view.BeforeOpen(Record("v1"));
  view.Learned(Record("v2", 2));
  EXPECT_THAT(notifier.Take(), ElementsAre("attributes 7", "pages 7"));
}

TEST_F(KernelViewTest, OtherAttributesOfTheSameVersionLeaveThePages) {
  view.NoteReply(Record("v1"));
  view.BeforeOpen(Record("v1"));
  cache::InodeRecord changed = Record("v1");
  changed.mode = 0600;
  view.Learned(changed);
  EXPECT_THAT(notifier.Take(), ElementsAre("attributes 7"));
}

TEST_F(KernelViewTest, AnOpenOfAnotherVersionThanTheKernelWasToldTakesTheAttributesFirst) {
  view.NoteReply(Record("v1"));
  view.BeforeOpen(Record("v2", 2));
  EXPECT_THAT(notifier.Take(), ElementsAre("attributes now 7"));
  view.NoteReply(Record("v2", 2));
  view.BeforeOpen(Record("v2", 2));
  EXPECT_THAT(notifier.Take(), IsEmpty());
}

// The kernel keeps the attributes of the reply that it takes first, not of the newer one.
TEST_F(KernelViewTest, RepliesThatMayHaveCrossedAreNotTrustedAtTheNextOpen) {
  view.NoteReply(Record("v1"));
  view.NoteReply(Record("v2"));
  view.BeforeOpen(Record("v2"));
  EXPECT_THAT(notifier.Take(), ElementsAre("attributes now 7"));
}

TEST_F(KernelViewTest, PagesOfTheSameVersionAreKept) {
  EXPECT_FALSE(view.BeforeOpen(Record("v1")));  // there are none
  EXPECT_TRUE(view.BeforeOpen(Record("v1")));
  EXPECT_THAT(notifier.Take(), IsEmpty());
}

TEST_F(KernelViewTest, NoOpenKeepsPagesUntilTheOldOnesAreGone) {
  view.BeforeOpen(Record("v1"));
  EXPECT_FALSE(view.BeforeOpen(Record("v2")));
  EXPECT_FALSE(view.BeforeOpen(Record("v2")));  // its reply may be the first of the two to arrive
  notifier.DropPages();
  EXPECT_TRUE(view.BeforeOpen(Record("v2")));
}

TEST_F(KernelViewTest, ADropThatWasOvertakenByAnotherVersionProvesNothing) {
  view.BeforeOpen(Record("v1"));
  view.BeforeOpen(Record("v2"));
  skybridge::testing::RecordingNotifier later;
  view.SetNotifier(&later);
  view.BeforeOpen(Record("v3"));
  notifier.DropPages();
  EXPECT_FALSE(view.BeforeOpen(Record("v3")));
  later.DropPages();
  EXPECT_TRUE(view.BeforeOpen(Record("v3")));
}

TEST_F(KernelViewTest, OwnVersionsKeepTheirPages) {
  view.SetPages(kIno, "v1");
  view.RenamePages(kIno, "v1", "v2");
  EXPECT_TRUE(view.BeforeOpen(Record("v2")));
  view.RenamePages(kIno, "another", "v3");
  EXPECT_FALSE(view.BeforeOpen(Record("v3")));
}

TEST_F(KernelViewTest, ContentThatIsElsewhereThanTheKernelBelievesIsForgotten) {
  view.SetPages(kIno, "v1");
  view.ForgetContent(kIno);
  EXPECT_THAT(notifier.Take(), ElementsAre("attributes 7", "pages 7"));
  EXPECT_FALSE(view.BeforeOpen(Record("v1")));
}

TEST_F(KernelViewTest, ANameIsForgottenWhereTheKernelMayHaveIt) {
  view.LostName(kIno, InodeNumber::kRoot, "a");
  view.LostName(InodeNumber{8}, InodeNumber::kRoot, "b");
  view.LostName(InodeNumber::kRoot, "c");
  EXPECT_THAT(notifier.Take(), ElementsAre("entry 1 a", "entry 1 c"));
}

}  // namespace
}  // namespace skybridge::fuse
