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

TEST(LocalChanges, PastItsBoundEverythingCountsAsChangedUntilTheQuestionIsAnswered) {
  LocalChanges changes;
  {
    const auto question = changes.Ask();
    for (std::size_t i = 0; i <= LocalChanges::kMaxRemembered; ++i)
      changes.Note(kDirectory, std::to_string(i));
    EXPECT_TRUE(changes.ChangedSince(question, kDirectory, "never touched"));
  }
  const auto next = changes.Ask();
  EXPECT_FALSE(changes.ChangedSince(next, kDirectory, "never touched"));
}

}  // namespace
}  // namespace skybridge::fuse
