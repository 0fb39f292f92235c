#include "fuse/write/part_buffers.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace skybridge::fuse {
namespace {

constexpr std::size_t kSlot = 4096;

class PartBuffersTest : public ::testing::Test {
 protected:
  CallContext Now() const { return {.deadline = clock_.Now()}; }
  CallContext InAMinute() const { return {.deadline = clock_.Now() + std::chrono::minutes(1)}; }

  testing::FakeClock clock_;
  PartBuffers buffers_{kSlot, 4, clock_};
};

TEST_F(PartBuffersTest, ALeaseHasTheSizeThatWasAskedForAndCanBeWritten) {
  const auto lease = buffers_.Take(kSlot + 1, Now());
  ASSERT_TRUE(lease);
  ASSERT_EQ(lease->span().size(), kSlot + 1);
  lease->span().back() = std::byte{7};
}

TEST_F(PartBuffersTest, ALargePartTakesNeighbouringSlots) {
  const auto first = buffers_.Take(2 * kSlot, Now());
  const auto second = buffers_.Take(2 * kSlot, Now());
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->span().data(), second->span().data());
  EXPECT_FALSE(buffers_.Take(1, Now()));
}

TEST_F(PartBuffersTest, AFreeSlotIsGivenAlsoAtTheLastMoment) {
  const CallContext context = InAMinute();
  clock_.Advance(std::chrono::seconds(59));
  EXPECT_TRUE(buffers_.Take(kSlot, context));
}

TEST_F(PartBuffersTest, AWaitEndsAtTheDeadlineOfItsCall) {
  const auto all = buffers_.Take(4 * kSlot, Now());
  ASSERT_TRUE(all);
  const auto late = buffers_.Take(kSlot, Now());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kTimedOut);
}

TEST_F(PartBuffersTest, AWaitEndsWhenItsCallIsStopped) {
  const auto all = buffers_.Take(4 * kSlot, Now());
  std::stop_source stop;
  ErrorCode code = ErrorCode::kInternal;
  std::thread waiter([&] {
    CallContext context = InAMinute();
    context.stop = stop.get_token();
    const auto lease = buffers_.Take(kSlot, context);
    if (!lease) code = lease.error().code;
  });
  stop.request_stop();
  waiter.join();
  EXPECT_EQ(code, ErrorCode::kCancelled);
}

TEST_F(PartBuffersTest, AWaitEndsWhenSlotsComeBack) {
  auto all = std::make_unique<Result<PartBuffers::Lease>>(buffers_.Take(4 * kSlot, Now()));
  bool taken = false;
  std::thread waiter([&] { taken = buffers_.Take(3 * kSlot, InAMinute()).has_value(); });
  all.reset();
  waiter.join();
  EXPECT_TRUE(taken);
}

TEST_F(PartBuffersTest, APartLargerThanAllMemoryIsRefusedAtOnce) {
  const auto lease = buffers_.Take(4 * kSlot + 1, {});
  ASSERT_FALSE(lease);
  EXPECT_EQ(lease.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace skybridge::fuse
