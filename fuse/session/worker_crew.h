// WorkerCrew: the threads that take requests from the kernel and answer them. Whoever reads a
// request works on it itself if its remote has a place for it (request_lanes.h), and else leaves it
// in that remote's queue and reads on: one thread more than there are places reads the kernel's
// requests at any time, whatever the others wait for.
//
// A thread is added when the last idle one takes a request, up to a bound; threads stay until the
// end (ending and starting them costs more than they do idle).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <thread>
#include <vector>

#include <pthread.h>

#include "core/clock.h"
#include "core/mutex.h"
#include "fuse/session/remote_of_nodes.h"
#include "fuse/session/request_lanes.h"

struct fuse_buf;
struct fuse_session;

namespace skybridge::fuse {

struct CrewParts {
  fuse_session* session = nullptr;
  Filesystem& filesystem;
  Clock& clock;
  std::uint32_t places_for_each_remote = 64;
};

class WorkerCrew {
 public:
  // `on_finished` runs on the last thread to end, whether told to or because the mount has gone.
  // All parts outlive the crew.
  WorkerCrew(const CrewParts& parts, std::function<void()> on_finished);
  ~WorkerCrew();  // Stop

  void Start();
  // Wakes threads that wait for the kernel, lets the others finish their request, and joins them
  // all. What still waits in a queue is answered with ECONNABORTED.
  void Stop();

 private:
  void AddWorker() REQUIRES(mutex_);
  void Work();
  void Handle(const fuse_buf& request);
  // Works on a request of a lane in which the caller has a place, then on those that wait there.
  void WorkIn(std::size_t lane, const fuse_buf& request, MonotonicTime arrived);
  void Process(const fuse_buf& request, MonotonicTime arrived);
  void Refuse(const WaitingRequest& request, int errno_value);
  void RefuseLateOnes(const std::stop_token& stop);

  const CrewParts parts_;
  const std::uint32_t max_threads_;
  const std::function<void()> on_finished_;
  RemoteOfNodes remotes_;
  RequestLanes lanes_;
  std::atomic<bool> stopping_{false};

  Mutex mutex_;  // guards what follows
  CondVar ended_;
  std::vector<pthread_t> threads_ GUARDED_BY(mutex_);
  std::uint32_t idle_ GUARDED_BY(mutex_) = 0;
  std::uint32_t running_ GUARDED_BY(mutex_) = 0;

  std::jthread late_;  // answers requests that have waited too long
};

}  // namespace skybridge::fuse
