#include "backends/azure/fan_out.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace skybridge::azure {

void FanOut(std::size_t count, const std::function<void(std::size_t)>& job) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) job(i);
  };
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < std::min(count, kFanOut); ++i) helpers.emplace_back(work);
  work();
}

}  // namespace skybridge::azure
