#include "backends/pace.h"

#include <random>

#include <gtest/gtest.h>

#include "backends/send_in_turn.h"
#include "core/service_line.h"
#include "tests/support/fake_clock.h"

namespace skybridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using testing::FakeClock;

class PaceTest : public ::testing::Test {
 protected:
  void Serve(int times) {
    for (int i = 0; i < times; ++i) pace_.NoteServed(milliseconds(40));
  }
  nanoseconds Refuse() { return pace_.NoteRefusal(now_, {}); }

  Pace pace_;
  MonotonicTime now_ = MonotonicTime(std::chrono::hours(1));
};

TEST_F(PaceTest, ARefusalAfterManyServedRequestsPausesEverybody) {
  Serve(100);
  EXPECT_EQ(Refuse(), milliseconds(500));
  EXPECT_EQ(pace_.pause_end(), now_ + milliseconds(500));
}

TEST_F(PaceTest, RequestsThatWereOnTheirWayKeepThatPauseAndDoNotLengthenIt) {
  Serve(100);
  Refuse();
  now_ += milliseconds(100);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Refuse(), milliseconds(400));
}

TEST_F(PaceTest, ARefusalAmongServedRequestsHoldsUpOnlyItself) {
  Serve(100);
  Refuse();
  now_ += seconds(1);
  Serve(3);
  EXPECT_LE(Refuse(), milliseconds(10)) << "a quarter of what an answer takes";
  EXPECT_LE(pace_.pause_end(), now_);
}

TEST_F(PaceTest, DelaysGrowWhileNobodyIsServedAndThenHoldForEverybody) {
  Serve(3);
  nanoseconds last{0};
  int refusals = 0;
  while (pace_.pause_end() <= now_) {
    const nanoseconds delay = Refuse();
    EXPECT_GT(delay, last);
    last = delay;
    now_ += pace_.pause_end() > now_ ? nanoseconds(0) : delay;
    ASSERT_LT(++refusals, 20);
  }
  EXPECT_GE(last, milliseconds(500));
  for (int i = 0; i < 30; ++i) {
    now_ = pace_.pause_end();
    last = Refuse();
  }
  EXPECT_EQ(last, seconds(30));
  pace_.NoteServed(milliseconds(40));
  now_ = pace_.pause_end();
  EXPECT_LE(Refuse(), milliseconds(20));
}

// A service that answers each request after `latency`, and refuses a share of them at random.
class RandomRefusals final : public ServiceLine {
 public:
  RandomRefusals(FakeClock& clock, nanoseconds latency, double share)
      : clock_(clock), latency_(latency), share_(share) {}

  Status Send() {
    ++requests;
    clock_.Advance(latency_);
    if (!std::bernoulli_distribution(share_)(random_)) return {};
    return Fail(
        Error{.code = ErrorCode::kThrottled, .retryable = true, .remote = {.http_status = 429}});
  }

  void Sent() override {}
  void Heard() override {}
  void Ended(bool) override {}
  bool IsGivenUp() override { return false; }
  void Served(nanoseconds latency) override { pace_.NoteServed(latency); }
  bool AwaitTurn(const Error&, int) override {
    clock_.Advance(pace_.NoteRefusal(clock_.Now(), {}));
    return true;
  }

  int requests = 0;

 private:
  FakeClock& clock_;
  const nanoseconds latency_;
  const double share_;
  Pace pace_;
  std::mt19937 random_{20261129};
};

TEST_F(PaceTest, AServiceThatRefusesHalfOfAllRequestsIsUsedAtMoreThanAThirdOfItsRate) {
  constexpr int kCalls = 5000;
  for (const nanoseconds latency : {nanoseconds(milliseconds(2)), nanoseconds(milliseconds(30))}) {
    FakeClock clock;
    RandomRefusals service(clock, latency, 0.5);
    const MonotonicTime start = clock.Now();
    for (int i = 0; i < kCalls; ++i)
      ASSERT_TRUE(SendInTurn({.line = &service}, clock, [&] { return service.Send(); }));
    const double share = static_cast<double>((kCalls * latency).count()) /
                         static_cast<double>((clock.Now() - start).count());
    RecordProperty("share_of_the_undisturbed_rate", std::to_string(share));
    EXPECT_GT(share, 1.0 / 3) << "at a latency of " << latency.count() << " ns";
    EXPECT_LT(service.requests, 2.1 * kCalls) << "no more requests than refusals make necessary";
  }
}

}  // namespace
}  // namespace skybridge
