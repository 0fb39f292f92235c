#include "backends/retrying_store.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "backends/rate_limited_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"

namespace skybridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::FakeClock;
using testing::FakeObjectStore;
using testing::LostReply;
using testing::Silence;
using testing::StoreOp;

constexpr RetryPolicy kPatient{.jitter_low = 1,
                               .jitter_high = 1,
                               .resume_spread = milliseconds(0),
                               .unreachable_after = std::chrono::hours(1)};
constexpr RetryPolicy kExact{.jitter_low = 1, .jitter_high = 1, .resume_spread = milliseconds(0)};

Error ServerError() {
  return {.code = ErrorCode::kUnavailable, .retryable = true, .remote = {.http_status = 500}};
}

Error Throttled(std::optional<milliseconds> retry_after = {}) {
  return {.code = ErrorCode::kThrottled, .retryable = true, .retry_after = retry_after};
}

class RetryingStoreTest : public ::testing::Test {
 protected:
  RetryingStoreTest() { clock_.AdvanceBySleeping(true); }

  CallContext Within(seconds time) const { return {.deadline = clock_.Now() + time}; }
  milliseconds Elapsed() const { return std::chrono::round<milliseconds>(clock_.Now() - start_); }

  FakeClock clock_;
  const MonotonicTime start_ = clock_.Now();
  FakeObjectStore fake_{clock_};
  EndpointState endpoint_;
  RetryingStore store_{fake_, endpoint_, clock_, kPatient};
  const ObjectKey key_{"a"};
};

TEST_F(RetryingStoreTest, RepeatsUntilItSucceeds) {
  fake_.PutText("a", "x");
  fake_.script().FailNext(StoreOp::kHead, LostReply(), 3);
  EXPECT_TRUE(store_.Head(key_, Within(seconds(60))));
  EXPECT_EQ(fake_.calls(StoreOp::kHead), 4u);
  EXPECT_EQ(store_.counts().retries, 3u);
}

TEST_F(RetryingStoreTest, DoublesTheDelayUpToItsCap) {
  fake_.script().FailNext(StoreOp::kHead, LostReply(), 9);
  fake_.PutText("a", "x");
  EXPECT_TRUE(store_.Head(key_, Within(seconds(600))));
  EXPECT_EQ(Elapsed(),
            milliseconds(500 + 1000 + 2000 + 4000 + 8000 + 16000 + 30000 + 30000 + 30000));
}

TEST_F(RetryingStoreTest, SpreadsDelaysByJitter) {
  RetryingStore jittery(fake_, endpoint_, clock_);
  fake_.PutText("a", "x");
  for (int i = 0; i < 20; ++i) {
    fake_.script().FailNext(StoreOp::kHead, LostReply());
    const MonotonicTime before = clock_.Now();
    EXPECT_TRUE(jittery.Head(key_, Within(seconds(60))));
    EXPECT_GE(clock_.Now() - before, milliseconds(400));
    EXPECT_LE(clock_.Now() - before, milliseconds(600));
  }
}

