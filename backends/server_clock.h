// ServerClock: what time it is at a service, as the Date of its replies tells. You need it for times
// that are compared with those that the service itself writes (Last-Modified): the local clock may
// be wrong. Safe from many threads.
#pragma once

#include <optional>

#include "backends/http_transport.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "core/time_text.h"

namespace skybridge {

class ServerClock {
 public:
  explicit ServerClock(const Clock& clock) : clock_(clock) {}

  void Learn(const HttpHeaders& reply) {
    const auto date = ParseHttpDate(reply.Get("Date"));
    if (!date) return;
    const MonotonicTime now = clock_.Now();
    MutexLock lock(mutex_);
    last_ = Seen{.date = *date, .at = now};
  }

  // Exact to a second and the time of one exchange. Before any reply, the local clock's time.
  WallTime Now() const {
    MutexLock lock(mutex_);
    if (!last_) return clock_.WallNow();
    return last_->date + (clock_.Now() - last_->at);
  }

 private:
  struct Seen {
    WallTime date;
    MonotonicTime at;
  };
  const Clock& clock_;
  mutable Mutex mutex_;  // guards what follows
  std::optional<Seen> last_ GUARDED_BY(mutex_);
};

}  // namespace skybridge
