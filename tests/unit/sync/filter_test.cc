#include "sync/listing/filter.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sync/listing/wildcard.h"

namespace skybridge {
namespace {

bool Included(const std::vector<std::string>& rules, const std::string& path,
              NodeKind kind = NodeKind::kFile) {
  const auto filter = Filter::Parse(rules);
  EXPECT_TRUE(filter) << filter.error().message;
  return filter->Includes(path, kind);
}

TEST(Wildcard, AStarStopsAtASlash) {
  EXPECT_TRUE(MatchesWildcards("*.csv", "a.csv"));
  EXPECT_FALSE(MatchesWildcards("*.csv", "a/b.csv"));
  EXPECT_TRUE(MatchesWildcards("a*", "a"));
}

TEST(Wildcard, TwoStarsCrossSlashes) {
  EXPECT_TRUE(MatchesWildcards("a/**/z", "a/b/c/z"));
  EXPECT_FALSE(MatchesWildcards("a/**/z", "a/z"));
  EXPECT_TRUE(MatchesWildcards("a/**", "a/b/c"));
}

TEST(Wildcard, GoesBackToAnEarlierStar) {
  EXPECT_TRUE(MatchesWildcards("**a*c/d", "a/abc/abd/aac/d"));
  EXPECT_TRUE(MatchesWildcards("*ab*ab", "ababab"));
  EXPECT_FALSE(MatchesWildcards("*ab*ab", "abba"));
}

TEST(Wildcard, ManyStarsTakeNoExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "**a*";
  EXPECT_FALSE(MatchesWildcards(pattern + "b", std::string(1000, 'a')));
}

TEST(Wildcard, ClassesHoldRangesNamesAndTheirOpposite) {
  EXPECT_TRUE(MatchesWildcards("[a-c]x", "bx"));
  EXPECT_FALSE(MatchesWildcards("[!a-c]x", "bx"));
  EXPECT_TRUE(MatchesWildcards("[^a-c]x", "dx"));
  EXPECT_TRUE(MatchesWildcards("[[:digit:]_]", "7"));
  EXPECT_TRUE(MatchesWildcards("[]]", "]"));
  EXPECT_TRUE(MatchesWildcards("[\\]]", "]"));
  EXPECT_FALSE(MatchesWildcards("[a", "a")) << "never closed";
  EXPECT_FALSE(MatchesWildcards("[!a]", "/")) << "no class holds a slash";
}

TEST(Wildcard, ABackslashTakesTheMeaningAway) {
  EXPECT_TRUE(MatchesWildcards("\\*", "*"));
  EXPECT_FALSE(MatchesWildcards("\\*", "a"));
  EXPECT_FALSE(MatchesWildcards("a\\", "a\\"));
}

TEST(Filter, WithoutRulesEverythingIsIncluded) { EXPECT_TRUE(Included({}, "a/b")); }

TEST(Filter, TheFirstRuleThatMatchesDecides) {
  const std::vector<std::string> rules{"+ keep.log", "- *.log"};
  EXPECT_TRUE(Included(rules, "keep.log"));
  EXPECT_FALSE(Included(rules, "other.log"));
  EXPECT_TRUE(Included(rules, "other.txt"));
}

TEST(Filter, ANameWithoutASlashMatchesAnywhere) {
  EXPECT_FALSE(Included({"- tmp"}, "a/b/tmp"));
  EXPECT_TRUE(Included({"- tmp"}, "a/b/mytmp"));
}

TEST(Filter, ASlashAtTheBeginAnchors) {
  EXPECT_FALSE(Included({"- /tmp"}, "tmp"));
  EXPECT_TRUE(Included({"- /tmp"}, "a/tmp"));
}

TEST(Filter, ASlashAtTheEndMatchesDirectoriesAlone) {
  EXPECT_TRUE(Included({"- tmp/"}, "tmp", NodeKind::kFile));
  EXPECT_FALSE(Included({"- tmp/"}, "tmp", NodeKind::kDirectory));
  EXPECT_FALSE(Included({"- tmp/"}, "a/tmp/file"));
}

TEST(Filter, NothingBelowAnExcludedDirectoryIsIncluded) {
  EXPECT_FALSE(Included({"+ *.csv", "- /raw"}, "raw/a.csv"));
}

TEST(Filter, APatternWithASlashMatchesTheLastParts) {
  EXPECT_FALSE(Included({"- b/c"}, "a/b/c"));
  EXPECT_FALSE(Included({"- b/c"}, "b/c"));
  EXPECT_TRUE(Included({"- b/c"}, "xb/c"));
  EXPECT_FALSE(Included({"- b/*"}, "a/b/c"));
}

TEST(Filter, TwoStarsMatchAtAnyDepth) {
  EXPECT_FALSE(Included({"- **/x"}, "x"));
  EXPECT_FALSE(Included({"- **/x"}, "a/b/x"));
  EXPECT_FALSE(Included({"- a/**/x"}, "q/a/b/c/x"));
  EXPECT_TRUE(Included({"- /a/**/x"}, "q/a/b/c/x"));
}

TEST(Filter, ThreeStarsAreTheDirectoryAndAllBelowIt) {
  const std::vector<std::string> rules{"+ /keep/***", "- *"};
  EXPECT_TRUE(Included(rules, "keep", NodeKind::kDirectory));
  EXPECT_TRUE(Included(rules, "keep/a/b"));
  EXPECT_FALSE(Included(rules, "other", NodeKind::kDirectory));
  EXPECT_FALSE(Included(rules, "keep", NodeKind::kFile));
}

TEST(Filter, WhatIsNoRuleIsRefusedByName) {
  for (const std::string rule : {"*.csv", "+", "- ", "P x", "- /"}) {
    const auto filter = Filter::Parse(std::vector{rule});
    ASSERT_FALSE(filter) << rule;
    EXPECT_EQ(filter.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(filter.error().message.find("'" + rule + "'"), std::string::npos);
  }
}

}  // namespace
}  // namespace skybridge