TEST_F(RetryingStoreTest, GivesUpAfterTheLastAttempt) {
  fake_.script().FailNext(StoreOp::kHead, LostReply(), 100);
  EXPECT_EQ(store_.Head(key_, Within(seconds(3600))).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(fake_.calls(StoreOp::kHead), 10u);
  EXPECT_EQ(store_.counts().given_up, 1u);
}

TEST_F(RetryingStoreTest, GivesUpOnAnEndpointThatIsSilent) {
  RetryingStore store(fake_, endpoint_, clock_, kExact);
  fake_.script().FailNext(StoreOp::kHead, Silence(), 100);
  const auto head = store.Head(key_, Within(seconds(3600)));
  EXPECT_EQ(head.error().code, ErrorCode::kUnreachable);
  EXPECT_TRUE(head.error().IsOutOfReach());
  EXPECT_LE(Elapsed(), kExact.unreachable_after);
  EXPECT_GE(Elapsed(), kExact.unreachable_after / 2);
}

TEST_F(RetryingStoreTest, AfterASilenceOneProbeAsksForAllCallersUntilItIsAnswered) {
  RetryingStore store(fake_, endpoint_, clock_, kExact);
  RetryingStore other(fake_, endpoint_, clock_, kExact);
  fake_.PutText("a", "x");
  fake_.script().FailNext(StoreOp::kHead, Silence(), 6);
  EXPECT_FALSE(store.Head(key_, Within(seconds(3600))));
  EXPECT_EQ(fake_.calls(StoreOp::kHead), 6u);

  for (const StoreOp op : {StoreOp::kProbe, StoreOp::kHead}) fake_.script().FailNext(op, Silence());
  EXPECT_EQ(other.Head(key_, Within(seconds(3600))).error().code, ErrorCode::kUnreachable);
  EXPECT_EQ(fake_.calls(StoreOp::kHead), 7u) << "one try, after the probe has failed";
  EXPECT_EQ(fake_.calls(StoreOp::kProbe), 1u);

  clock_.Advance(seconds(300));
  EXPECT_TRUE(other.Head(key_, Within(seconds(3600)))) << "the next probe is answered";
  EXPECT_TRUE(store.Head(key_, Within(seconds(3600))));
  EXPECT_EQ(fake_.calls(StoreOp::kProbe), 2u);
}

// A service that takes connections and says nothing: no request fails, all wait.
TEST_F(RetryingStoreTest, CallsThatWaitOnASilentServiceEndTogetherAndLaterOnesWithinASecond) {
  clock_.AdvanceBySleeping(false);
  RetryingStore store(fake_, endpoint_, clock_, kExact);
  for (const StoreOp op : {StoreOp::kHead, StoreOp::kProbe}) fake_.script().Block(op);
  std::vector<std::jthread> callers;
  std::atomic<int> unreachable{0};
  const auto call = [&] {
    const auto head = store.Head(key_, Within(seconds(300)));
    if (!head && head.error().code == ErrorCode::kUnreachable) ++unreachable;
  };
  for (int i = 0; i < 4; ++i) callers.emplace_back(call);
  fake_.script().WaitForBlocked(StoreOp::kHead, 4);
  clock_.Advance(kExact.unreachable_after / 2);
  fake_.script().WaitForBlocked(StoreOp::kProbe, 1);
  EXPECT_EQ(unreachable, 0);
  clock_.Advance(kExact.unreachable_after / 2);
  callers.clear();
  EXPECT_EQ(unreachable, 4);

  // The probe that waits since then has timed out or waits: nobody else asks anything.
  std::jthread late(call);
  const std::jthread time([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      clock_.Advance(milliseconds(100));
      std::this_thread::yield();
    }
  });
  late.join();
  EXPECT_EQ(unreachable, 5);
  // When the probe ends in vain just then, the call has one try of its own.
  EXPECT_LE(fake_.calls(StoreOp::kHead), 5u);
  fake_.script().Release(StoreOp::kProbe);
}

TEST_F(RetryingStoreTest, WhoComesWhileAProbeWaitsDoesNotWaitWithIt) {
  clock_.AdvanceBySleeping(false);
  RetryingStore store(fake_, endpoint_, clock_, kExact);
  fake_.script().Block(StoreOp::kProbe);
  endpoint_.reach.GiveUp();
  std::jthread first([&] { EXPECT_FALSE(store.Head(key_, Within(seconds(300)))); });
  fake_.script().WaitForBlocked(StoreOp::kProbe, 1);
  clock_.Advance(seconds(1));
  first.join();
  for (int i = 0; i < 5; ++i)  // the time stands still
    EXPECT_EQ(store.Head(key_, Within(seconds(300))).error().code, ErrorCode::kUnreachable);
  EXPECT_EQ(fake_.calls(StoreOp::kHead), 0u);
  EXPECT_EQ(fake_.calls(StoreOp::kProbe), 1u);
  fake_.script().Release(StoreOp::kProbe);
}

