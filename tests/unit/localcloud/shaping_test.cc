#include "tests/localcloud/shaping.h"

#include <gtest/gtest.h>

namespace skybridge::localcloud {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RuleBook, TouchesOnlyWhatARuleNames) {
  RuleBook rules;
  rules.Add({.operation = "azure.append",
             .method = "PATCH",
             .path = "/a/b",
             .fault = Fault::kResetAfter});
  EXPECT_EQ(rules.Match("azure.append", "PATCH", "/fs/a/b?action=append").fault,
            Fault::kResetAfter);
  EXPECT_EQ(rules.Match("azure.flush", "PATCH", "/fs/a/b").fault, Fault::kNone);
  EXPECT_EQ(rules.Match("azure.append", "PUT", "/fs/a/b").fault, Fault::kNone);
  EXPECT_EQ(rules.Match("azure.append", "PATCH", "/fs/c").fault, Fault::kNone);
}

TEST(RuleBook, CountsOnlyMatchingRequestsForAfterAndCount) {
  RuleBook rules;
  rules.Add({.method = "PUT", .after = 1, .count = 2, .fault = Fault::kStatus, .status = 503});
  const auto touched = [&](const char* method) {
    return rules.Match("", method, "/x").fault == Fault::kStatus;
  };
  EXPECT_FALSE(touched("PUT"));
  EXPECT_FALSE(touched("GET"));
  EXPECT_TRUE(touched("PUT"));
  EXPECT_TRUE(touched("PUT"));
  EXPECT_FALSE(touched("PUT"));
}

TEST(RuleBook, AddsDelaysAndTakesTheLowestRateAndTheFirstFault) {
  RuleBook rules;
  rules.Add({.delay = milliseconds(20),
             .download_bytes_per_second = 1000,
             .fault = Fault::kStatus,
             .status = 500});
  rules.Add(
      {.delay = milliseconds(5), .download_bytes_per_second = 500, .fault = Fault::kResetBefore});
  const Shaping shaping = rules.Match("", "GET", "/");
  EXPECT_EQ(shaping.delay, milliseconds(25));
  EXPECT_EQ(shaping.download_bytes_per_second, 500U);
  EXPECT_EQ(shaping.upload_bytes_per_second, 0U);
  EXPECT_EQ(shaping.fault, Fault::kStatus);
  EXPECT_EQ(shaping.status, 500);
}

TEST(RuleBook, LetsSoManyASecondPass) {
  RuleBook rules;
  rules.Add({.allowed_per_second = 10, .fault = Fault::kStatus, .status = 503});
  auto now = RuleBook::Clock::now();
  const auto passed = [&](int requests) {
    int count = 0;
    for (int i = 0; i < requests; ++i)
      count += rules.Match("", "GET", "/", now).fault == Fault::kNone ? 1 : 0;
    return count;
  };
  EXPECT_EQ(passed(15), 10);
  now += milliseconds(500);
  EXPECT_EQ(passed(15), 5);
  now += seconds(60);
  EXPECT_EQ(passed(15), 10);
}

TEST(RuleBook, ForgetsRulesWhenCleared) {
  RuleBook rules;
  rules.Add({.delay = milliseconds(20)});
  rules.Clear();
  EXPECT_EQ(rules.Match("", "GET", "/").delay, milliseconds(0));
}

TEST(ParseRule, ReadsEveryField) {
  const Result<Rule> rule = ParseRule(
      R"({"operation":"o","method":"GET","path":"p","after":3,"count":2,"allowed_per_second":5,"delay_ms":20,"download_bytes_per_second":10,
          "upload_bytes_per_second":11,"fault":"status","status":503,"code":"ServerBusy","retry_after_seconds":4,"act_first":true,
          "stall_ms":7,"clock_skew_seconds":-900,"expire_tokens":true})");
  ASSERT_TRUE(rule) << rule.error().message;
  EXPECT_EQ(rule->operation, "o");
  EXPECT_EQ(rule->method, "GET");
  EXPECT_EQ(rule->path, "p");
  EXPECT_EQ(rule->after, 3U);
  EXPECT_EQ(rule->count, 2U);
  EXPECT_EQ(rule->allowed_per_second, 5U);
  EXPECT_EQ(rule->delay, milliseconds(20));
  EXPECT_EQ(rule->download_bytes_per_second, 10U);
  EXPECT_EQ(rule->upload_bytes_per_second, 11U);
  EXPECT_EQ(rule->fault, Fault::kStatus);
  EXPECT_EQ(rule->status, 503);
  EXPECT_EQ(rule->code, "ServerBusy");
  EXPECT_EQ(rule->retry_after, seconds(4));
  EXPECT_TRUE(rule->act_first);
  EXPECT_EQ(rule->stall, milliseconds(7));
  EXPECT_EQ(rule->clock_skew, seconds(-900));
  EXPECT_TRUE(rule->expire_tokens);
}

TEST(ParseRule, TakesAStatusAloneForTheStatusFault) {
  const Result<Rule> rule = ParseRule(R"({"status":429})");
  ASSERT_TRUE(rule) << rule.error().message;
  EXPECT_EQ(rule->fault, Fault::kStatus);
}

TEST(ParseRule, RefusesWhatItDoesNotKnow) {
  for (const char* text :
       {R"([])", R"({"delay":1})", R"({"fault":"earthquake"})", R"({"delay_ms":"20"})",
        R"({"delay_ms":-1})", R"({"fault":"status"})", R"({"count":0})", "{",
        R"({"code":"ServerBusy"})", R"({"fault":"stall","code":"ServerBusy"})"}) {
    EXPECT_FALSE(ParseRule(text)) << text;
  }
}

}  // namespace
}  // namespace skybridge::localcloud
