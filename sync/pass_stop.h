// PassStop: what ends a pass before its end: the caller, or an error that every further object
// would meet too (RootCheck). Thousands of objects need not find out one by one that the network is
// gone.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "core/mutex.h"
#include "core/result.h"

namespace skybridge {

// Safe from many threads.
class PassStop {
 public:
  explicit PassStop(const std::stop_token& of_the_caller)
      : caller_(of_the_caller), relay_(of_the_caller, [this] { source_.request_stop(); }) {}

  std::stop_token token() const { return source_.get_token(); }
  bool requested() const { return source_.stop_requested(); }

  // Ends the pass; the first such error is why.
  void End(Error error) {
    {
      MutexLock lock(mutex_);
      if (!error_) error_ = std::move(error);
    }
    source_.request_stop();
  }

  // Why the pass ended; success if it did not.
  Status Outcome(const std::string& what) const {
    if (caller_.stop_requested()) return Fail(ErrorCode::kCancelled, what + " was stopped");
    MutexLock lock(mutex_);
    if (error_) return Fail(*error_);
    return {};
  }

 private:
  const std::stop_token caller_;
  std::stop_source source_;
  mutable Mutex mutex_;
  std::optional<Error> error_ GUARDED_BY(mutex_);
  std::stop_callback<std::function<void()>> relay_;  // last: it uses the others
};

}  // namespace skybridge
