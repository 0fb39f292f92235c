#include "backends/retrying_store.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "core/log.h"

namespace skybridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

double RandomBetween(double low, double high) {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return low + (high - low) * std::generate_canonical<double, 32>(generator);
}

Error Unreachable(Error error) {
  error.code = ErrorCode::kUnreachable;
  return error;
}

std::uint64_t RandomId() {
  thread_local std::mt19937_64 generator{(std::uint64_t{std::random_device{}()} << 32) |
                                         std::random_device{}()};
  return std::max<std::uint64_t>(generator(), 1);
}

bool IsOutcomeUnknown(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimedOut ||
         error.may_have_acted;
}

}  // namespace

RetryingStore::RetryingStore(ObjectStore& store, EndpointState& endpoint, Clock& clock,
                             RetryPolicy policy)
    : StoreDecorator(store), endpoint_(endpoint), clock_(clock), policy_(policy) {}

RetryCounts RetryingStore::counts() const {
  return {
      .attempts = attempts_, .retries = retries_, .throttled = throttled_, .given_up = given_up_};
}

milliseconds RetryingStore::TimeFor(const StoreCall& call) const {
  if (call.may_take_long) return kUnlimited;
  return policy_.attempt_timeout +
         milliseconds(static_cast<std::int64_t>(1000 * call.payload_bytes /
                                                policy_.slowest_bytes_per_second));
}

RetryingStore::Attempts::Attempts(RetryingStore& owner, const StoreCall& call,
                                  const CallContext& context)
    : owner_(owner), context_(context), attempt_(context), attempt_time_(owner.TimeFor(call)) {
  if (attempt_.call_id == 0) attempt_.call_id = RandomId();
}

Status RetryingStore::Attempts::Begin() {
  const MonotonicTime pause_end = owner_.endpoint_.pause_end();
  if (pause_end > owner_.clock_.Now()) {
    const double spread =
        RandomBetween(0, static_cast<double>(owner_.policy_.resume_spread.count()));
    TRY_VOID(
        SleepUntil(pause_end + milliseconds(static_cast<std::int64_t>(spread)),
                   {.code = ErrorCode::kThrottled,
                    .message = "the service asked for a pause that is longer than the call's time",
                    .retryable = true}));
  }
  ++owner_.attempts_;
  if (++count_ > 1) ++owner_.retries_;
  attempt_.deadline = context_.deadline;
  if (attempt_time_ != kUnlimited) {
    attempt_.deadline = std::min(context_.deadline, owner_.clock_.Now() + attempt_time_);
  }
  return {};
}

void RetryingStore::Attempts::AfterSuccess() { owner_.endpoint_.NoteAnswer(); }

Status RetryingStore::Attempts::AfterFailure(const Error& error) {
  const MonotonicTime patience_end = PatienceEnd(error);
  if (!error.retryable) return Fail(error);
  attempt_.retried |= IsOutcomeUnknown(error);
  const nanoseconds delay = Delay(error);
  const MonotonicTime next = owner_.clock_.Now() + delay;
  if (error.code == ErrorCode::kThrottled) ++owner_.throttled_;
  // A service that names a time means all callers, whatever its reason.
  if (error.code == ErrorCode::kThrottled || error.retry_after) owner_.endpoint_.PauseUntil(next);
  if (next >= patience_end) return GiveUp(Unreachable(error));
  if (count_ >= owner_.policy_.max_attempts) return GiveUp(error);
  Log(LogLevel::kDebug, "attempt {} failed, the next follows in {} ms: {}", count_,
      std::chrono::ceil<milliseconds>(delay).count(), error.ToString());
  return SleepUntil(next, error);
}

// Until when an attempt may start, by what is known of the endpoint.
MonotonicTime RetryingStore::Attempts::PatienceEnd(const Error& error) {
  const bool answered = error.remote.http_status != 0;
  if (answered) owner_.endpoint_.NoteAnswer();
  if (answered || !IsOutcomeUnknown(error)) return MonotonicTime::max();
  const auto patience = owner_.policy_.unreachable_after;
  return owner_.endpoint_.NoteSilence(owner_.clock_.Now(), patience) + patience;
}

Status RetryingStore::Attempts::GiveUp(const Error& error) {
  ++owner_.given_up_;
  return Fail(error);
}

Status RetryingStore::Attempts::SleepUntil(MonotonicTime until, const Error& error_if_too_late) {
  if (until >= context_.deadline) return GiveUp(error_if_too_late);
  if (owner_.clock_.SleepUntil(until, context_.stop)) return {};
  return Fail(ErrorCode::kCancelled,
              "stopped between two attempts; the last ended with " + error_if_too_late.ToString());
}

nanoseconds RetryingStore::Attempts::Delay(const Error& error) const {
  const RetryPolicy& policy = owner_.policy_;
  const double grown =
      static_cast<double>(policy.first_delay.count()) * std::pow(policy.delay_factor, count_ - 1);
  const double capped = std::min(grown, static_cast<double>(policy.max_delay.count()));
  const double jittered = capped * RandomBetween(policy.jitter_low, policy.jitter_high);
  const nanoseconds delay(static_cast<std::int64_t>(jittered * 1e6));
  return std::max<nanoseconds>(delay, error.retry_after.value_or(milliseconds(0)));
}

std::vector<Status> RetryingStore::DeleteMany(std::span<const DeleteRequest> requests,
                                              const CallContext& context) {
  std::vector<Status> outcome(requests.size());
  std::vector<DeleteRequest> pending(requests.begin(), requests.end());
  std::vector<std::size_t> places(requests.size());  // of the pending ones in `outcome`
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;

  // One attempt: notes what is settled, keeps the rest pending and answers with its worst error.
  const auto attempt = [&](const CallContext& c) -> Status {
    const std::vector<Status> statuses = store_.DeleteMany(pending, c);
    std::optional<Error> worst;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < pending.size(); ++i) {
      outcome[places[i]] = statuses[i];
      if (statuses[i] || !statuses[i].error().retryable) continue;
      // An unknown outcome rules: it must be told to the next attempt.
      if (!worst || IsOutcomeUnknown(statuses[i].error())) worst = statuses[i].error();
      pending[kept] = pending[i];
      places[kept++] = places[i];
    }
    pending.resize(kept);
    places.resize(kept);
    if (worst) return Fail(*worst);
    return {};
  };
  if (pending.empty()) return outcome;
  if (const Status status = Through({.may_take_long = true}, context, attempt); !status) {
    for (const std::size_t place : places) outcome[place] = Fail(status.error());
  }
  return outcome;
}

}  // namespace skybridge
