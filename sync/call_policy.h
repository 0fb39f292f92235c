// How long one request of a pass may take, and who may stop the pass.
#pragma once

#include <chrono>
#include <stop_token>

#include "core/call_context.h"
#include "core/clock.h"

namespace skybridge {

struct CallPolicy {
  Clock& clock;
  std::chrono::nanoseconds timeout =
      std::chrono::minutes(5);  // of one call of the store, its retries included
  std::stop_token stop = {};

  CallContext Context() const { return {.deadline = clock.Now() + timeout, .stop = stop}; }
  // For what must be done even when the pass is stopped: freeing an upload.
  CallContext CleanupContext() const {
    return {.deadline = clock.Now() + std::chrono::seconds(10)};
  }
};

}  // namespace skybridge
