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

// The attempts of one call: when the next may start, what it may take, and whether there is one.
class RetryingStore::Attempts {
 public:
  Attempts(RetryingStore& owner, const CallContext& context, milliseconds attempt_time)
      : owner_(owner), call_(context), attempt_(context), attempt_time_(attempt_time) {
    if (attempt_.call_id == 0) attempt_.call_id = RandomId();
  }

  // Waits while the endpoint wants to be left alone. An error: there is no time for it, or we were
  // stopped.
  Status Begin() {
    const MonotonicTime pause_end = owner_.endpoint_.pause_end();
    if (pause_end > owner_.clock_.Now()) {
      const double spread =
          RandomBetween(0, static_cast<double>(owner_.policy_.resume_spread.count()));
      TRY_VOID(SleepUntil(
          pause_end + milliseconds(static_cast<std::int64_t>(spread)),
          {.code = ErrorCode::kThrottled,
           .message = "the service asked for a pause that is longer than the call's time",
           .retryable = true}));
    }
    ++owner_.attempts_;
    if (++count_ > 1) ++owner_.retries_;
    attempt_.deadline = call_.deadline;
    if (attempt_time_ != kUnlimited) {
      attempt_.deadline = std::min(call_.deadline, owner_.clock_.Now() + attempt_time_);
    }
    return {};
  }

  const CallContext& context() const { return attempt_; }

  void AfterSuccess() { owner_.endpoint_.NoteAnswer(); }

  // Waits before the next attempt. An error: what the call ends with.
  Status AfterFailure(const Error& error) {
    const MonotonicTime patience_end = PatienceEnd(error);
    if (!error.retryable) return Fail(error);
    attempt_.retried |= IsOutcomeUnknown(error);
    const nanoseconds delay = Delay(error);
    const MonotonicTime next = owner_.clock_.Now() + delay;
    if (error.code == ErrorCode::kThrottled) ++owner_.throttled_;
    // Who names a time means all of us, whatever the reason.
    if (error.code == ErrorCode::kThrottled || error.retry_after) owner_.endpoint_.PauseUntil(next);
    if (next >= patience_end) return GiveUp(Unreachable(error));
    if (count_ >= owner_.policy_.max_attempts) return GiveUp(error);
    Log(LogLevel::kDebug, "attempt {} failed, the next follows in {} ms: {}", count_,
        std::chrono::ceil<milliseconds>(delay).count(), error.ToString());
    return SleepUntil(next, error);
  }

 private:
  // Until when a try may start, for all that is known of the endpoint.
  MonotonicTime PatienceEnd(const Error& error) {
    const bool answered = error.remote.http_status != 0;
    if (answered) owner_.endpoint_.NoteAnswer();
    if (answered || !IsOutcomeUnknown(error)) return MonotonicTime::max();
    const auto patience = owner_.policy_.unreachable_after;
    return owner_.endpoint_.NoteSilence(owner_.clock_.Now(), patience) + patience;
  }

  Status GiveUp(const Error& error) {
    ++owner_.given_up_;
    return Fail(error);
  }

  Status SleepUntil(MonotonicTime until, const Error& error_if_too_late) {
    if (until >= call_.deadline) return GiveUp(error_if_too_late);
    if (owner_.clock_.SleepUntil(until, call_.stop)) return {};
    return Fail(ErrorCode::kCancelled, "stopped between two attempts; the last ended with " +
                                           error_if_too_late.ToString());
  }

  nanoseconds Delay(const Error& error) const {
    const RetryPolicy& policy = owner_.policy_;
    const double grown =
        static_cast<double>(policy.first_delay.count()) * std::pow(policy.delay_factor, count_ - 1);
    const double capped = std::min(grown, static_cast<double>(policy.max_delay.count()));
    const double jittered = capped * RandomBetween(policy.jitter_low, policy.jitter_high);
    const nanoseconds delay(static_cast<std::int64_t>(jittered * 1e6));
    return std::max<nanoseconds>(delay, error.retry_after.value_or(milliseconds(0)));
  }

  RetryingStore& owner_;
  const CallContext& call_;
  CallContext attempt_;
  const milliseconds attempt_time_;
  int count_ = 0;
};

RetryingStore::RetryingStore(ObjectStore& store, EndpointState& endpoint, Clock& clock,
                             RetryPolicy policy)
    : store_(store), endpoint_(endpoint), clock_(clock), policy_(policy) {}

RetryCounts RetryingStore::counts() const {
  return {
      .attempts = attempts_, .retries = retries_, .throttled = throttled_, .given_up = given_up_};
}

