// TaskCrew: a fixed number of threads that run tasks in the order they came.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/mutex.h"

namespace skybridge::fuse {

// Safe from many threads. The number of waiting tasks is bounded by those who add them (one for
// each part of a file).
class TaskCrew {
 public:
  static constexpr std::chrono::seconds kLastWork{5};

  // `clock` outlives the crew.
  TaskCrew(std::uint32_t threads, const Clock& clock) : clock_(clock), working_(threads) {
    for (std::uint32_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
  }
  // Runs what is waiting, for kLastWork at most: then the tasks are told to stop. Joins.
  ~TaskCrew() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      changed_.NotifyAll();
      const MonotonicTime end = clock_.Now() + kLastWork;
      while (working_ > 0 && clock_.Now() < end) clock_.WaitUntil(changed_, mutex_, end);
    }
    stop_.request_stop();
    threads_.clear();
  }
  TaskCrew(const TaskCrew&) = delete;
  TaskCrew& operator=(const TaskCrew&) = delete;

  void Add(std::function<void()> task) {
    MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.NotifyOne();
  }
  // For what a task waits for: stopped when the crew ends.
  std::stop_token stop() const { return stop_.get_token(); }

 private:
  void Work() {
    while (true) {
      std::function<void()> task;
      {
        MutexLock lock(mutex_);
        while (tasks_.empty() && !stopping_) changed_.Wait(mutex_);
        if (tasks_.empty()) {
          --working_;
          changed_.NotifyAll();
          return;
        }
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  const Clock& clock_;
  std::stop_source stop_;
  Mutex mutex_;  // guards what follows
  CondVar changed_;
  std::deque<std::function<void()>> tasks_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::uint32_t working_ GUARDED_BY(mutex_);  // threads
  std::vector<std::jthread> threads_;
};

}  // namespace skybridge::fuse
