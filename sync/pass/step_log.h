// StepLog: tells the caller of a pass each step that changes something, one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>

#include "core/mutex.h"
#include "sync/pass/decision.h"

namespace skybridge {

using StepFunction = std::function<void(const Decision&)>;

// Safe from many threads.
class StepLog {
 public:
  // Without a function nothing is told.
  explicit StepLog(const StepFunction& tell) : tell_(tell) {}

  void Tell(const Decision& decision);

  // For steps that are told in the order in which they were planned: each takes a number from one
  // thread, which waits while kMaxWaiting later ones are known already. Each number is told once.
  std::uint64_t TakeNumber();
  void TellInOrder(std::uint64_t number, Decision decision);

 private:
  static constexpr std::size_t kMaxWaiting = 4096;

  const StepFunction& tell_;
  Mutex mutex_;  // guards what follows; held while the function runs, so that calls do not overlap
  CondVar changed_;
  std::uint64_t taken_ GUARDED_BY(mutex_) = 0;
  std::uint64_t next_ GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, Decision> waiting_ GUARDED_BY(mutex_);
};

}  // namespace skybridge