milliseconds RetryingStore::TimeFor(std::uint64_t payload_bytes) const {
  return policy_.attempt_timeout + milliseconds(static_cast<std::int64_t>(
                                       1000 * payload_bytes / policy_.slowest_bytes_per_second));
}

template <class Call>
auto RetryingStore::Retry(const CallContext& context, milliseconds attempt_time, Call call)
    -> decltype(call(context)) {
  Attempts attempts(*this, context, attempt_time);
  for (;;) {
    TRY_VOID(attempts.Begin());
    auto outcome = call(attempts.context());
    if (outcome) {
      attempts.AfterSuccess();
      return outcome;
    }
    TRY_VOID(attempts.AfterFailure(outcome.error()));
  }
}

Result<ProbeReply> RetryingStore::Probe(const CallContext& context) {
  return Retry(context, TimeFor(0), [&](const CallContext& c) { return store_.Probe(c); });
}

Result<ListPage> RetryingStore::List(const ListRequest& request, const CallContext& context) {
  return Retry(context, TimeFor(0), [&](const CallContext& c) { return store_.List(request, c); });
}

Result<ObjectInfo> RetryingStore::Head(const ObjectKey& key, const CallContext& context) {
  return Retry(context, TimeFor(0), [&](const CallContext& c) { return store_.Head(key, c); });
}

Result<ObjectInfo> RetryingStore::HeadDirectory(const ObjectKey& key, const CallContext& context) {
  return Retry(context, TimeFor(0),
               [&](const CallContext& c) { return store_.HeadDirectory(key, c); });
}

Result<GetReply> RetryingStore::Get(const GetRequest& request, std::span<std::byte> into,
                                    const CallContext& context) {
  return Retry(context, TimeFor(request.range.length_bytes),
               [&](const CallContext& c) { return store_.Get(request, into, c); });
}

Result<ObjectInfo> RetryingStore::Put(const PutRequest& request, const CallContext& context) {
  return Retry(context, TimeFor(request.body.size()),
               [&](const CallContext& c) { return store_.Put(request, c); });
}

Result<UploadId> RetryingStore::StartUpload(const StartUploadRequest& request,
                                            const CallContext& context) {
  return Retry(context, TimeFor(0),
               [&](const CallContext& c) { return store_.StartUpload(request, c); });
}

Result<PartReceipt> RetryingStore::UploadPart(const UploadPartRequest& request,
                                              const CallContext& context) {
  return Retry(context, TimeFor(request.body.size()),
               [&](const CallContext& c) { return store_.UploadPart(request, c); });
}

Result<ObjectInfo> RetryingStore::CommitUpload(const CommitUploadRequest& request,
                                               const CallContext& context) {
  return Retry(context, kUnlimited,
               [&](const CallContext& c) { return store_.CommitUpload(request, c); });
}

Status RetryingStore::AbortUpload(const AbortUploadRequest& request, const CallContext& context) {
  return Retry(context, TimeFor(0),
               [&](const CallContext& c) { return store_.AbortUpload(request, c); });
}

Result<ObjectInfo> RetryingStore::SetAttributes(const SetAttributesRequest& request,
                                                const CallContext& context) {
  const milliseconds time = capabilities().set_attributes_rewrites ? kUnlimited : TimeFor(0);
  return Retry(context, time,
               [&](const CallContext& c) { return store_.SetAttributes(request, c); });
}

Result<ObjectInfo> RetryingStore::MakeDirectory(const MakeDirectoryRequest& request,
                                                const CallContext& context) {
  return Retry(context, TimeFor(0),
               [&](const CallContext& c) { return store_.MakeDirectory(request, c); });
}

Status RetryingStore::RemoveDirectory(const ObjectKey& key, const CallContext& context) {
  return Retry(context, TimeFor(0),
               [&](const CallContext& c) { return store_.RemoveDirectory(key, c); });
}

Result<ObjectInfo> RetryingStore::Rename(const RenameRequest& request, const CallContext& context) {
  const bool one_by_one =
      request.kind == NodeKind::kDirectory && !capabilities().atomic_directory_rename;
  return Retry(context, one_by_one ? kUnlimited : TimeFor(0),
               [&](const CallContext& c) { return store_.Rename(request, c); });
}

Status RetryingStore::Delete(const DeleteRequest& request, const CallContext& context) {
  return Retry(context, TimeFor(0),
               [&](const CallContext& c) { return store_.Delete(request, c); });
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
  if (const Status status = Retry(context, kUnlimited, attempt); !status) {
    for (const std::size_t place : places) outcome[place] = Fail(status.error());
  }
  return outcome;
}

}  // namespace skybridge
