#include "backends/rate_limited_store.h"

#include <thread>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"

namespace skybridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::FakeClock;
using testing::FakeObjectStore;
using testing::StoreOp;

TEST(RateLimitedStore, KeepsTheNumberInFlight) {
  FakeClock clock;
  FakeObjectStore fake(clock);
  RateLimitedStore store(fake, clock, {.max_in_flight = 2});
  fake.script().Block(StoreOp::kProbe);
  std::vector<std::jthread> callers;
  for (int i = 0; i < 5; ++i) {
    callers.emplace_back([&] { EXPECT_TRUE(store.Probe({})); });
  }
  fake.script().WaitForBlocked(StoreOp::kProbe, 2);
  EXPECT_EQ(store.in_flight(), 2u);
  EXPECT_EQ(fake.calls(StoreOp::kProbe), 2u);
  fake.script().Release(StoreOp::kProbe);
  callers.clear();
  EXPECT_EQ(fake.calls(StoreOp::kProbe), 5u);
  EXPECT_EQ(store.in_flight(), 0u);
}

TEST(RateLimitedStore, WaitingForATurnEndsWhenStoppedOrLate) {
  FakeClock clock;
  FakeObjectStore fake(clock);
  RateLimitedStore store(fake, clock, {.max_in_flight = 1});
  fake.script().Block(StoreOp::kProbe);
  std::jthread holder([&] { EXPECT_TRUE(store.Probe({})); });
  fake.script().WaitForBlocked(StoreOp::kProbe, 1);

  EXPECT_EQ(store.Probe({.deadline = clock.Now()}).error().code, ErrorCode::kTimedOut);
  std::stop_source stop;
  Result<ProbeReply> stopped;
  std::jthread waiter([&] { stopped = store.Probe({.stop = stop.get_token()}); });
  stop.request_stop();
  waiter.join();
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
  fake.script().Release(StoreOp::kProbe);
}

TEST(RateLimitedStore, AllowsABurstThenAnEvenRate) {
  FakeClock clock;
  clock.AdvanceBySleeping(true);
  FakeObjectStore fake(clock);
  RateLimitedStore store(fake, clock, {.calls_per_second = 10, .burst = 3});
  const MonotonicTime start = clock.Now();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store.Probe({}));
  EXPECT_EQ(clock.Now() - start, seconds(0));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(store.Probe({}));
  EXPECT_EQ(clock.Now() - start, seconds(1));
}

TEST(RateLimitedStore, RefusesACallWhoseTurnComesAfterItsDeadline) {
  FakeClock clock;
  FakeObjectStore fake(clock);
  RateLimitedStore store(fake, clock, {.calls_per_second = 1, .burst = 1});
  ASSERT_TRUE(store.Probe({}));
  EXPECT_EQ(store.Probe({.deadline = clock.Now() + milliseconds(500)}).error().code,
            ErrorCode::kTimedOut);
  EXPECT_EQ(fake.calls(StoreOp::kProbe), 1u);
  EXPECT_EQ(store.in_flight(), 0u);
}

}  // namespace
}  // namespace skybridge
