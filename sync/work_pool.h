// WorkPool: a fixed number of threads that take jobs from a bounded queue. A full queue makes who
// submits wait, so that a listing never runs ahead of the work by more than the bound.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "core/mutex.h"

namespace skybridge {

// Safe from many threads. Jobs must not throw, and must not Submit to their own pool (they would
// wait for themselves).
class WorkPool {
 public:
  WorkPool(std::size_t threads, std::size_t queue_limit);
  // Runs what is queued, then ends.
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  void Submit(std::function<void()> job);
  // Returns when every job submitted so far is done.
  void Drain();

 private:
  void Run();

  const std::size_t queue_limit_;
  Mutex mutex_;  // guards what follows
  CondVar changed_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  std::size_t running_ GUARDED_BY(mutex_) = 0;
  bool closing_ GUARDED_BY(mutex_) = false;

  std::vector<std::jthread> threads_;
};

// Counts jobs handed to a pool on behalf of one task, so that the task can wait for its own.
class JobGroup {
 public:
  ~JobGroup() { Wait(); }
  void Submit(WorkPool& pool, std::function<void()> job);
  void Wait();

 private:
  Mutex mutex_;
  CondVar changed_;
  std::size_t open_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skybridge
