// RefreshingIdentity: keeps an identity that expires fresh, once for all threads. An IdentitySource
// knows how to get one.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "backends/oci/identity.h"
#include "core/mutex.h"

namespace skybridge::oci {

// Used by one thread at a time, except for HasChanged.
class IdentitySource {
 public:
  virtual ~IdentitySource() = default;
  // A new identity: another token, and the key that is bound to it.
  virtual Result<Identity> Fetch(const CallContext& context) = 0;
  // Somebody else has replaced what the last Fetch gave (a file was written). Safe from many
  // threads; cheap.
  virtual bool HasChanged() const { return false; }
};

// When an identity nears its end (kAhead, or the last half of a shorter life) one caller fetches
// the next while the others go on with the old one; when there is none, they wait for that caller.
// A refresh that fails is tried again after kRefreshPause, and the old identity serves until it
// really expires.
class RefreshingIdentity final : public IdentityProvider {
 public:
  static constexpr std::chrono::minutes kAhead{5};
  static constexpr std::chrono::seconds kRefreshPause{30};

  // `clock` must outlive it.
  RefreshingIdentity(std::unique_ptr<IdentitySource> source, const Clock& clock)
      : clock_(clock), source_(std::move(source)) {}

  Result<std::shared_ptr<const Identity>> Current(const CallContext& context) override;
  // Drops `refused`, unless a newer one is there already.
  bool Renew(const Identity& refused) override;

 private:
  struct Kept {
    std::shared_ptr<const Identity> identity;
    MonotonicTime expires;
    MonotonicTime refresh_at;
  };

  Kept Keep(Identity identity) const;
  Status WaitForFetch(const CallContext& context) REQUIRES(mutex_);
  bool Usable(MonotonicTime now) const REQUIRES(mutex_) { return kept_ && now < kept_->expires; }

  const Clock& clock_;
  const std::unique_ptr<IdentitySource> source_;

  Mutex mutex_;  // guards what follows; never held across a fetch
  CondVar fetched_;
  std::optional<Kept> kept_ GUARDED_BY(mutex_);
  bool fetching_ GUARDED_BY(mutex_) = false;
  MonotonicTime next_refresh_ GUARDED_BY(mutex_) = MonotonicTime::min();
};

}  // namespace skybridge::oci
