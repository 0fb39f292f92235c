#include "backends/rate_limited_store.h"

#include <algorithm>
#include <stop_token>

namespace skybridge {
namespace {

using std::chrono::nanoseconds;

tl::unexpected<Error> Late() {
  return Fail(Error{.code = ErrorCode::kTimedOut,
                    .message = "the call's deadline passed while it waited for its turn",
                    .retryable = true});
}

tl::unexpected<Error> Stopped() {
  return Fail(ErrorCode::kCancelled, "stopped while the call waited for its turn");
}

}  // namespace

RateLimitedStore::RateLimitedStore(ObjectStore& store, Clock& clock, RateLimits limits)
    : StoreDecorator(store), clock_(clock), limits_(limits) {}

std::uint32_t RateLimitedStore::in_flight() const {
  MutexLock lock(mutex_);
  return in_flight_;
}

Status RateLimitedStore::Enter(const CallContext& context) {
  {
    const std::stop_callback wake(context.stop, [this] {
      MutexLock lock(mutex_);
      changed_.NotifyAll();
    });
    MutexLock lock(mutex_);
    while (in_flight_ >= limits_.max_in_flight) {
      const bool late = clock_.Now() >= context.deadline;
      if (context.stop.stop_requested() || late) {
        changed_.NotifyOne();  // the wake-up may have been meant for a call that can still start
        return late ? Late() : Stopped();
      }
      clock_.WaitUntil(changed_, mutex_, context.deadline);
    }
    ++in_flight_;
  }
  Status started = WaitForStart(context);
  if (!started) Leave();
  return started;
}

void RateLimitedStore::Leave() {
  MutexLock lock(mutex_);
  --in_flight_;
  changed_.NotifyOne();
}

Status RateLimitedStore::WaitForStart(const CallContext& context) {
  if (limits_.calls_per_second <= 0) return {};
  const nanoseconds interval(static_cast<std::int64_t>(1e9 / limits_.calls_per_second));
  const MonotonicTime now = clock_.Now();
  MonotonicTime start;
  {
    MutexLock lock(mutex_);
    used_up_at_ = std::max(used_up_at_, now);
    start = used_up_at_ - interval * (std::max(limits_.burst, 1u) - 1);
    if (start >= context.deadline) return Late();
    used_up_at_ += interval;
  }
  if (start <= now || clock_.SleepUntil(start, context.stop)) return {};
  return Stopped();
}

std::vector<Status> RateLimitedStore::DeleteMany(std::span<const DeleteRequest> requests,
                                                 const CallContext& context) {
  const Turn turn(*this, context);
  if (!turn.entered()) return std::vector<Status>(requests.size(), turn.entered());
  return store_.DeleteMany(requests, context);
}

}  // namespace skybridge
