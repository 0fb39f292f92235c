// Pace: how soon a service that refuses requests for their rate may be asked again, by what all its
// callers know together. One for each endpoint.
//
// A refusal can mean two things, and answers tell them apart. After a row of served requests we
// were too fast: everybody waits `first_delay`. Among answers of both kinds the refusal is not
// about our speed (a limit that others use up, a service that refuses at random): the one request
// comes again after a part of a usual answer's time, and the others are not held up. When nobody is
// served, the delays grow, and from `first_delay` on they hold for everybody.
#pragma once

#include <chrono>

#include "core/clock.h"
#include "core/mutex.h"

namespace skybridge {

struct PaceLimits {
  std::chrono::nanoseconds first_delay = std::chrono::milliseconds(500);
  std::chrono::nanoseconds max_delay = std::chrono::seconds(30);
};

// Safe from many threads.
class Pace {
 public:
  // The service, or a refusal, asks for a pause of all callers. Never shortens a longer one.
  void PauseUntil(MonotonicTime until);
  MonotonicTime pause_end() const;

  // A request was answered after `latency`, and not refused for its rate.
  void NoteServed(std::chrono::nanoseconds latency);
  // A request was refused at `now`, and the service named no time. Returns how long it waits.
  std::chrono::nanoseconds NoteRefusal(MonotonicTime now, const PaceLimits& limits);

 private:
  mutable Mutex mutex_;  // guards what follows
  MonotonicTime pause_end_ GUARDED_BY(mutex_) = MonotonicTime::min();
  std::chrono::nanoseconds usual_latency_ GUARDED_BY(mutex_){0};  // moving average
  int served_in_a_row_ GUARDED_BY(mutex_) = 0;
  int refused_in_a_row_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skybridge
