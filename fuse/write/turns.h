// Turns: a mutex whose wait has a deadline, for what may take as long as the network does. You need
// it where calls of different deadlines come one after another: a call that waits for its turn ends
// at its own deadline, not at that of the call before it.
#pragma once

#include <cstdint>
#include <list>
#include <string_view>
#include <utility>

#include "core/call_context.h"
#include "core/call_wait.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "core/result.h"

namespace skybridge::fuse {

// Safe from many threads. Outlives its turns.
class Turns {
 public:
  explicit Turns(const Clock& clock) : clock_(clock) {}
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // Ends when destroyed.
  class Turn {
   public:
    Turn(Turn&& other) noexcept : turns_(std::exchange(other.turns_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (turns_ != nullptr) turns_->End();
    }

   private:
    friend class Turns;
    explicit Turn(Turns& turns) : turns_(&turns) {}
    Turns* turns_;
  };

  // Turns are given in the order of the calls. A free one is given at once, also past the deadline.
  // Errors: kTimedOut, kCancelled; their text names `before`, what is waited for.
  Result<Turn> Take(const CallContext& context, std::string_view before) {
    MutexLock lock(mutex_);
    const auto place = line_.insert(line_.end(), ++last_ticket_);
    Status waited;
    while (waited && (taken_ || line_.front() != *place))
      waited = WaitWithin(context, clock_, ended_, mutex_, before);
    line_.erase(place);
    if (!waited) {
      ended_.NotifyAll();  // the next in line may be the first now
      return Fail(std::move(waited).error());
    }
    taken_ = true;
    return Turn(*this);
  }

 private:
  void End() {
    MutexLock lock(mutex_);
    taken_ = false;
    ended_.NotifyAll();
  }

  const Clock& clock_;
  Mutex mutex_;
  CondVar ended_;
  bool taken_ GUARDED_BY(mutex_) = false;
  std::list<std::uint64_t> line_ GUARDED_BY(mutex_);  // tickets of the calls that wait
  std::uint64_t last_ticket_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skybridge::fuse
