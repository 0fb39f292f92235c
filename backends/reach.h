// Reach: whether a service answers at all, by what all its callers know together. One for each
// endpoint.
//
// A service that takes connections and says nothing shows no error: what tells is that requests
// wait and nobody hears anything. A silence begins when a request goes out or the last answer came,
// and ends with any byte of a reply to anybody. When it has lasted for the caller's `patience` the
// service is given up until it is heard again. From then on one probe at a time asks for all: a
// caller who comes in waits a moment for it.
#pragma once

#include <chrono>
#include <optional>

#include "core/call_context.h"
#include "core/clock.h"
#include "core/mutex.h"

namespace skybridge {

// Safe from many threads.
class Reach {
 public:
  // A request went out at `now`. Silences of before count if they ended no longer ago than
  // `longest_gap`: two failures far apart say nothing of the time between them.
  void NoteSent(MonotonicTime now, std::chrono::nanoseconds longest_gap);
  // Something of an answer came.
  void NoteHeard(MonotonicTime now);
  // The request has ended. `silent`: nothing had come back.
  void NoteEnded(MonotonicTime now, bool silent);

  // Since when requests wait, or have failed, without an answer to anybody.
  std::optional<MonotonicTime> silent_since() const;
  // Gives the service up if it has been silent for `patience`; true while it is given up.
  bool IsGivenUp(MonotonicTime now, std::chrono::nanoseconds patience);
  void GiveUp();

  // True if the caller is to make the probe now, and EndProbe at its end. False while another one
  // is under way, or ended less than `pause` ago.
  bool BeginProbe(MonotonicTime now, std::chrono::nanoseconds pause);
  void EndProbe(MonotonicTime now);
  MonotonicTime probe_began() const;  // the last one
  // Waits while the service is given up and a probe is under way, at most until `until` or a stop.
  enum class Probed { kHeard, kInVain, kStillAsking };
  Probed AwaitProbe(const Clock& clock, MonotonicTime until, const std::stop_token& stop);

 private:
  mutable Mutex mutex_;  // guards what follows
  CondVar changed_;
  int waiting_ GUARDED_BY(mutex_) = 0;
  std::optional<MonotonicTime> silent_since_ GUARDED_BY(mutex_);
  // When the last request of this silence failed; nothing: all of them still wait.
  std::optional<MonotonicTime> last_failure_ GUARDED_BY(mutex_);
  bool given_up_ GUARDED_BY(mutex_) = false;
  bool probing_ GUARDED_BY(mutex_) = false;
  MonotonicTime probe_began_ GUARDED_BY(mutex_) = MonotonicTime::min();
  MonotonicTime probe_ended_ GUARDED_BY(mutex_) = MonotonicTime::min();
};

}  // namespace skybridge
