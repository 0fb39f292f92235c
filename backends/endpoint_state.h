// EndpointState: what all callers of one service endpoint know of it together. One object for each
// endpoint, shared by all stores and threads that talk to it, so that one refused call tells all,
// and none spends its own whole patience on a server that is gone.
#pragma once

#include "backends/pace.h"
#include "backends/reach.h"

namespace skybridge {

// Safe from many threads.
struct EndpointState {
  Pace pace;    // how fast it may be asked
  Reach reach;  // whether it answers at all
};

}  // namespace skybridge
