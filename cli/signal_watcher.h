// SignalWatcher: SIGINT and SIGTERM as a stop token, for commands that work in the foreground.
#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

namespace skybridge::cli {

// Blocks both signals in the calling thread and, by inheritance, in all threads started later; a
// thread of its own waits for them. The first signal requests a stop. The second one ends the
// process at once. One at a time.
class SignalWatcher {
 public:
  SignalWatcher();
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

 private:
  void Run();

  std::stop_source stop_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace skybridge::cli
