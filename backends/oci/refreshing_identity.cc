#include "backends/oci/refreshing_identity.h"

#include <algorithm>
#include <utility>

#include "core/log.h"

namespace skybridge::oci {

Result<std::shared_ptr<const Identity>> RefreshingIdentity::Current(const CallContext& context) {
  const bool changed = source_->HasChanged();
  MutexLock lock(mutex_);
  for (;;) {
    const MonotonicTime now = clock_.Now();
    const bool due = Usable(now) && (changed || now >= kept_->refresh_at) && now >= next_refresh_;
    if (Usable(now) && (!due || fetching_)) return kept_->identity;
    if (fetching_) {
      TRY_VOID(WaitForFetch(context));
      continue;
    }
    fetching_ = true;
    lock.Unlock();
    Result<Identity> fresh = source_->Fetch(context);
    lock.Lock();
    fetching_ = false;
    fetched_.NotifyAll();
    if (fresh) {
      kept_ = Keep(*std::move(fresh));
      next_refresh_ = MonotonicTime::min();
      return kept_->identity;
    }
    if (!Usable(clock_.Now())) return Fail(std::move(fresh).error());
    next_refresh_ = clock_.Now() + kRefreshPause;
    Log(LogLevel::kWarning, "oci: the token is still valid but was not renewed: {}",
        fresh.error().ToString());
  }
}

RefreshingIdentity::Kept RefreshingIdentity::Keep(Identity identity) const {
  const MonotonicTime now = clock_.Now();
  Kept kept{std::make_shared<const Identity>(std::move(identity)), MonotonicTime::max(),
            MonotonicTime::max()};
  if (!kept.identity->expires) return kept;
  // A token that is over when it comes is one of a wrong clock: it is used, and its service judges
  // it.
  const auto life =
      std::max<std::chrono::nanoseconds>(*kept.identity->expires - clock_.WallNow(), kRefreshPause);
  kept.expires = now + life;
  kept.refresh_at = kept.expires - std::min<std::chrono::nanoseconds>(kAhead, life / 2);
  return kept;
}

Status RefreshingIdentity::WaitForFetch(const CallContext& context) {
  // The clock of the context may not be the machine's: look at both in short steps.
  constexpr std::chrono::milliseconds kStep{50};
  while (fetching_) {
    if (context.stop.stop_requested())
      return Fail(ErrorCode::kCancelled, "stopped while waiting for a token");
    if (clock_.Now() >= context.deadline) {
      return Fail(Error{
          .code = ErrorCode::kTimedOut, .message = "no token came in time", .retryable = true});
    }
    fetched_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kStep);
  }
  return {};
}

bool RefreshingIdentity::Renew(const Identity& refused) {
  MutexLock lock(mutex_);
  if (kept_ && kept_->identity->key_id == refused.key_id) kept_.reset();
  return true;
}

}  // namespace skybridge::oci
