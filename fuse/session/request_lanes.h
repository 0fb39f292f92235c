// RequestLanes: which requests are worked on now and which wait. One lane for each remote, so that
// the callers of a cloud that does not answer hold up nobody who does not need it.
//
// A lane has so many requests at work at once; those beyond it wait in its queue, in order. A
// request that waits can be interrupted and keeps its own time limit. No libfuse type appears here,
// and no thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <stop_token>
#include <vector>

#include "core/clock.h"
#include "core/mutex.h"

namespace skybridge::fuse {

struct WaitingRequest {
  std::uint64_t unique = 0;  // the kernel's number
  // When it must be answered. A request that may not be refused has none: it waits its turn.
  MonotonicTime deadline = MonotonicTime::max();
  MonotonicTime arrived{};
  std::vector<std::byte> message;
};

struct LaneLimits {
  std::size_t lanes = 1;
  std::size_t at_work = 64;  // requests of one lane
  // Of one lane's queue. Beyond them a request that may be refused is refused at once.
  std::size_t waiting = 4096;
  std::size_t waiting_bytes = std::size_t{64} << 20;
};

// Safe from many threads. The clock outlives it.
class RequestLanes {
 public:
  RequestLanes(const LaneLimits& limits, const Clock& clock);

  // True: the caller works on a request of this lane now, and calls Leave when it is done.
  bool Enter(std::size_t lane);
  // Puts a request into the lane's queue. It comes back, now if a place has become free meanwhile,
  // or if the queue is full: then `refused` is set. Nothing: it waits.
  struct Verdict {
    std::optional<WaitingRequest> now = {};
    bool refused = false;
  };
  Verdict Wait(std::size_t lane, WaitingRequest request);
  // The next request of the lane, to be worked on in the place of the one that is done; nothing:
  // the place is given up.
  std::optional<WaitingRequest> Leave(std::size_t lane);

  // Takes a request that still waits, and may be refused, out of its queue.
  std::optional<WaitingRequest> TakeInterrupted(std::uint64_t unique);
  // Blocks until requests have waited past their deadline, and takes them out. Empty after a stop.
  std::vector<WaitingRequest> AwaitLate(const std::stop_token& stop);
  // All that wait, of all lanes: the mount ends.
  std::vector<WaitingRequest> TakeAll();

  std::size_t waiting() const;

 private:
  struct Lane {
    std::size_t at_work = 0;
    std::size_t waiting_bytes = 0;
    std::deque<WaitingRequest> queue;
  };
  WaitingRequest Take(Lane& lane, std::deque<WaitingRequest>::iterator place) REQUIRES(mutex_);

  const LaneLimits limits_;
  const Clock& clock_;
  mutable Mutex mutex_;  // guards what follows
  CondVar changed_;
  std::vector<Lane> lanes_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