TEST_F(RetryingStoreTest, ASlowAnswerIsNoSilenceWhileTheProbeIsAnswered) {
  clock_.AdvanceBySleeping(false);
  RetryingStore store(fake_, endpoint_, clock_, kExact);
  fake_.PutText("a", "x");
  fake_.script().Block(StoreOp::kHead);
  Result<ObjectInfo> head;
  std::jthread caller([&] { head = store.Head(key_, Within(seconds(300))); });
  fake_.script().WaitForBlocked(StoreOp::kHead, 1);
  for (int i = 0; i < 5; ++i) {
    const std::size_t probes = fake_.calls(StoreOp::kProbe);
    clock_.Advance(kExact.unreachable_after / 2);
    while (fake_.calls(StoreOp::kProbe) == probes) std::this_thread::yield();
    // Heard before more time passes.
    while (clock_.Now() - endpoint_.reach.silent_since().value() > seconds(1))
      std::this_thread::yield();
  }
  fake_.script().Release(StoreOp::kHead);
  caller.join();
  EXPECT_TRUE(head);
  EXPECT_EQ(fake_.calls(StoreOp::kHead), 1u);
}

TEST_F(RetryingStoreTest, ResetsAndHalfRepliesAreNoSilence) {
  RetryingStore store(fake_, endpoint_, clock_, kExact);
  fake_.PutText("a", "x");
  fake_.script().FailNext(StoreOp::kHead, LostReply(), 9);
  EXPECT_TRUE(store.Head(key_, Within(seconds(3600))));
  EXPECT_GT(Elapsed(), kExact.unreachable_after);
}

TEST_F(RetryingStoreTest, AServerThatAnswersWithErrorsIsNotSilent) {
  RetryingStore store(fake_, endpoint_, clock_, kExact);
  fake_.PutText("a", "x");
  fake_.script().FailNext(StoreOp::kHead, ServerError(), 9);
  EXPECT_TRUE(store.Head(key_, Within(seconds(3600))));
  EXPECT_GT(Elapsed(), kExact.unreachable_after);
}

TEST_F(RetryingStoreTest, AnAnswerWithAnErrorEndsASilence) {
  RetryingStore store{fake_, endpoint_, clock_, kExact};
  fake_.PutText("a", "x");
  // 0.5 + 1 + 2 + 4 + 8 s; the next wait of 16 s would end the patience of 20 s.
  fake_.script().FailNext(StoreOp::kHead, Silence(), 4);
  fake_.script().FailNext(StoreOp::kHead, ServerError());
  fake_.script().FailNext(StoreOp::kHead, Silence());
  EXPECT_TRUE(store.Head(key_, Within(seconds(600))));
}

TEST_F(RetryingStoreTest, FailuresLongAgoDoNotMakeAnEndpointSilent) {
  RetryingStore store(fake_, endpoint_, clock_, kExact);
  fake_.PutText("a", "x");
  fake_.script().FailNext(StoreOp::kHead, Silence(), 6);
  EXPECT_FALSE(store.Head(key_, Within(seconds(3600))));
  clock_.Advance(std::chrono::minutes(5));
  fake_.script().FailNext(StoreOp::kHead, Silence());
  EXPECT_TRUE(store.Head(key_, Within(seconds(3600))));
}

