#include "backends/reach.h"

#include <algorithm>

namespace skybridge {
namespace {

using std::chrono::nanoseconds;

// A stop request notifies no condition variable, so it is polled this often.
constexpr std::chrono::milliseconds kWaitSlice{20};

}  // namespace

void Reach::NoteSent(MonotonicTime now, nanoseconds longest_gap) {
  MutexLock lock(mutex_);
  const bool old = waiting_ == 0 && last_failure_ && now - *last_failure_ > longest_gap;
  if (old || !silent_since_) {
    silent_since_ = now;
    last_failure_.reset();
  }
  ++waiting_;
}

void Reach::NoteHeard(MonotonicTime now) {
  MutexLock lock(mutex_);
  silent_since_.reset();
  if (waiting_ > 0) silent_since_ = now;  // the others still wait
  last_failure_.reset();
  if (!given_up_) return;
  given_up_ = false;
  changed_.NotifyAll();
}

void Reach::NoteEnded(MonotonicTime now, bool silent) {
  MutexLock lock(mutex_);
  --waiting_;
  if (silent) last_failure_ = now;
  if (waiting_ == 0 && !last_failure_) silent_since_.reset();
}

std::optional<MonotonicTime> Reach::silent_since() const {
  MutexLock lock(mutex_);
  return silent_since_;
}

bool Reach::IsGivenUp(MonotonicTime now, nanoseconds patience) {
  MutexLock lock(mutex_);
  const bool waited = waiting_ > 0 && silent_since_ && now - *silent_since_ >= patience;
  if (waited) given_up_ = true;
  return given_up_;
}

void Reach::GiveUp() {
  MutexLock lock(mutex_);
  given_up_ = true;
}

bool Reach::BeginProbe(MonotonicTime now, nanoseconds pause) {
  MutexLock lock(mutex_);
  const bool too_soon = probe_ended_ != MonotonicTime::min() && now - probe_ended_ < pause;
  if (probing_ || too_soon) return false;
  probe_began_ = now;
  return probing_ = true;
}

MonotonicTime Reach::probe_began() const {
  MutexLock lock(mutex_);
  return probe_began_;
}

void Reach::EndProbe(MonotonicTime now) {
  MutexLock lock(mutex_);
  probing_ = false;
  probe_ended_ = now;
  changed_.NotifyAll();
}

Reach::Probed Reach::AwaitProbe(const Clock& clock, MonotonicTime until,
                                const std::stop_token& stop) {
  MutexLock lock(mutex_);
  while (given_up_ && probing_ && !stop.stop_requested()) {
    const MonotonicTime now = clock.Now();
    if (now >= until) break;
    clock.WaitUntil(changed_, mutex_, std::min(until, now + kWaitSlice));
  }
  if (!given_up_) return Probed::kHeard;
  return probing_ ? Probed::kStillAsking : Probed::kInVain;
}

}  // namespace skybridge
