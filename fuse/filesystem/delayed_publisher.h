// DelayedPublisher: publishes files at a time of their own, on one thread: attributes that were
// changed right after a close, and those whose publication failed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <thread>
#include <utility>

#include "core/clock.h"
#include "core/mutex.h"
#include "fuse/open/open_file.h"

namespace skybridge::fuse {

// Safe from many threads. What is still waiting when it is destroyed is not published.
class DelayedPublisher {
 public:
  using Publish = std::function<void(const std::shared_ptr<OpenFile>&)>;

  // `publish` runs on this object's thread; it may call Add.
  DelayedPublisher(Clock& clock, Publish publish)
      : clock_(clock), publish_(std::move(publish)), thread_([this] { Run(); }) {}
  ~DelayedPublisher() {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.request_stop();
    changed_.NotifyAll();
  }
  DelayedPublisher(const DelayedPublisher&) = delete;
  DelayedPublisher& operator=(const DelayedPublisher&) = delete;

  void Add(std::shared_ptr<OpenFile> file, MonotonicTime due) {
    MutexLock lock(mutex_);
    waiting_.emplace(due, std::move(file));
    wake_.request_stop();  // it may be the first one now
    changed_.NotifyAll();
  }

 private:
  void Run() {
    while (true) {
      MonotonicTime due;
      std::stop_token wake;
      {
        MutexLock lock(mutex_);
        while (waiting_.empty() && !stopping_) changed_.Wait(mutex_);
        if (stopping_) return;
        due = waiting_.begin()->first;
        wake_ = std::stop_source();
        wake = wake_.get_token();
      }
      if (clock_.Now() < due && !clock_.SleepUntil(due, wake)) continue;
      PublishDue();
    }
  }

  void PublishDue() {
    std::shared_ptr<OpenFile> file;
    {
      MutexLock lock(mutex_);
      if (waiting_.empty() || waiting_.begin()->first > clock_.Now()) return;
      file = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
    }
    publish_(file);
  }

  Clock& clock_;
  const Publish publish_;
  Mutex mutex_;
  CondVar changed_;
  std::multimap<MonotonicTime, std::shared_ptr<OpenFile>> waiting_ GUARDED_BY(mutex_);
  std::stop_source wake_ GUARDED_BY(mutex_);  // ends the sleep until the first one is due
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::jthread thread_;  // the last member: it uses the others
};

}  // namespace skybridge::fuse
