#include "backends/fan_out.h"

#include <set>

#include <gtest/gtest.h>

#include "core/mutex.h"

namespace skybridge {
namespace {

TEST(FanOut, DoesEveryJobOnce) {
  Mutex mutex;
  std::multiset<std::size_t> done;
  FanOut(100, [&](std::size_t i) {
    MutexLock lock(mutex);
    done.insert(i);
  });
  EXPECT_EQ(done.size(), 100U);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(done.count(i), 1U);
  FanOut(0, [](std::size_t) { FAIL(); });
}

TEST(FanOut, KeepsToItsThreads) {
  std::atomic<int> at_once{0};
  std::atomic<int> most{0};
  FanOutWhile(50, 3, [&](std::size_t) {
    const int now = ++at_once;
    int seen = most;
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
    std::this_thread::yield();
    --at_once;
    return true;
  });
  EXPECT_LE(most, 3);
}

TEST(FanOut, BeginsNothingAfterAFailureAndReportsTheLowest) {
  std::atomic<std::size_t> begun{0};
  const Status status = FanOutUntilFailure(1000, 1, [&](std::size_t i) -> Status {
    ++begun;
    if (i >= 5) return Fail(ErrorCode::kIo, "job " + std::to_string(i));
    return {};
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "job 5");
  EXPECT_EQ(begun, 6U);
  EXPECT_TRUE(FanOutUntilFailure(10, 4, [](std::size_t) -> Status { return {}; }));
}

}  // namespace
}  // namespace skybridge
