#include "cli/signal_watcher.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>

#include "cli/exit_codes.h"

namespace skybridge::cli {
namespace {

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

SignalWatcher::SignalWatcher() {
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  thread_ = std::thread([this] { Run(); });
}

SignalWatcher::~SignalWatcher() {
  ending_ = true;
  pthread_kill(thread_.native_handle(), SIGINT);
  thread_.join();
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

void SignalWatcher::Run() {
  const sigset_t signals = Signals();
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (ending_) return;
    if (stop_.stop_requested()) _exit(static_cast<int>(ExitCode::kInterrupted));
    stop_.request_stop();
  }
}

}  // namespace skybridge::cli
