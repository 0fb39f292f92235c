#include "fuse/session/worker_crew.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <utility>

#include <fuse3/fuse_lowlevel.h>

#include "core/log.h"
#include "fuse/session/errno_map.h"
#include "fuse/session/kernel_message.h"
#include "fuse/session/session_context.h"

namespace skybridge::fuse {
namespace {

// Interrupts a read of /dev/fuse; its handler does nothing. It may come just before the read, so it
// is sent again.
int WakeSignal() { return SIGRTMIN + 4; }
constexpr std::chrono::milliseconds kWakeAgainAfter{20};

// Besides those that wait in places: one reads, the others answer what needs no remote.
constexpr std::uint32_t kThreadsWithoutPlace = 4;

void InstallWakeHandler() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  ::sigaction(WakeSignal(), &action, nullptr);  // no SA_RESTART: the read must return
}

std::span<const std::byte> BytesOf(const fuse_buf& request) {
  return {static_cast<const std::byte*>(request.mem), request.size};
}

}  // namespace

WorkerCrew::WorkerCrew(const CrewParts& parts, std::function<void()> on_finished)
    : parts_(parts),
      max_threads_(parts.places_for_each_remote *
                       static_cast<std::uint32_t>(parts.filesystem.remote_count()) +
                   kThreadsWithoutPlace),
      on_finished_(std::move(on_finished)),
      remotes_(parts.filesystem),
      lanes_({.lanes = parts.filesystem.remote_count(), .at_work = parts.places_for_each_remote},
             parts.clock) {}

WorkerCrew::~WorkerCrew() { Stop(); }

void WorkerCrew::Start() {
  InstallWakeHandler();
  late_ = std::jthread([this](const std::stop_token& stop) { RefuseLateOnes(stop); });
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
    const int got = fuse_session_receive_buf(parts_.session, &request);
    if (got == -EINTR || got == -EAGAIN) continue;
    if (got <= 0) break;  // unmounted, or the connection was aborted
    {
      MutexLock lock(mutex_);
      if (--idle_ == 0 && running_ < max_threads_ && !stopping_) AddWorker();
    }
    Handle(request);
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

void WorkerCrew::Handle(const fuse_buf& request) {
  const MonotonicTime now = parts_.clock.Now();
  const auto head = ParseRequestHead(BytesOf(request));
  if (!head || !MayWait(head->opcode)) {
    const auto interrupted = InterruptedRequest(BytesOf(request));
    const auto waiting = interrupted ? lanes_.TakeInterrupted(*interrupted) : std::nullopt;
    return waiting ? Refuse(*waiting, EINTR) : Process(request, now);
  }
  const auto lane = remotes_.Find(head->node);
  if (!lane) return Process(request, now);
  if (lanes_.Enter(*lane)) return WorkIn(*lane, request, now);
  WaitingRequest copy{.unique = head->unique, .arrived = now};
  copy.message.assign(BytesOf(request).begin(), BytesOf(request).end());
  if (MayBeRefused(head->opcode))
    copy.deadline = now + parts_.filesystem.options().operation_timeout;
  const auto verdict = lanes_.Wait(*lane, std::move(copy));
  if (verdict.refused) return Refuse(*verdict.now, EAGAIN);
  if (verdict.now) WorkIn(*lane, request, now);
}

void WorkerCrew::WorkIn(std::size_t lane, const fuse_buf& request, MonotonicTime arrived) {
  Process(request, arrived);
  while (auto next = lanes_.Leave(lane)) {
    const fuse_buf message{.size = next->message.size(), .mem = next->message.data()};
    Process(message, next->arrived);
  }
}

void WorkerCrew::Process(const fuse_buf& request, MonotonicTime arrived) {
  const ArrivalScope scope(arrived);
  fuse_session_process_buf(parts_.session, &request);
}

// The request has not reached libfuse: it was not begun, and is answered in libfuse's place.
void WorkerCrew::Refuse(const WaitingRequest& request, int errno_value) {
  Log(LogLevel::kDebug, "mount: a request was not begun (errno {})", errno_value);
  const ErrorReply reply = MakeErrorReply(request.unique, errno_value);
  // The kernel takes a reply whole or not at all; ENOENT: the caller has been killed meanwhile.
  if (::write(fuse_session_fd(parts_.session), reply.data(), reply.size()) < 0 && errno != ENOENT)
    Log(LogLevel::kDebug, "mount: the kernel refused a reply (errno {})", errno);
}

void WorkerCrew::RefuseLateOnes(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    for (const WaitingRequest& request : lanes_.AwaitLate(stop))
      Refuse(request, ErrnoOf(ErrorCode::kTimedOut));
  }
}

void WorkerCrew::Stop() {
  stopping_ = true;
  for (const WaitingRequest& request : lanes_.TakeAll()) Refuse(request, ECONNABORTED);
  MutexLock lock(mutex_);
  while (running_ > 0) {
    for (const pthread_t thread : threads_) ::pthread_kill(thread, WakeSignal());
    parts_.clock.WaitUntil(ended_, mutex_, parts_.clock.Now() + kWakeAgainAfter);
  }
  std::vector<pthread_t> threads = std::exchange(threads_, {});
  lock.Unlock();
  for (const pthread_t thread : threads) ::pthread_join(thread, nullptr);
  late_ = {};
}

}  // namespace skybridge::fuse
