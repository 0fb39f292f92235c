// CallContext goes with every call that may wait: its deadline, and a way to stop it.
#pragma once

#include <cstdint>
#include <stop_token>

#include "core/clock.h"

namespace skybridge {

class ServiceLine;  // core/service_line.h

struct CallContext {
  // The call returns kTimedOut soon after this time, or at once if it has passed. Every call has a
  // deadline, so none waits for ever.
  MonotonicTime deadline = MonotonicTime::max();
  // The call returns kCancelled soon after a stop is requested.
  std::stop_token stop = {};
  // An earlier attempt of this same call ended without a known outcome (no reply, time-out, 5xx).
  // A store that then finds the work done uses this flag to tell its own earlier attempt from
  // another client: see backends/retrying_store.h.
  bool retried = false;
  // Random, the same for all attempts of one call; 0 when the call is not repeated. A store puts it
  // into names of temporary objects, so that a repeated call does not make a second one.
  std::uint64_t call_id = 0;
  // Between the call and its service; nullptr: nobody shares what is learnt. Not for requests to
  // other services, such as those that issue tokens.
  ServiceLine* line = nullptr;
};

}  // namespace skybridge
