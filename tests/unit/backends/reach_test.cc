#include "backends/reach.h"

#include <thread>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace skybridge {
namespace {

using std::chrono::seconds;
using testing::FakeClock;

constexpr seconds kPatience{20};

class ReachTest : public ::testing::Test {
 protected:
  void Send() { reach_.NoteSent(clock_.Now(), kPatience); }
  void Hear() { reach_.NoteHeard(clock_.Now()); }
  void End(bool silent) { reach_.NoteEnded(clock_.Now(), silent); }
  bool IsGivenUp() { return reach_.IsGivenUp(clock_.Now(), kPatience); }

  FakeClock clock_;
  Reach reach_;
};

TEST_F(ReachTest, RequestsThatOnlyWaitShowASilence) {
  Send();
  clock_.Advance(kPatience - seconds(1));
  EXPECT_FALSE(IsGivenUp());
  clock_.Advance(seconds(1));
  EXPECT_TRUE(IsGivenUp());
}

TEST_F(ReachTest, AnAnswerToAnybodyEndsIt) {
  Send();
  Send();
  clock_.Advance(kPatience);
  Hear();
  EXPECT_FALSE(IsGivenUp());
  clock_.Advance(kPatience);
  EXPECT_TRUE(IsGivenUp()) << "the other one still waits";
}

TEST_F(ReachTest, AnIdleServiceIsNotSilent) {
  Send();
  Hear();
  End(false);
  clock_.Advance(seconds(1000));
  EXPECT_FALSE(IsGivenUp());
  EXPECT_FALSE(reach_.silent_since());
}

TEST_F(ReachTest, ARequestThatWasStoppedOrResetSaysNothing) {
  Send();
  clock_.Advance(seconds(10));
  End(false);
  EXPECT_FALSE(reach_.silent_since());
}

TEST_F(ReachTest, FailuresFarApartSayNothingOfTheTimeBetween) {
  Send();
  End(true);
  clock_.Advance(kPatience + seconds(1));
  Send();
  EXPECT_EQ(reach_.silent_since(), clock_.Now());
}

TEST_F(ReachTest, OnceGivenUpItStaysSoUntilItIsHeard) {
  Send();
  clock_.Advance(kPatience);
  EXPECT_TRUE(IsGivenUp());
  End(true);
  clock_.Advance(seconds(10'000));
  EXPECT_TRUE(IsGivenUp());
  Hear();
  EXPECT_FALSE(IsGivenUp());
}

TEST_F(ReachTest, OneProbeAtATimeAndNotTooOften) {
  EXPECT_TRUE(reach_.BeginProbe(clock_.Now(), seconds(1)));
  EXPECT_FALSE(reach_.BeginProbe(clock_.Now(), seconds(1)));
  reach_.EndProbe(clock_.Now());
  EXPECT_FALSE(reach_.BeginProbe(clock_.Now(), seconds(1)));
  clock_.Advance(seconds(1));
  EXPECT_TRUE(reach_.BeginProbe(clock_.Now(), seconds(1)));
}

TEST_F(ReachTest, WhoeverWaitsForTheProbeIsWokenByItsAnswerOrItsEnd) {
  for (const bool answered : {true, false}) {
    reach_.GiveUp();
    clock_.Advance(seconds(2));
    ASSERT_TRUE(reach_.BeginProbe(clock_.Now(), seconds(1)));
    Reach::Probed end = Reach::Probed::kStillAsking;
    std::jthread waiter(
        [&] { end = reach_.AwaitProbe(clock_, clock_.Now() + seconds(60), std::stop_token()); });
    if (answered) Hear();
    reach_.EndProbe(clock_.Now());
    waiter.join();
    EXPECT_EQ(end, answered ? Reach::Probed::kHeard : Reach::Probed::kInVain);
  }
}

TEST_F(ReachTest, WaitingForTheProbeEndsAtItsTimeOrAStop) {
  reach_.GiveUp();
  ASSERT_TRUE(reach_.BeginProbe(clock_.Now(), seconds(1)));
  EXPECT_EQ(reach_.AwaitProbe(clock_, clock_.Now(), std::stop_token()),
            Reach::Probed::kStillAsking);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(reach_.AwaitProbe(clock_, clock_.Now() + seconds(60), stop.get_token()),
            Reach::Probed::kStillAsking);
}

}  // namespace
}  // namespace skybridge
