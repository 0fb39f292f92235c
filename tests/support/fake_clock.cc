#include "tests/support/fake_clock.h"

#include <utility>

namespace skybridge::testing {

MonotonicTime FakeClock::Now() const {
  std::lock_guard lock(mutex_);
  return now_;
}

WallTime FakeClock::WallNow() const {
  std::unique_lock lock(mutex_);
  if (const auto hook = std::exchange(before_wall_now_, nullptr)) {
    lock.unlock();
    hook();
    lock.lock();
  }
  return wall_;
}

void FakeClock::BeforeNextWallNow(std::function<void()> hook) {
  std::lock_guard lock(mutex_);
  before_wall_now_ = std::move(hook);
}

bool FakeClock::SleepUntil(MonotonicTime until, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (advance_by_sleeping_ && !stop.stop_requested()) {
    if (until > now_) {
      wall_ += until - now_;
      now_ = until;
    }
    return true;
  }
  ++sleepers_;
  changed_.notify_all();
  changed_.wait(lock, stop, [&] { return now_ >= until; });
  --sleepers_;
  return now_ >= until && !stop.stop_requested();
}

void FakeClock::WaitUntil(CondVar& changed, Mutex& mutex, MonotonicTime until) const {
  if (Now() >= until) return;
  changed.WaitUntil(mutex, std::chrono::steady_clock::now() + std::chrono::milliseconds(2));
}

void FakeClock::Advance(std::chrono::nanoseconds by) {
  std::lock_guard lock(mutex_);
  now_ += by;
  wall_ += by;
  changed_.notify_all();
}

void FakeClock::SetWall(WallTime now) {
  std::lock_guard lock(mutex_);
  wall_ = now;
}

void FakeClock::WaitForSleepers(std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return sleepers_ >= count; });
}

void FakeClock::AdvanceBySleeping(bool on) {
  std::lock_guard lock(mutex_);
  advance_by_sleeping_ = on;
}

}  // namespace skybridge::testing
