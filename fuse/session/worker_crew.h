// WorkerCrew: the threads that take requests from the kernel and answer them. A thread is added
// when the last idle one takes a request, up to a bound; threads stay until the end (ending and
// starting them costs more than they do idle).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include <pthread.h>

#include "core/mutex.h"

struct fuse_session;

namespace skybridge::fuse {

class WorkerCrew {
 public:
  // `on_finished` runs on the last thread to end, whether told to or because the mount has gone.
  WorkerCrew(fuse_session* session, std::uint32_t max_threads, std::function<void()> on_finished);
  ~WorkerCrew();  // Stop

  void Start();
  // Wakes threads that wait for the kernel, lets the others finish their request, and joins them
  // all.
  void Stop();

 private:
  void AddWorker() REQUIRES(mutex_);
  void Work();

  fuse_session* const session_;
  const std::uint32_t max_threads_;
  const std::function<void()> on_finished_;
  std::atomic<bool> stopping_{false};

  Mutex mutex_;  // guards what follows
  CondVar ended_;
  std::vector<pthread_t> threads_ GUARDED_BY(mutex_);
  std::uint32_t idle_ GUARDED_BY(mutex_) = 0;
  std::uint32_t running_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skybridge::fuse
