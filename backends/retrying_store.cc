#include "backends/retrying_store.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <random>
#include <system_error>
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
  error.remote.silent = true;
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
  return call.may_take_long || call.payload_bytes > 0 ? kUnlimited : policy_.attempt_timeout;
}

double RetryingStore::Jitter() const {
  return RandomBetween(policy_.jitter_low, policy_.jitter_high);
}

PaceLimits RetryingStore::Limits() const {
  return {.first_delay = policy_.first_delay, .max_delay = policy_.max_delay};
}

// ---- Reach ----

// The one request that asks for all callers. It is never given up: it is what ends a silence.
class RetryingStore::SilenceProbe final : public ServiceLine {
 public:
  explicit SilenceProbe(RetryingStore& owner) : owner_(owner) {}

  void Run(const std::stop_token& stop) {
    const MonotonicTime deadline =
        owner_.clock_.Now() + std::min(owner_.policy_.unreachable_after, kLongestProbe);
    const auto reply = owner_.store_.Probe({.deadline = deadline, .stop = stop, .line = this});
    if (reply || reply.error().remote.http_status != 0) {
      Heard();
    } else {
      Log(LogLevel::kDebug, "the probe of a silent service: {}", reply.error().ToString());
    }
    owner_.endpoint_.reach.EndProbe(owner_.clock_.Now());
  }

  void Sent() override {
    owner_.endpoint_.reach.NoteSent(owner_.clock_.Now(), owner_.policy_.unreachable_after);
  }
  void Heard() override { owner_.endpoint_.reach.NoteHeard(owner_.clock_.Now()); }
  void Ended(bool silent) override {
    owner_.endpoint_.reach.NoteEnded(owner_.clock_.Now(), silent);
  }
  bool IsGivenUp() override { return false; }
  void Served(nanoseconds latency) override { owner_.endpoint_.pace.NoteServed(latency); }
  bool AwaitTurn(const Error&, int) override { return false; }

 private:
  RetryingStore& owner_;
};

void RetryingStore::StartProbe() {
  if (!endpoint_.reach.BeginProbe(clock_.Now(), kProbePause)) return;
  MutexLock lock(prober_mutex_);
  try {
    // The thread before has ended its probe: it is joined at once.
    prober_ = std::jthread([this](const std::stop_token& stop) { SilenceProbe(*this).Run(stop); });
  } catch (const std::system_error& error) {
    Log(LogLevel::kWarning, "no thread could be started to probe a silent service: {}",
        error.what());
    endpoint_.reach.EndProbe(clock_.Now());
  }
}

Status RetryingStore::AwaitReach(const CallContext& context) {
  Reach& reach = endpoint_.reach;
  if (!reach.IsGivenUp(clock_.Now(), policy_.unreachable_after)) return {};
  StartProbe();
  // Who comes later than that finds a probe that waits, and does not wait with it.
  const MonotonicTime until = std::min(context.deadline, reach.probe_began() + kProbeGrace);
  if (reach.AwaitProbe(clock_, until, context.stop) != Reach::Probed::kStillAsking) return {};
  if (context.stop.stop_requested())
    return Fail(ErrorCode::kCancelled, "stopped while a probe of the silent service was awaited");
  ++given_up_;
  return Fail(Unreachable({.message = "the service does not answer", .retryable = true}));
}

// ---- The attempts of one call ----

RetryingStore::Attempts::Attempts(RetryingStore& owner, const StoreCall& call,
                                  const CallContext& context)
    : owner_(owner), context_(context), attempt_(context), attempt_time_(owner.TimeFor(call)) {
  if (attempt_.call_id == 0) attempt_.call_id = RandomId();
  attempt_.line = this;
}

Status RetryingStore::Attempts::Begin() {
  TRY_VOID(owner_.AwaitReach(context_));
  const MonotonicTime pause_end = owner_.endpoint_.pace.pause_end();
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
  sent_ = false;
  began_ = owner_.clock_.Now();
  turn_ = MonotonicTime::min();
  attempt_.deadline = context_.deadline;
  if (attempt_time_ != kUnlimited) {
    attempt_.deadline = std::min(context_.deadline, owner_.clock_.Now() + attempt_time_);
  }
  return {};
}

void RetryingStore::Attempts::AfterSuccess() { Heard(); }

