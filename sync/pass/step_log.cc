#include "sync/pass/step_log.h"

#include <utility>

namespace skybridge {

void StepLog::Tell(const Decision& decision) {
  if (!tell_ || !ChangesSomething(decision.step)) return;
  MutexLock lock(mutex_);
  tell_(decision);
}

std::uint64_t StepLog::TakeNumber() {
  MutexLock lock(mutex_);
  while (waiting_.size() >= kMaxWaiting) changed_.Wait(mutex_);
  return taken_++;
}

void StepLog::TellInOrder(std::uint64_t number, Decision decision) {
  MutexLock lock(mutex_);
  waiting_.emplace(number, std::move(decision));
  while (!waiting_.empty() && waiting_.begin()->first == next_) {
    const Decision& first = waiting_.begin()->second;
    if (tell_ && ChangesSomething(first.step)) tell_(first);
    waiting_.erase(waiting_.begin());
    ++next_;
  }
  changed_.NotifyAll();
}

}  // namespace skybridge
