#include "fuse/session/worker_crew.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <utility>

#include <fuse3/fuse_lowlevel.h>

#include "core/log.h"

namespace skybridge::fuse {
namespace {

// Interrupts a read of /dev/fuse; its handler does nothing. It may come just before the read, so it
// is sent again.
int WakeSignal() { return SIGRTMIN + 4; }
constexpr std::chrono::milliseconds kWakeAgainAfter{20};

void InstallWakeHandler() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  ::sigaction(WakeSignal(), &action, nullptr);  // no SA_RESTART: the read must return
}

}  // namespace

WorkerCrew::WorkerCrew(fuse_session* session, std::uint32_t max_threads,
                       std::function<void()> on_finished)
    : session_(session), max_threads_(max_threads), on_finished_(std::move(on_finished)) {}

WorkerCrew::~WorkerCrew() { Stop(); }

void WorkerCrew::Start() {
  InstallWakeHandler();
  MutexLock lock(mutex_);
  AddWorker();
}

void WorkerCrew::AddWorker() {
  pthread_t thread{};
  const auto run = [](void* crew) -> void* {
    static_cast<WorkerCrew*>(crew)->Work();
    return nullptr;
  };
  if (const int error = ::pthread_create(&thread, nullptr, run, this); error != 0) {
    Log(LogLevel::kWarning,
        "mount: no further thread could be started (errno {}), going on with {}", error, running_);
    return;
  }
  threads_.push_back(thread);
  ++running_;
  ++idle_;
}

void WorkerCrew::Work() {
  fuse_buf request{};
  while (!stopping_) {
    const int got = fuse_session_receive_buf(session_, &request);
    if (got == -EINTR || got == -EAGAIN) continue;
    if (got <= 0) break;  // unmounted, or the connection was aborted
    {
      MutexLock lock(mutex_);
      if (--idle_ == 0 && running_ < max_threads_ && !stopping_) AddWorker();
    }
    fuse_session_process_buf(session_, &request);
    MutexLock lock(mutex_);
    ++idle_;
  }
  std::free(request.mem);
  MutexLock lock(mutex_);
  --idle_;
  const bool last = --running_ == 0;
  ended_.NotifyAll();
  lock.Unlock();
  if (last) on_finished_();
}

void WorkerCrew::Stop() {
  stopping_ = true;
  MutexLock lock(mutex_);
  while (running_ > 0) {
    for (const pthread_t thread : threads_) ::pthread_kill(thread, WakeSignal());
    ended_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kWakeAgainAfter);
  }
  std::vector<pthread_t> threads = std::exchange(threads_, {});
  lock.Unlock();
  for (const pthread_t thread : threads) ::pthread_join(thread, nullptr);
}

}  // namespace skybridge::fuse
