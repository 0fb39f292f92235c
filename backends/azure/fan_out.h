// Runs many small blocking jobs on a few threads, and waits for all of them.
#pragma once

#include <cstddef>
#include <functional>

namespace skybridge::azure {

// Requests that one call to the store keeps in flight at most.
inline constexpr std::size_t kFanOut = 16;

// Calls job(0) ... job(count - 1), in no certain order, on at most kFanOut threads (on the caller's
// alone for one job).
void FanOut(std::size_t count, const std::function<void(std::size_t)>& job);

}  // namespace skybridge::azure
