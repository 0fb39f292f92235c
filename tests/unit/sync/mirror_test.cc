#include "sync/mirror/mirror.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_directory.h"

namespace skybridge {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::FakeClock;

SyncSummary Complete() { return {.files_copied = 2, .bytes_copied = 10, .unchanged = 3}; }

class MirrorTest : public ::testing::Test {
 protected:
  // Passes by a script: each entry is one pass.
  Mirror Make(std::vector<PassFunction> passes, bool once = false) {
    clock_.AdvanceBySleeping(true);
    passes_ = std::move(passes);
    return Mirror(
        {.name = "lake",
         .clock = clock_,
         .every = minutes(5),
         .once = once,
         .stop = stop_.get_token()},
        runs_,
        [this](const ProgressFunction& progress, const std::stop_token& stop) {
          started_.push_back(clock_.Now());
          const std::size_t number = started_.size();
          if (number == passes_.size()) last_.request_stop();
          return passes_.at(number - 1)(progress, stop);
        },
        [this](const MirrorStatus& status) {
          told_.push_back(status);
          // Ends the mirror when its script is at its end.
          if (last_.stop_requested() && status.phase == MirrorPhase::kWaiting) stop_.request_stop();
        },
        before_);
  }
  static PassFunction Returns(Result<SyncSummary> outcome) {
    return [outcome](const ProgressFunction&, const std::stop_token&) { return outcome; };
  }
  static PassFunction Fails() { return Returns(Fail(ErrorCode::kUnreachable, "no answer")); }

  FakeClock clock_;
  testing::TempDirectory directory_;
  RunStore runs_{directory_.Sub("runs"), 100};
  std::optional<MirrorStatus> before_;
  std::stop_source stop_;
  std::stop_source last_;
  std::vector<PassFunction> passes_;
  std::vector<MonotonicTime> started_;
  std::vector<MirrorStatus> told_;
};

TEST_F(MirrorTest, OncePassesOnceAndRemembersIt) {
  const WallTime begin = clock_.WallNow();
  const auto run = Make({Returns(Complete())}, true).Run();
  ASSERT_TRUE(run);
  EXPECT_EQ(run->state, RunState::kSucceeded);
  EXPECT_EQ(run->counts.files_copied, 2U);
  EXPECT_EQ(*runs_.Find(run->id), *run);
  EXPECT_EQ(told_.back().phase, MirrorPhase::kStopped);
  EXPECT_EQ(told_.back().complete_as_of, begin);
  EXPECT_EQ(told_.back().LagAt(begin + seconds(7)), seconds(7));
}

TEST_F(MirrorTest, PassesBeginAtTheIntervalHoweverLongTheyTake) {
  const PassFunction slow = [this](const ProgressFunction&, const std::stop_token&) {
    clock_.Advance(minutes(2));
    return Complete();
  };
  const PassFunction slower = [this](const ProgressFunction&, const std::stop_token&) {
    clock_.Advance(minutes(9));
    return Complete();
  };
  ASSERT_TRUE(Make({slow, slower, Returns(Complete())}).Run());
  ASSERT_EQ(started_.size(), 3U);
  EXPECT_EQ(started_[1] - started_[0], minutes(5));
  EXPECT_EQ(started_[2] - started_[1], minutes(9));
}

TEST_F(MirrorTest, AFailedPassIsTriedAgainSoonThenAtTheInterval) {
  std::vector<PassFunction> passes(9, Fails());
  passes.push_back(Returns(Complete()));
  ASSERT_TRUE(Make(passes).Run());
  EXPECT_EQ(started_[1] - started_[0], seconds(5));
  EXPECT_EQ(started_[2] - started_[1], seconds(10));
  EXPECT_EQ(started_[9] - started_[8], minutes(5));
  EXPECT_EQ(runs_.List()->front().state, RunState::kFailed);
  EXPECT_EQ(runs_.List()->front().reason, "no answer");
}

TEST_F(MirrorTest, OnlyAPassThatLeftNothingOutMovesTheTimeOfCompleteness) {
  const WallTime begin = clock_.WallNow();
  SyncSummary partial = Complete();
  partial.failed_count = 1;
  partial.failed = {
      {.path = "a", .error = {.code = ErrorCode::kPermissionDenied, .message = "no"}}};
  const auto run = Make({Returns(Complete()), Returns(partial)}).Run();
  ASSERT_TRUE(run);
  EXPECT_EQ(run->state, RunState::kFailed);
  EXPECT_EQ(run->failures, (std::vector<RunFailure>{{.path = "a", .reason = "no"}}));
  EXPECT_EQ(told_.back().complete_as_of, begin);
}

TEST_F(MirrorTest, AStopEndsTheRunningPass) {
  const auto run = Make({[this](const ProgressFunction&, const std::stop_token& stop) {
                     stop_.request_stop();
                     EXPECT_TRUE(stop.stop_requested());
                     return Result<SyncSummary>(Fail(ErrorCode::kCancelled, "stopped"));
                   }}).Run();
  ASSERT_TRUE(run);
  EXPECT_EQ(run->state, RunState::kStopped);
}

TEST_F(MirrorTest, ARunThatIsAskedToStopEndsAndTheMirrorGoesOn) {
  const auto run = Make({[this](const ProgressFunction& progress, const std::stop_token& stop) {
                           EXPECT_TRUE(runs_.RequestStop(told_.back().current->id));
                           progress({.objects_listed = 4});
                           EXPECT_TRUE(stop.stop_requested());
                           return Result<SyncSummary>(Fail(ErrorCode::kCancelled, "stopped"));
                         },
                         Returns(Complete())})
                       .Run();
  ASSERT_TRUE(run);
  EXPECT_EQ(run->state, RunState::kSucceeded);
  const auto runs = runs_.List();
  ASSERT_EQ(runs->size(), 2U);
  EXPECT_EQ(runs->front().state, RunState::kStopped);
  EXPECT_EQ(runs->front().counts.listed, 4U);
}

TEST_F(MirrorTest, WhatTheProcessBeforeKnewIsKept) {
  before_ = MirrorStatus{.mirror = "lake",
                         .phase = MirrorPhase::kRunning,
                         .complete_as_of = clock_.WallNow() - minutes(30)};
  ASSERT_TRUE(
      runs_.Save({.id = "20260105T100000Z-0000", .mirror = "lake", .state = RunState::kRunning}));
  ASSERT_TRUE(Make({Fails()}, true).Run());
  EXPECT_EQ(told_.back().complete_as_of, before_->complete_as_of);
  EXPECT_EQ(runs_.Find("20260105T100000Z-0000")->state, RunState::kStopped);
}

TEST_F(MirrorTest, AMirrorThatCannotRememberItsRunsEnds) {
  RunStore nowhere("/proc/none", 3);
  Mirror mirror({.name = "lake", .clock = clock_}, nowhere, Returns(Complete()), [](const auto&) {},
                {});
  EXPECT_FALSE(mirror.Run());
}

TEST(MirrorStatus, ComesBackAsItWasWritten) {
  const WallTime now{seconds(1767608430)};
  const MirrorStatus status{.mirror = "lake",
                            .phase = MirrorPhase::kWaiting,
                            .updated = now,
                            .complete_as_of = now - seconds(3),
                            .current = RunRecord{.id = "a", .started = now},
                            .last = RunRecord{.id = "b", .started = now},
                            .next_pass = now + seconds(9)};
  const auto read = ParseStatus(StatusToJson(status));
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(*read, status);
  EXPECT_EQ(ParseStatus("{}").error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace skybridge
