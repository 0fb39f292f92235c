// FreshValue: keeps something that expires (a token, with or without its key) fresh, once for all
// threads.
//
// When the value nears its end one caller fetches the next while the others go on with the old one;
// when there is none, they wait for that caller and share what it gets, a refusal too. A refresh
// that fails or takes longer than kRefreshPatience is tried again after kRefreshPause, and the old
// value serves until it really expires. A refusal for good holds for kRefusalPause: a tree that is
// walked without an identity would ask for one at each file.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "core/call_context.h"
#include "core/call_wait.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mutex.h"
#include "core/result.h"

namespace skybridge {

inline constexpr std::chrono::seconds kRefreshPause{30};
inline constexpr std::chrono::seconds kRefreshPatience{10};
inline constexpr std::chrono::seconds kRefusalPause{5};

template <class T>
struct Expiring {
  T value;
  MonotonicTime expires;
  MonotonicTime refresh_at;  // from here on a new one is wanted
};

// Safe from many threads. T is copied for each caller.
template <class T>
class FreshValue {
 public:
  // Called by one thread at a time.
  using Fetch = std::function<Result<Expiring<T>>(const CallContext& context)>;

  // `clock` must outlive it. `cloud` begins the warning about a refresh that failed.
  FreshValue(std::string cloud, Fetch fetch, const Clock& clock)
      : cloud_(std::move(cloud)), fetch_(std::move(fetch)), clock_(clock) {}

  // `is_outdated`: a new one is wanted though the old one can still be used. Errors: those of the
  // fetch; kTimedOut and kCancelled while another caller fetches.
  Result<T> Current(const CallContext& context, bool is_outdated = false) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    for (;;) {
      const MonotonicTime now = clock_.Now();
      if (IsUsable(now)) {
        const bool wanted = (is_outdated || now >= kept_->refresh_at) && now >= next_refresh_;
        if (!wanted || fetching_) return kept_->value;
      }
      if (fetching_) {
        TRY_VOID(WaitForFetch(context));
        continue;
      }
      if (now < refused_until_ && !is_outdated) return Fail(*failure_);
      if (!FetchOnce(context)) return Fail(*failure_);
      return kept_->value;
    }
  }

  // Drops the value that was refused, unless a newer one is there already.
  template <class IsRefused>
  void DropIf(IsRefused is_refused) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (kept_ && is_refused(kept_->value)) kept_.reset();
  }

 private:
  bool IsUsable(MonotonicTime now) const REQUIRES(mutex_) { return kept_ && now < kept_->expires; }

  // Another caller's end is not ours: then we ask by ourselves.
  static bool IsForAll(const Error& failure) {
    return failure.code != ErrorCode::kCancelled && failure.code != ErrorCode::kTimedOut;
  }

  // One fetch, without the lock; its outcome is kept. True if there is a value that can be used.
  bool FetchOnce(const CallContext& context) REQUIRES(mutex_) {
    CallContext patience = context;
    if (IsUsable(clock_.Now()))
      patience.deadline = std::min(context.deadline, clock_.Now() + kRefreshPatience);
    fetching_ = true;
    mutex_.unlock();
    Result<Expiring<T>> fresh = fetch_(patience);
    mutex_.lock();
    fetching_ = false;
    fetched_.NotifyAll();
    if (fresh) {
      kept_ = *std::move(fresh);
      failure_.reset();
      next_refresh_ = MonotonicTime::min();
      refused_until_ = MonotonicTime::min();
      return true;
    }
    failure_ = std::move(fresh).error();
    if (!IsUsable(clock_.Now())) {
      if (IsForAll(*failure_) && !failure_->retryable)
        refused_until_ = clock_.Now() + kRefusalPause;
      return false;
    }
    next_refresh_ = clock_.Now() + kRefreshPause;
    Log(LogLevel::kWarning, "{}: the token is still valid but was not renewed: {}", cloud_,
        failure_->ToString());
    return true;
  }

  // Ends with the fetch that is under way. Errors: kTimedOut, kCancelled, and the one of that
  // fetch.
  Status WaitForFetch(const CallContext& context) REQUIRES(mutex_) {
    while (fetching_)
      TRY_VOID(WaitWithin(context, clock_, fetched_, mutex_, "the fetch of a token"));
    if (failure_ && IsForAll(*failure_) && !IsUsable(clock_.Now())) return Fail(*failure_);
    return {};
  }

  const std::string cloud_;
  const Fetch fetch_;
  const Clock& clock_;

  Mutex mutex_;  // guards what follows; never held across a fetch
  CondVar fetched_;
  std::optional<Expiring<T>> kept_ GUARDED_BY(mutex_);
  bool fetching_ GUARDED_BY(mutex_) = false;
  std::optional<Error> failure_ GUARDED_BY(mutex_);  // of the last fetch
  MonotonicTime next_refresh_ GUARDED_BY(mutex_) = MonotonicTime::min();
  MonotonicTime refused_until_ GUARDED_BY(mutex_) = MonotonicTime::min();
};

}  // namespace skybridge