Status RetryingStore::Attempts::AfterFailure(const Error& error) {
  const bool acted = sent_;  // what never left this machine has done nothing
  if (error.remote.http_status != 0) Heard();
  if (!error.retryable) return Fail(error);
  // Another service that the call needs, such as the issuer of its token, is as far away.
  if (error.remote.silent && !sent_) LineExchange(this).EndsWith(error);
  attempt_.retried |= acted && IsOutcomeUnknown(error);
  const bool refused = error.code == ErrorCode::kThrottled;
  const MonotonicTime next = refused ? TurnAfter(error) : owner_.clock_.Now() + Delay(error);
  // A service that names a time means all callers, whatever its reason.
  if (error.retry_after) owner_.endpoint_.pace.PauseUntil(next);
  if (error.code == ErrorCode::kUnreachable) return GiveUp(error);
  if (WouldOutlastPatience(error, next)) {
    owner_.endpoint_.reach.GiveUp();
    return GiveUp(Unreachable(error));
  }
  if (refused ? TooManyRefusals(count_) : count_ >= owner_.policy_.max_attempts)
    return GiveUp(error);
  Log(LogLevel::kDebug, "attempt {} failed, the next follows in {} ms: {}", count_,
      std::chrono::ceil<milliseconds>(next - owner_.clock_.Now()).count(), error.ToString());
  return SleepUntil(next, error);
}

bool RetryingStore::Attempts::TooManyRefusals(int refusals) const {
  return refusals >= owner_.policy_.max_refusals || long_waits_ >= owner_.policy_.max_attempts;
}

bool RetryingStore::Attempts::WouldOutlastPatience(const Error& error, MonotonicTime next) const {
  if (!error.remote.silent) return false;
  Reach& reach = owner_.endpoint_.reach;
  const auto patience = owner_.policy_.unreachable_after;
  if (reach.IsGivenUp(owner_.clock_.Now(), patience)) return true;
  const auto since = reach.silent_since();
  return since && next >= *since + patience;
}

MonotonicTime RetryingStore::Attempts::TurnAfter(const Error& refusal) {
  // AwaitTurn has looked at it already and found no time for it within the attempt.
  if (const MonotonicTime turn = turn_; turn != MonotonicTime::min()) return turn;
  ++owner_.throttled_;
  const MonotonicTime now = owner_.clock_.Now();
  if (refusal.retry_after) {
    ++long_waits_;
    return now + Delay(refusal);
  }
  const nanoseconds delay = owner_.endpoint_.pace.NoteRefusal(now, owner_.Limits());
  if (delay >= owner_.policy_.first_delay) ++long_waits_;
  // Never earlier: others keep the same pause.
  const auto spread = std::min<nanoseconds>(owner_.policy_.resume_spread, delay / 2);
  return now + delay +
         nanoseconds(
             static_cast<std::int64_t>(RandomBetween(0, static_cast<double>(spread.count()))));
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
  const nanoseconds delay(static_cast<std::int64_t>(capped * owner_.Jitter() * 1e6));
  return std::max<nanoseconds>(delay, error.retry_after.value_or(milliseconds(0)));
}

// ---- What the requests of an attempt tell and ask ----

void RetryingStore::Attempts::Sent() {
  sent_ = true;
  owner_.endpoint_.reach.NoteSent(owner_.clock_.Now(), owner_.policy_.unreachable_after);
}

void RetryingStore::Attempts::Heard() { owner_.endpoint_.reach.NoteHeard(owner_.clock_.Now()); }

void RetryingStore::Attempts::Ended(bool silent) {
  owner_.endpoint_.reach.NoteEnded(owner_.clock_.Now(), silent);
}

bool RetryingStore::Attempts::IsGivenUp() {
  const MonotonicTime now = owner_.clock_.Now();
  const auto patience = owner_.policy_.unreachable_after;
  const auto since = owner_.endpoint_.reach.silent_since();
  if (since && now - *since >= patience / 2) owner_.StartProbe();
  // An attempt that began while the service was given up has its moment, too.
  if (now - began_.load() < kProbeGrace) return false;
  return owner_.endpoint_.reach.IsGivenUp(now, patience);
}

void RetryingStore::Attempts::Served(nanoseconds latency) {
  owner_.endpoint_.pace.NoteServed(latency);
}

bool RetryingStore::Attempts::AwaitTurn(const Error& refusal, int refusals) {
  Heard();
  const MonotonicTime turn = TurnAfter(refusal);
  if (refusal.retry_after) owner_.endpoint_.pace.PauseUntil(turn);
  turn_ = turn;
  if (turn >= attempt_.deadline || TooManyRefusals(refusals)) return false;
  if (!owner_.clock_.SleepUntil(turn, attempt_.stop)) return false;
  turn_ = MonotonicTime::min();
  ++owner_.attempts_;
  ++owner_.retries_;
  return true;
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
