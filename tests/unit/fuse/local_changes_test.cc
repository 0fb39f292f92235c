#include "fuse/names/local_changes.h"

#include <gtest/gtest.h>

namespace skybridge::fuse {
namespace {

constexpr auto kDirectory = static_cast<InodeNumber>(7);

TEST(LocalChanges, AChangeAfterTheQuestionCounts) {
  LocalChanges changes;
  const auto question = changes.Ask();
  EXPECT_FALSE(changes.ChangedSince(question, kDirectory, "a"));
  changes.Note(kDirectory, "a");
  EXPECT_TRUE(changes.ChangedSince(question, kDirectory, "a"));
  EXPECT_FALSE(changes.ChangedSince(question, kDirectory, "b"));
  EXPECT_FALSE(changes.ChangedSince(question, InodeNumber::kRoot, "a"));
}

TEST(LocalChanges, AChangeBeforeTheQuestionDoesNotCount) {
  LocalChanges changes;
  const auto earlier = changes.Ask();
  changes.Note(kDirectory, "a");
  const auto later = changes.Ask();
  EXPECT_TRUE(changes.ChangedSince(earlier, kDirectory, "a"));
  EXPECT_FALSE(changes.ChangedSince(later, kDirectory, "a"));
}

void Touch(LocalChanges& changes, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) changes.Note(kDirectory, std::to_string(i));
}

TEST(LocalChanges, PastTheBoundAnOldQuestionIsNotRememberedAndANewOneIs) {
  LocalChanges changes;
  const auto old = changes.Ask();
  Touch(changes, LocalChanges::kMaxRemembered);
  EXPECT_TRUE(changes.Remembers(old));
  changes.Note(kDirectory, "one too many");
  EXPECT_FALSE(changes.Remembers(old));
  const auto next = changes.Ask();  // while the old one is still open
  EXPECT_TRUE(changes.Remembers(next));
  EXPECT_FALSE(changes.ChangedSince(next, kDirectory, "never touched"));
  changes.Note(kDirectory, "touched");
  EXPECT_TRUE(changes.ChangedSince(next, kDirectory, "touched"));
}

TEST(LocalChanges, TheSameNameChangedAgainTakesNoMoreRoom) {
  LocalChanges changes;
  const auto question = changes.Ask();
  for (std::size_t i = 0; i <= LocalChanges::kMaxRemembered; ++i) changes.Note(kDirectory, "a");
  EXPECT_TRUE(changes.Remembers(question));
  EXPECT_TRUE(changes.ChangedSince(question, kDirectory, "a"));
}

}  // namespace
}  // namespace skybridge::fuse
