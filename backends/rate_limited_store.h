// RateLimitedStore: keeps a store's calls below a number in flight and a number a second. You need
// it below the RetryingStore, so that every attempt counts, where a service or an administrator
// sets such a limit.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backends/forwarding_store.h"
#include "core/clock.h"
#include "core/mutex.h"

namespace skybridge {

struct RateLimits {
  std::uint32_t max_in_flight = 256;
  double calls_per_second = 0;  // 0: no limit
  std::uint32_t burst = 32;     // calls that may start at once after a quiet time
};

// Beyond a limit a call waits its turn: until its deadline (kTimedOut, not carried out) or its stop
// (kCancelled).
class RateLimitedStore final : public StoreDecorator<RateLimitedStore> {
 public:
  // Both outlive the store.
  RateLimitedStore(ObjectStore& store, Clock& clock, RateLimits limits);

  std::uint32_t in_flight() const;

  template <class Send>
  auto Through(const StoreCall&, const CallContext& context, Send send) -> decltype(send(context)) {
    const Turn turn(*this, context);
    TRY_VOID(turn.entered());
    return send(context);
  }
  std::vector<Status> DeleteMany(std::span<const DeleteRequest> requests,
                                 const CallContext& context) override;

 private:
  // Holds a place in flight for a scope, once Enter has succeeded.
  class Turn {
   public:
    Turn(RateLimitedStore& owner, const CallContext& context)
        : owner_(owner), entered_(owner.Enter(context)) {}
    ~Turn() {
      if (entered_) owner_.Leave();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    const Status& entered() const { return entered_; }

   private:
    RateLimitedStore& owner_;
    const Status entered_;
  };

  Status Enter(const CallContext& context);
  void Leave();
  Status WaitForStart(const CallContext& context);

  Clock& clock_;
  const RateLimits limits_;

  mutable Mutex mutex_;  // guards what follows
  CondVar changed_;
  std::uint32_t in_flight_ GUARDED_BY(mutex_) = 0;
  // When the calls so far would be used up at the even rate (generic cell rate algorithm).
  MonotonicTime used_up_at_ GUARDED_BY(mutex_) = MonotonicTime::min();
};

}  // namespace skybridge
