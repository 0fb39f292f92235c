// Outages: which remotes were out of reach a moment ago. While one is, what is known of its names
// is answered at once; each question to it would wait for its end again.
#pragma once

#include <atomic>
#include <chrono>
#include <map>

#include "core/clock.h"
#include "core/mutex.h"
#include "fuse/vocabulary.h"

namespace skybridge::fuse {

// Safe from many threads. The clock outlives it.
class Outages {
 public:
  // Then the next call asks the remote again.
  static constexpr std::chrono::seconds kAskAgainAfter{5};

  explicit Outages(const Clock& clock) : clock_(clock) {}

  void Note(const Remote& remote) {
    MutexLock lock(mutex_);
    any_ = true;
    until_[&remote] = clock_.Now() + kAskAgainAfter;
  }
  // Whether there has ever been one: most calls need not look further.
  bool any() const { return any_; }
  bool IsOut(const Remote& remote) const {
    MutexLock lock(mutex_);
    const auto found = until_.find(&remote);
    return found != until_.end() && clock_.Now() < found->second;
  }

 private:
  const Clock& clock_;
  std::atomic<bool> any_{false};
  mutable Mutex mutex_;
  std::map<const Remote*, MonotonicTime> until_ GUARDED_BY(mutex_);  // no more than remotes
};

}  // namespace skybridge::fuse
