// RetryingStore: repeats the calls of a store that failed for a passing reason. You need it around
// every remote store; nothing below it retries, nothing above it has to.
//
// A call is repeated only if its error says `retryable`, after an exponential delay with jitter or
// the longer wish of the server (Error::retry_after). It gives up with the last error after
// max_attempts, or as soon as the next try could not start before context.deadline. After an
// attempt that sent something and ended without a known outcome (kUnavailable, kTimedOut,
// Error::may_have_acted) the next ones carry context.retried, by which the store tells its own
// earlier success from somebody else's.
//
// A request that is refused for its rate is repeated by itself, within the attempt
// (backends/send_in_turn.h, backends/pace.h).
//
// A service that has been silent for `unreachable_after` is given up (backends/reach.h): calls that
// wait end with kUnreachable, and each that comes waits for the first second of the one probe that
// asks for all of them, and as long for itself when that has failed. Half-way to it a probe asks
// already, so that a service that is only slow to answer one request is not given up.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <thread>
#include <vector>

#include "backends/endpoint_state.h"
#include "backends/forwarding_store.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "core/service_line.h"

namespace skybridge {

struct RetryPolicy {
  int max_attempts = 10;
  // Of one request, in a row, before the call counts as failed.
  int max_refusals = 100;
  std::chrono::milliseconds first_delay{500};
  std::chrono::milliseconds max_delay{30'000};
  double delay_factor = 2.0;
  // Each delay is multiplied by a random number of this range.
  double jitter_low = 0.8;
  double jitter_high = 1.2;
  // Callers that waited for the same pause start again spread over this time.
  std::chrono::milliseconds resume_spread{250};
  // How long an endpoint may be silent before it is given up.
  std::chrono::milliseconds unreachable_after{20'000};
  // One attempt that hangs does not use up the call's whole time. Calls that carry a payload, or
  // may take long on the server (commit, directory rename, rewriting attributes, mass deletion),
  // have only the call's deadline and the transport's own time-outs, which count what the network
  // takes: a slow link is no fault.
  std::chrono::milliseconds attempt_timeout{60'000};
};

struct RetryCounts {
  std::uint64_t attempts = 0;   // with requests that were sent again within one
  std::uint64_t retries = 0;    // attempts after the first of a call
  std::uint64_t throttled = 0;  // those answered "slow down"
  std::uint64_t given_up = 0;   // calls that ended with a retryable error all the same
};

class RetryingStore final : public StoreDecorator<RetryingStore> {
 public:
  // All three outlive the store.
  RetryingStore(ObjectStore& store, EndpointState& endpoint, Clock& clock, RetryPolicy policy = {});

  RetryCounts counts() const;

  template <class Send>
  auto Through(const StoreCall& call, const CallContext& context, Send send)
      -> decltype(send(context)) {
    Attempts attempts(*this, call, context);
    for (;;) {
      TRY_VOID(attempts.Begin());
      auto outcome = send(attempts.context());
      if (outcome) {
        attempts.AfterSuccess();
        return outcome;
      }
      TRY_VOID(attempts.AfterFailure(outcome.error()));
    }
  }
  // Repeats only those deletions that failed for a passing reason.
  std::vector<Status> DeleteMany(std::span<const DeleteRequest> requests,
                                 const CallContext& context) override;

 private:
  // The attempts of one call: when the next may start, what it may take, and whether there is one.
  class Attempts final : public ServiceLine {
   public:
    Attempts(RetryingStore& owner, const StoreCall& call, const CallContext& context);

    // Waits while the endpoint wants to be left alone. An error: there is no time for it, the
    // service is given up, or the call was stopped.
    Status Begin();
    const CallContext& context() const { return attempt_; }
    void AfterSuccess();
    // Waits before the next attempt. An error: what the call ends with.
    Status AfterFailure(const Error& error);

    void Sent() override;
    void Heard() override;
    void Ended(bool silent) override;
    bool IsGivenUp() override;
    void Served(std::chrono::nanoseconds latency) override;
    bool AwaitTurn(const Error& refusal, int refusals) override;

   private:
    // When a refused request, or the call, may be sent again.
    MonotonicTime TurnAfter(const Error& refusal);
    bool TooManyRefusals(int refusals) const;
    bool WouldOutlastPatience(const Error& error, MonotonicTime next) const;
    Status GiveUp(const Error& error);
    Status SleepUntil(MonotonicTime until, const Error& error_if_too_late);
    std::chrono::nanoseconds Delay(const Error& error) const;

    RetryingStore& owner_;
    const CallContext& context_;
    CallContext attempt_;
    const std::chrono::milliseconds attempt_time_;
    int count_ = 0;
    std::atomic<bool> sent_ = false;                           // this attempt has sent a request
    std::atomic<MonotonicTime> began_ = MonotonicTime::min();  // this attempt
    std::atomic<int> long_waits_ = 0;  // refusals that cost first_delay or more
    // When the request that ended this attempt by its refusal may come again.
    std::atomic<MonotonicTime> turn_ = MonotonicTime::min();
  };
  class SilenceProbe;

  static constexpr std::chrono::milliseconds kUnlimited = std::chrono::milliseconds::max();
  static constexpr std::chrono::milliseconds kProbeGrace{1000};
  static constexpr std::chrono::milliseconds kProbePause{500};
  // Then another one asks, over a connection of its own: TCP repeats a lost packet ever more
  // rarely.
  static constexpr std::chrono::milliseconds kLongestProbe{10'000};

  std::chrono::milliseconds TimeFor(const StoreCall& call) const;
  double Jitter() const;
  PaceLimits Limits() const;
  // Ok if the service is not given up, is heard within kProbeGrace, or its probe has failed by
  // then: the call may be for another part of the service than the probe, and fails as soon if it
  // is not.
  Status AwaitReach(const CallContext& context);
  // Asks the service whether it is there, in a thread of its own, unless somebody does.
  void StartProbe();

  EndpointState& endpoint_;
  Clock& clock_;
  const RetryPolicy policy_;
  std::atomic<std::uint64_t> attempts_ = 0;
  std::atomic<std::uint64_t> retries_ = 0;
  std::atomic<std::uint64_t> throttled_ = 0;
  std::atomic<std::uint64_t> given_up_ = 0;
  Mutex prober_mutex_;
  std::jthread prober_ GUARDED_BY(prober_mutex_);  // last: it uses the rest
};

}  // namespace skybridge
