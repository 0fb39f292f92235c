// RetryingStore: repeats the calls of a store that failed for a passing reason. You need it around
// every remote store; nothing below it retries, nothing above it has to.
//
// A call is repeated only if its error says `retryable`, after an exponential delay with jitter or
// the longer wish of the server (Error::retry_after). It gives up with the last error after
// max_attempts, or as soon as the next try could not start before context.deadline. When the
// endpoint has answered nobody for `unreachable_after`, calls fail with kUnreachable at their first
// try until it answers again. After an attempt of unknown outcome (kUnavailable, kTimedOut,
// Error::may_have_acted) the next ones carry context.retried, by which the store tells its own
// earlier success from somebody else's.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/endpoint_state.h"
#include "backends/forwarding_store.h"
#include "core/clock.h"

namespace skybridge {

struct RetryPolicy {
  int max_attempts = 10;
  std::chrono::milliseconds first_delay{500};
  std::chrono::milliseconds max_delay{30'000};
  double delay_factor = 2.0;
  // Each delay is multiplied by a random number of this range.
  double jitter_low = 0.8;
  double jitter_high = 1.2;
  // Callers that waited for the same pause start again spread over this time.
  std::chrono::milliseconds resume_spread{250};
  // How long an endpoint may be silent before calls are no longer repeated.
  std::chrono::milliseconds unreachable_after{20'000};
  // One attempt that hangs does not use up the call's whole time: it has this long, and longer for
  // its payload at this rate. Calls that may take long on the server (commit, directory rename,
  // rewriting attributes, mass deletion) have only the call's deadline and the transport's own
  // time-outs.
  std::chrono::milliseconds attempt_timeout{60'000};
  std::uint64_t slowest_bytes_per_second = 256 << 10;
};

struct RetryCounts {
  std::uint64_t attempts = 0;
  std::uint64_t retries = 0;    // attempts after the first of a call
  std::uint64_t throttled = 0;  // attempts answered "slow down"
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
  class Attempts {
   public:
    Attempts(RetryingStore& owner, const StoreCall& call, const CallContext& context);

    // Waits while the endpoint wants to be left alone. An error: there is no time for it, or the
    // call was stopped.
    Status Begin();
    const CallContext& context() const { return attempt_; }
    void AfterSuccess();
    // Waits before the next attempt. An error: what the call ends with.
    Status AfterFailure(const Error& error);

   private:
    MonotonicTime PatienceEnd(const Error& error);
    Status GiveUp(const Error& error);
    Status SleepUntil(MonotonicTime until, const Error& error_if_too_late);
    std::chrono::nanoseconds Delay(const Error& error) const;

    RetryingStore& owner_;
    const CallContext& context_;
    CallContext attempt_;
    const std::chrono::milliseconds attempt_time_;
    int count_ = 0;
  };
  static constexpr std::chrono::milliseconds kUnlimited = std::chrono::milliseconds::max();

  std::chrono::milliseconds TimeFor(const StoreCall& call) const;

  EndpointState& endpoint_;
  Clock& clock_;
  const RetryPolicy policy_;
  std::atomic<std::uint64_t> attempts_ = 0;
  std::atomic<std::uint64_t> retries_ = 0;
  std::atomic<std::uint64_t> throttled_ = 0;
  std::atomic<std::uint64_t> given_up_ = 0;
};

}  // namespace skybridge
