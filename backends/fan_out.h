// Many small blocking jobs of one call, on a few threads: to the end, or until the first failure.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "core/result.h"

namespace skybridge {

// Requests that one call to a store keeps in flight at most, where nothing else is said.
inline constexpr std::size_t kFanOut = 16;

// Calls job(0) ... job(count - 1), in no certain order, at most `threads` at a time (the caller's
// own among them), and waits for all of them. No new one begins once a job has returned false.
template <class Job>
void FanOutWhile(std::size_t count, std::size_t threads, const Job& job) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> ended{false};
  const auto work = [&] {
    for (std::size_t i = next++; i < count && !ended; i = next++) {
      if (!job(i)) ended = true;
    }
  };
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < std::min(threads, count); ++i) helpers.emplace_back(work);
  work();
}

// All of them, whatever they do.
template <class Job>
void FanOut(std::size_t count, const Job& job) {
  FanOutWhile(count, kFanOut, [&](std::size_t i) {
    job(i);
    return true;
  });
}

// Until the first failure: the one of the lowest index, once all that had begun have ended.
template <class Work>
Status FanOutUntilFailure(std::size_t count, std::size_t threads, const Work& work) {
  std::vector<Status> outcomes(count);
  FanOutWhile(count, threads, [&](std::size_t i) {
    outcomes[i] = work(i);
    return outcomes[i].has_value();
  });
  for (Status& outcome : outcomes) TRY_VOID(std::move(outcome));
  return {};
}

}  // namespace skybridge
