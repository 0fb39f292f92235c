// EndpointState: what all callers of one service endpoint know of it: until when it wants to be
// left alone, and since when it has not answered at all. One object for each endpoint, shared by
// all stores and threads that talk to it, so that one throttled call slows them all and none spends
// its own whole patience on a server that is gone.
#pragma once

#include <algorithm>
#include <optional>

#include "core/clock.h"
#include "core/mutex.h"

namespace skybridge {

// Safe from many threads.
class EndpointState {
 public:
  // Never shortens a pause that is longer already.
  void PauseUntil(MonotonicTime until) {
    MutexLock lock(mutex_);
    pause_end_ = std::max(pause_end_, until);
  }
  MonotonicTime pause_end() const {
    MutexLock lock(mutex_);
    return pause_end_;
  }

  // An answer of any kind, also a refusal, ends the silence.
  void NoteAnswer() {
    MutexLock lock(mutex_);
    silence_.reset();
  }
  // A request ended without an answer at `now`. Returns since when there has been none. Two
  // failures that lie further apart than `longest_gap` say nothing of the time between them.
  MonotonicTime NoteSilence(MonotonicTime now, std::chrono::nanoseconds longest_gap) {
    MutexLock lock(mutex_);
    if (!silence_ || now - silence_->last > longest_gap) silence_ = {.first = now, .last = now};
    silence_->last = std::max(silence_->last, now);
    return silence_->first;
  }

 private:
  struct Silence {
    MonotonicTime first;
    MonotonicTime last;
  };

  mutable Mutex mutex_;
  MonotonicTime pause_end_ GUARDED_BY(mutex_) = MonotonicTime::min();
  std::optional<Silence> silence_ GUARDED_BY(mutex_);
};

}  // namespace skybridge
