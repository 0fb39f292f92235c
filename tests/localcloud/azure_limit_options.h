// Documented limits that a test reaches sooner when they are set lower.
#pragma once

#include <cstddef>

namespace skybridge::localcloud::azure {

struct LimitOptions {
  std::size_t uncommitted_blocks = 100'000;  // of one blob. Source: Azure REST: Put Block, remarks
};

}  // namespace skybridge::localcloud::azure