TEST_F(RetryingStoreTest, NeverRepeatsWhatCannotSucceed) {
  EXPECT_EQ(store_.Head(key_, Within(seconds(60))).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(fake_.calls(StoreOp::kHead), 1u);
  EXPECT_EQ(Elapsed(), milliseconds(0));
  EXPECT_EQ(store_.counts().given_up, 0u);
}

TEST_F(RetryingStoreTest, HonoursRetryAfter) {
  fake_.PutText("a", "x");
  fake_.script().FailNext(StoreOp::kHead, Throttled(seconds(7)));
  EXPECT_TRUE(store_.Head(key_, Within(seconds(60))));
  EXPECT_EQ(Elapsed(), seconds(7));
}

TEST_F(RetryingStoreTest, ARefusalWithoutATimeHoldsUpNobodyElse) {
  fake_.PutText("a", "x");
  fake_.script().FailNext(StoreOp::kHead, Throttled(), 5);
  EXPECT_TRUE(store_.Head(key_, Within(seconds(60))));
  EXPECT_LT(Elapsed(), milliseconds(100)) << "nothing says that we were too fast";
  EXPECT_LE(endpoint_.pace.pause_end(), clock_.Now());
}

TEST_F(RetryingStoreTest, RefusalsWithoutEndEndTheCallAfterAFewLongWaits) {
  fake_.script().FailNext(StoreOp::kHead, Throttled(), 1000);
  EXPECT_EQ(store_.Head(key_, Within(seconds(3600))).error().code, ErrorCode::kThrottled);
  EXPECT_LE(fake_.calls(StoreOp::kHead), 30u);
  EXPECT_GT(Elapsed(), seconds(10));
}

TEST_F(RetryingStoreTest, WhatWasNeverSentIsNotTakenForOwnSuccess) {
  RateLimitedStore limited(fake_, clock_, {.calls_per_second = 0.01, .burst = 1});
  RetryingStore store(limited, endpoint_, clock_, kPatient);
  fake_.PutText("a", "x");
  EXPECT_TRUE(store.Head(key_, Within(seconds(60))));
  // The first attempts find no turn within their time.
  const auto deleted = store.Delete({.key = ObjectKey("c")}, Within(seconds(3600)));
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(endpoint_.reach.silent_since()) << "our own limit is no silence of the service";
}

TEST_F(RetryingStoreTest, DoesNotSleepPastTheDeadline) {
  fake_.script().FailNext(StoreOp::kHead, Throttled(seconds(7)));
  EXPECT_EQ(store_.Head(key_, Within(seconds(5))).error().code, ErrorCode::kThrottled);
  EXPECT_EQ(Elapsed(), milliseconds(0));
  EXPECT_EQ(fake_.calls(StoreOp::kHead), 1u);
}

TEST_F(RetryingStoreTest, ThrottledEndpointSlowsItsOtherCallers) {
  fake_.PutText("a", "x");
  RetryingStore other(fake_, endpoint_, clock_, kPatient);
  fake_.script().FailNext(StoreOp::kHead, Throttled(seconds(7)));
  EXPECT_FALSE(store_.Head(key_, Within(seconds(5))));
  EXPECT_EQ(other.Head(key_, Within(seconds(5))).error().code, ErrorCode::kThrottled);
  EXPECT_EQ(fake_.calls(StoreOp::kHead), 1u);
  EXPECT_TRUE(other.Head(key_, Within(seconds(60))));
  EXPECT_EQ(Elapsed(), seconds(7));
}

TEST_F(RetryingStoreTest, AnyErrorThatNamesATimeSlowsOtherCallersToo) {
  fake_.PutText("a", "x");
  Error busy = ServerError();
  busy.retry_after = seconds(7);
  fake_.script().FailNext(StoreOp::kHead, busy);
  EXPECT_FALSE(store_.Head(key_, Within(seconds(5)))) << "there is no time for that pause";
  RetryingStore other(fake_, endpoint_, clock_, kPatient);
  EXPECT_TRUE(other.Head(key_, Within(seconds(60))));
  EXPECT_EQ(Elapsed(), seconds(7));
}

TEST_F(RetryingStoreTest, RecognisesItsOwnLostSuccess) {
  const PutRequest put{.key = key_, .body = AsBytes("x"), .conditions = {.must_not_exist = true}};
  fake_.script().ActThenFailNext(StoreOp::kPut);
  EXPECT_TRUE(store_.Put(put, Within(seconds(60))));
  EXPECT_EQ(store_.Put(put, Within(seconds(60))).error().code, ErrorCode::kAlreadyExists);
}

TEST_F(RetryingStoreTest, KnownFailuresAreNotTakenForOwnSuccess) {
  fake_.script().FailNext(StoreOp::kDelete, Throttled());
  EXPECT_EQ(store_.Delete({.key = key_}, Within(seconds(60))).error().code, ErrorCode::kNotFound);
}

TEST_F(RetryingStoreTest, StaysRetriedAfterAnUnknownOutcome) {
  fake_.PutText("a", "x");
  fake_.script().ActThenFailNext(StoreOp::kDelete);
  fake_.script().FailNext(StoreOp::kDelete, Throttled());
  EXPECT_TRUE(store_.Delete({.key = key_}, Within(seconds(60))));
}

TEST_F(RetryingStoreTest, AFailureAfterActingIsAnUnknownOutcome) {
  fake_.PutText("a", "x");
  Error second_half = Throttled();
  second_half.may_have_acted = true;
  fake_.script().ActThenFailNext(StoreOp::kDelete, second_half);
  EXPECT_TRUE(store_.Delete({.key = key_}, Within(seconds(60))));
}

TEST_F(RetryingStoreTest, OneStuckAttemptDoesNotUseUpTheDeadline) {
  clock_.AdvanceBySleeping(false);
  fake_.PutText("a", "x");
  fake_.script().Block(StoreOp::kHead);
  Result<ObjectInfo> head;
  std::jthread caller([&] { head = store_.Head(key_, Within(seconds(300))); });
  fake_.script().WaitForBlocked(StoreOp::kHead, 1);
  clock_.Advance(seconds(60));
  clock_.WaitForSleepers(1);  // the attempt has timed out; the next one is due
  fake_.script().Release(StoreOp::kHead);
  clock_.Advance(seconds(1));
  caller.join();
  EXPECT_TRUE(head);
  EXPECT_EQ(fake_.calls(StoreOp::kHead), 2u);
}

TEST_F(RetryingStoreTest, StopEndsTheWaitBetweenAttempts) {
  clock_.AdvanceBySleeping(false);
  fake_.script().FailNext(StoreOp::kHead, LostReply());
  std::stop_source stop;
  Result<ObjectInfo> head;
  std::jthread caller([&] { head = store_.Head(key_, {.stop = stop.get_token()}); });
  clock_.WaitForSleepers(1);
  stop.request_stop();
  caller.join();
  EXPECT_EQ(head.error().code, ErrorCode::kCancelled);
}

TEST_F(RetryingStoreTest, RepeatsOnlyTheDeletionsThatFailed) {
  fake_.PutText("a", "x");
  fake_.PutText("b", "x");
  const DeleteRequest requests[] = {
      {.key = key_}, {.key = ObjectKey("b")}, {.key = ObjectKey("c")}};
  fake_.FailNextDeletionOf("b", Throttled());
  fake_.script().BeforeNext(StoreOp::kDeleteMany, [this] {
    fake_.script().BeforeNext(StoreOp::kDeleteMany,
                              [this] { fake_.PutText("a", "somebody's new one"); });
  });
  const auto statuses = store_.DeleteMany(requests, Within(seconds(60)));
  EXPECT_TRUE(statuses[0]);
  EXPECT_TRUE(statuses[1]);
  EXPECT_EQ(statuses[2].error().code, ErrorCode::kNotFound);
  EXPECT_EQ(fake_.calls(StoreOp::kDeleteMany), 2u);
  EXPECT_EQ(fake_.Paths(), std::vector<std::string>{"a"});
}

TEST_F(RetryingStoreTest, DeleteManyRecognisesItsOwnLostSuccess) {
  fake_.PutText("a", "x");
  const DeleteRequest requests[] = {{.key = key_}};
  fake_.script().ActThenFailNext(StoreOp::kDeleteMany);
  EXPECT_TRUE(store_.DeleteMany(requests, Within(seconds(60)))[0]);
  EXPECT_EQ(store_.DeleteMany(requests, Within(seconds(60)))[0].error().code, ErrorCode::kNotFound);
}

TEST_F(RetryingStoreTest, OneUnknownOutcomeAmongManyDeletionsIsRemembered) {
  fake_.PutText("a", "x");
  const DeleteRequest requests[] = {{.key = key_}, {.key = ObjectKey("b")}};
  fake_.FailNextDeletionOf("a", Throttled());
  fake_.FailNextDeletionOf("b", LostReply());  // it was carried out
  for (const Status& status : store_.DeleteMany(requests, Within(seconds(60)))) EXPECT_TRUE(status);
}

TEST_F(RetryingStoreTest, DeleteManyAnswersEveryRequestWhenItGivesUp) {
  const DeleteRequest requests[] = {{.key = key_}, {.key = ObjectKey("b")}};
  fake_.script().FailNext(StoreOp::kDeleteMany, LostReply(), 100);
  for (const Status& status : store_.DeleteMany(requests, Within(seconds(3600)))) {
    EXPECT_EQ(status.error().code, ErrorCode::kUnavailable);
  }
  EXPECT_TRUE(store_.DeleteMany({}, Within(seconds(60))).empty());
}

}  // namespace
}  // namespace skybridge
