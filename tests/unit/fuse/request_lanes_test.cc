#include "fuse/session/request_lanes.h"

#include <thread>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace skybridge::fuse {
namespace {

using std::chrono::seconds;
using testing::FakeClock;

class RequestLanesTest : public ::testing::Test {
 protected:
  WaitingRequest Request(std::uint64_t unique, seconds time = seconds(60)) {
    return {.unique = unique,
            .deadline = clock_.Now() + time,
            .arrived = clock_.Now(),
            .message = std::vector<std::byte>(10)};
  }
  bool Waits(std::size_t lane, WaitingRequest request) {
    return !lanes_.Wait(lane, std::move(request)).now;
  }

  FakeClock clock_;
  RequestLanes lanes_{{.lanes = 2, .at_work = 2, .waiting = 3, .waiting_bytes = 40}, clock_};
};

TEST_F(RequestLanesTest, ALaneThatIsFullHoldsUpNoOther) {
  EXPECT_TRUE(lanes_.Enter(0));
  EXPECT_TRUE(lanes_.Enter(0));
  EXPECT_FALSE(lanes_.Enter(0));
  EXPECT_TRUE(lanes_.Enter(1));
}

TEST_F(RequestLanesTest, WhatWaitsIsDoneInOrderByThoseWhoBecomeFree) {
  ASSERT_TRUE(lanes_.Enter(0) && lanes_.Enter(0));
  EXPECT_TRUE(Waits(0, Request(1)));
  EXPECT_TRUE(Waits(0, Request(2)));
  EXPECT_EQ(lanes_.Leave(0)->unique, 1U);
  EXPECT_FALSE(lanes_.Enter(0)) << "the place was handed on";
  EXPECT_EQ(lanes_.Leave(0)->unique, 2U);
  EXPECT_FALSE(lanes_.Leave(0));
  EXPECT_TRUE(lanes_.Enter(0));
}

TEST_F(RequestLanesTest, APlaceThatBecameFreeMeanwhileIsTaken) {
  const auto verdict = lanes_.Wait(0, Request(1));
  ASSERT_TRUE(verdict.now);
  EXPECT_FALSE(verdict.refused);
}

TEST_F(RequestLanesTest, AQueueIsBoundedByNumberAndBytesButNeverRefusesARelease) {
  ASSERT_TRUE(lanes_.Enter(0) && lanes_.Enter(0));
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_TRUE(Waits(0, Request(i)));
  EXPECT_TRUE(lanes_.Wait(0, Request(3)).refused);
  EXPECT_TRUE(Waits(0, {.unique = 4}));
  ASSERT_TRUE(lanes_.Enter(1) && lanes_.Enter(1));
  WaitingRequest large = Request(5);
  large.message.resize(41);
  EXPECT_TRUE(lanes_.Wait(1, std::move(large)).refused);
}

TEST_F(RequestLanesTest, AnInterruptTakesWhatWaits) {
  ASSERT_TRUE(lanes_.Enter(0) && lanes_.Enter(0));
  EXPECT_TRUE(Waits(0, Request(1)));
  EXPECT_TRUE(Waits(0, {.unique = 2}));
  EXPECT_EQ(lanes_.TakeInterrupted(1)->unique, 1U);
  EXPECT_FALSE(lanes_.TakeInterrupted(1));
  EXPECT_FALSE(lanes_.TakeInterrupted(2)) << "it must be done";
  EXPECT_EQ(lanes_.waiting(), 1U);
}

TEST_F(RequestLanesTest, WhatHasWaitedTooLongIsTakenOut) {
  ASSERT_TRUE(lanes_.Enter(0) && lanes_.Enter(0));
  EXPECT_TRUE(Waits(0, Request(1, seconds(10))));
  EXPECT_TRUE(Waits(0, Request(2, seconds(5))));
  EXPECT_TRUE(Waits(0, Request(3, seconds(60))));
  std::vector<WaitingRequest> late;
  std::jthread watcher([&](const std::stop_token& stop) { late = lanes_.AwaitLate(stop); });
  clock_.Advance(seconds(10));
  watcher.join();
  ASSERT_FALSE(late.empty());
  // The watcher may have looked between the two.
  EXPECT_LE(late.size(), 2U);
  EXPECT_EQ(lanes_.waiting(), 3U - late.size());
}

TEST_F(RequestLanesTest, TheWatchEndsWhenStopped) {
  std::vector<WaitingRequest> late = {WaitingRequest{}};
  std::jthread watcher([&](const std::stop_token& stop) { late = lanes_.AwaitLate(stop); });
  watcher.request_stop();
  watcher.join();
  EXPECT_TRUE(late.empty());
}

TEST_F(RequestLanesTest, AtTheEndAllThatWaitsIsTaken) {
  ASSERT_TRUE(lanes_.Enter(0) && lanes_.Enter(0));
  EXPECT_TRUE(Waits(0, Request(1)));
  EXPECT_TRUE(Waits(0, {.unique = 2}));
  EXPECT_EQ(lanes_.TakeAll().size(), 2U);
  EXPECT_FALSE(lanes_.Leave(0));
}

}  // namespace
}  // namespace skybridge::fuse
