#include "fuse/write/turns.h"

#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace skybridge::fuse {
namespace {

class TurnsTest : public ::testing::Test {
 protected:
  CallContext Now() const { return {.deadline = clock_.Now()}; }

  testing::FakeClock clock_;
  Turns turns_{clock_};
};

TEST_F(TurnsTest, AFreeTurnIsGivenAlsoPastTheDeadline) {
  EXPECT_TRUE(turns_.Take({.deadline = clock_.Now() - std::chrono::seconds(1)}, "nothing"));
}

TEST_F(TurnsTest, AWaitEndsAtItsOwnDeadlineNotAtThatOfTheTurnBefore) {
  const auto first = turns_.Take({}, "nothing");
  const auto second = turns_.Take(Now(), "the first");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kTimedOut);
}

TEST_F(TurnsTest, ATurnThatEndsLetsTheNextOneBegin) {
  auto first = std::make_unique<Result<Turns::Turn>>(turns_.Take({}, "nothing"));
  bool had_a_turn = false;
  std::thread next([&] { had_a_turn = turns_.Take({}, "the first").has_value(); });
  first.reset();
  next.join();
  EXPECT_TRUE(had_a_turn);
}

}  // namespace
}  // namespace skybridge::fuse
