// What travels with every call that may wait: until when, and who may stop it.
#pragma once

#include <cstdint>
#include <stop_token>

#include "core/clock.h"

namespace skybridge {

class ServiceLine;  // core/service_line.h

struct CallContext {
  // The call returns kTimedOut soon after this (at once if it has passed). Every call has one:
  // never wait for ever.
  MonotonicTime deadline = MonotonicTime::max();
  // The call returns kCancelled soon after a stop is requested.
  std::stop_token stop = {};
  // An earlier attempt of this same call ended without a known outcome (no reply, time-out, 5xx). A
  // store uses it to tell "somebody did this before us" from "our own first attempt did it": see
  // backends/retrying_store.h.
  bool retried = false;
  // Random, and the same for all attempts of one call; 0: nobody repeats it. A store names by it
  // what a repeated call must not make twice.
  std::uint64_t call_id = 0;
  // Between the call and its service; nullptr: nobody shares what is learnt. Not for requests to
  // other services, such as those that issue tokens.
  ServiceLine* line = nullptr;
};

}  // namespace skybridge
