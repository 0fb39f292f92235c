#include "core/call_wait.h"

#include <thread>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace skybridge {
namespace {

using skybridge::testing::FakeClock;

class CallWait : public ::testing::Test {
 protected:
  // Waits for something that never happens.
  Status WaitForEver(const CallContext& context) {
    MutexLock lock(mutex_);
    for (;;) TRY_VOID(WaitWithin(context, clock_, changed_, mutex_, "the test"));
  }

  FakeClock clock_;
  Mutex mutex_;
  CondVar changed_;
};

TEST_F(CallWait, EndsWhenTheClockOfTheCallReachesItsDeadline) {
  const CallContext context{.deadline = clock_.Now() + std::chrono::seconds(1)};
  std::jthread time([&] { clock_.Advance(std::chrono::seconds(1)); });
  const Status waited = WaitForEver(context);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::kTimedOut);
  EXPECT_TRUE(waited.error().retryable);
  EXPECT_EQ(waited.error().message, "the test took too long");
}

TEST_F(CallWait, EndsWhenTheCallIsStopped) {
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  const Status waited = WaitForEver({.stop = stop.get_token()});
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(waited.error().message, "the test was interrupted");
}

TEST_F(CallWait, LooksAgainAfterANotification) {
  bool done = false;
  std::jthread worker([&] {
    MutexLock lock(mutex_);
    done = true;
    changed_.NotifyAll();
  });
  MutexLock lock(mutex_);
  while (!done) ASSERT_TRUE(WaitWithin({}, clock_, changed_, mutex_, "the test"));
}

}  // namespace
}  // namespace skybridge
