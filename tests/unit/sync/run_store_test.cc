#include "sync/runs/run_store.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temp_directory.h"

namespace skybridge {
namespace {

using std::chrono::seconds;

const WallTime kStart{seconds(1767608430)};

RunRecord RunAt(int second, RunState state) {
  return {.id = MakeRunId(kStart + seconds(second), 0x1f3a),
          .mirror = "lake",
          .state = state,
          .started = kStart + seconds(second)};
}

TEST(RunRecord, IdsSortByTime) {
  EXPECT_EQ(MakeRunId(kStart, 0x41f3a), "20260105T102030000Z-1f3a");
  EXPECT_LT(MakeRunId(kStart, 0xffff), MakeRunId(kStart + std::chrono::milliseconds(1), 0));
}

TEST(RunRecord, ComesBackAsItWasWritten) {
  RunRecord run = RunAt(0, RunState::kFailed);
  run.ended = kStart + seconds(9);
  run.counts = {.listed = 1,
                .files_copied = 2,
                .bytes_copied = 3,
                .attributes_updated = 4,
                .directories_made = 5,
                .unchanged = 6,
                .extra = 7,
                .vanished = 8,
                .failed = 9};
  run.reason = "the source cannot be listed";
  run.failures = {{.path = "a \"b\"\n", .reason = "refused"}};
  const auto read = ParseRun(RunToJson(run));
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(*read, run);
}

TEST(RunRecord, WhatIsNoRunIsCorrupt) {
  for (const char* text :
       {"", "[]", "{}", R"({"id":"x","state":"other","started":"2026-01-05T10:20:30Z"})",
        R"({"id":"x","state":"failed","started":"yesterday"})"}) {
    const auto run = ParseRun(text);
    ASSERT_FALSE(run) << text;
    EXPECT_EQ(run.error().code, ErrorCode::kCorrupt);
  }
}

class RunStoreTest : public ::testing::Test {
 protected:
  testing::TempDirectory directory_;
  RunStore store_{directory_.Sub("runs"), 3};
};

TEST_F(RunStoreTest, WithoutADirectoryThereAreNoRuns) {
  const auto runs = store_.List();
  ASSERT_TRUE(runs);
  EXPECT_TRUE(runs->empty());
  EXPECT_EQ(store_.Find("20260105T102030Z-1f3a").error().code, ErrorCode::kNotFound);
}

TEST_F(RunStoreTest, KeepsTheNewestRunsThatAreOver) {
  ASSERT_TRUE(store_.Save(RunAt(0, RunState::kRunning)));
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(store_.Save(RunAt(i, RunState::kSucceeded)));
  const auto runs = store_.List();
  ASSERT_TRUE(runs);
  ASSERT_EQ(runs->size(), 4U);
  EXPECT_EQ(runs->front(), RunAt(0, RunState::kRunning)) << "a run that is not over stays";
  EXPECT_EQ(runs->back(), RunAt(5, RunState::kSucceeded));
  EXPECT_EQ(*store_.Find(RunAt(4, RunState::kSucceeded).id), RunAt(4, RunState::kSucceeded));
}

TEST_F(RunStoreTest, WhatAKilledProcessLeftIsStopped) {
  ASSERT_TRUE(store_.Save(RunAt(0, RunState::kRunning)));
  ASSERT_TRUE(store_.Save(RunAt(1, RunState::kSucceeded)));
  ASSERT_TRUE(store_.CloseInterrupted(kStart + seconds(60)));
  const auto runs = store_.List();
  ASSERT_EQ(runs->size(), 2U);
  EXPECT_EQ(runs->front().state, RunState::kStopped);
  EXPECT_EQ(runs->front().ended, kStart + seconds(60));
  EXPECT_EQ(runs->back().state, RunState::kSucceeded);
}

TEST_F(RunStoreTest, ADamagedFileHidesNoOtherRun) {
  ASSERT_TRUE(store_.Save(RunAt(1, RunState::kSucceeded)));
  std::ofstream(directory_.Sub("runs/20260101T000000Z-0000.json")) << "{";
  EXPECT_EQ(store_.List()->size(), 1U);
  EXPECT_EQ(store_.Find("20260101T000000Z-0000").error().code, ErrorCode::kCorrupt);
}

TEST_F(RunStoreTest, AnIdCannotLeaveTheDirectory) {
  std::ofstream(directory_.Sub("secret.json")) << RunToJson(RunAt(0, RunState::kSucceeded));
  ASSERT_TRUE(store_.Save(RunAt(1, RunState::kSucceeded)));
  EXPECT_EQ(store_.Find("../secret").error().code, ErrorCode::kNotFound);
}

TEST_F(RunStoreTest, ADirectoryThatCannotBeWrittenIsAnError) {
  std::ofstream(directory_.Sub("file")) << "x";
  RunStore store(directory_.Sub("file"), 3);
  EXPECT_FALSE(store.Save(RunAt(0, RunState::kRunning)));
}

}  // namespace
}  // namespace skybridge
