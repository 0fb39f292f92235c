// ForEachParallel: the same work for many indexes on a few threads, until the first failure.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "core/result.h"

namespace skybridge::oci {

// Calls work(0) ... work(count - 1), at most `threads` at a time (the caller's own among them).
// After a failure no new one begins; the failure of the lowest index is returned once all that had
// begun have ended.
template <class Work>
Status ForEachParallel(std::size_t count, std::size_t threads, const Work& work) {
  std::vector<Status> outcomes(count);
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  const auto run = [&] {
    for (std::size_t i = next++; i < count && !failed; i = next++) {
      outcomes[i] = work(i);
      if (!outcomes[i]) failed = true;
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < std::min(threads, count); ++i) helpers.emplace_back(run);
    run();
  }
  for (Status& outcome : outcomes) TRY_VOID(std::move(outcome));
  return {};
}

}  // namespace skybridge::oci
