#include "fuse/session/session.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fuse3/fuse_lowlevel.h>

#include "core/log.h"
#include "fuse/session/mount_point.h"
#include "fuse/session/session_context.h"
#include "fuse/session/session_notifier.h"
#include "fuse/session/session_operations.h"
#include "fuse/session/worker_crew.h"

namespace skybridge::fuse {
namespace {

// A descriptor that wakes whoever polls it; Ring is safe in a signal handler.
class Bell {
 public:
  Bell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Bell() { ::close(fd_); }
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  static void Ring(int fd) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t put =
        ::write(fd, &one, sizeof one);  // fails only if it rings already
  }
  void Ring() const { Ring(fd_); }
  void Wait() const {
    pollfd poll{.fd = fd_, .events = POLLIN, .revents = 0};
    while (::poll(&poll, 1, -1) < 0 && errno == EINTR) {
    }
    std::uint64_t rings = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd_, &rings, sizeof rings);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

std::atomic<int> g_signal_bell{-1};
std::atomic<int> g_signal{0};

void OnSignal(int number) {
  const int saved_errno = errno;
  g_signal = number;
  if (const int fd = g_signal_bell; fd >= 0) Bell::Ring(fd);
  errno = saved_errno;
}

// While it lives, SIGTERM, SIGINT and SIGHUP ring a bell instead of ending the process.
class SignalGuard {
 public:
  explicit SignalGuard(const Bell& bell) {
    g_signal = 0;
    g_signal_bell = bell.fd();
    struct sigaction action {};
    action.sa_handler = OnSignal;
    action.sa_flags = SA_RESTART;
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      ::sigaction(kSignals[i], &action, &before_[i]);
  }
  ~SignalGuard() {
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      ::sigaction(kSignals[i], &before_[i], nullptr);
    g_signal_bell = -1;
  }
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

 private:
  static constexpr std::array kSignals{SIGTERM, SIGINT, SIGHUP};
  std::array<struct sigaction, kSignals.size()> before_{};
};

// A comma would end a mount option.
std::string EscapeOption(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (c == ',' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::string MountOptionText(const MountOptions& options) {
  std::string text =
      "fsname=" + EscapeOption(options.source.empty() ? "skybridge" : options.source) +
      ",subtype=skybridge,default_permissions,noatime,nosuid,nodev";
  if (options.allow_other) text += ",allow_other";
  if (options.read_only) text += ",ro";
  for (const std::string& option : options.kernel_options) text += "," + EscapeOption(option);
  return text;
}

class FuseSession final : public Session {
 public:
  FuseSession(const MountOptions& options, std::string mount_point, Filesystem& filesystem,
              SessionHooks hooks)
      : options_(options),
        mount_point_(std::move(mount_point)),
        hooks_(std::move(hooks)),
        context_(filesystem, mount_point_, options.max_threads, [this] { Raise(ready_); }) {}

  ~FuseSession() override {
    if (session_ == nullptr) return;
    if (mount_) {
      if (const Status status = Detach(); !status)
        Log(LogLevel::kError, "mount: {}", status.error().ToString());
    }
    fuse_session_destroy(session_);
  }

  Status Start() {
    std::vector<std::string> words{"skybridge", "-o", MountOptionText(options_)};
    std::vector<char*> argv;
    argv.reserve(words.size());
    for (auto& word : words) argv.push_back(word.data());
    fuse_args args{.argc = static_cast<int>(argv.size()), .argv = argv.data(), .allocated = 0};
    session_ = fuse_session_new(&args, &SessionOperations(), sizeof(fuse_lowlevel_ops), &context_);
    fuse_opt_free_args(&args);
    if (session_ == nullptr) return Fail(ErrorCode::kInternal, "libfuse refused the mount options");
    if (fuse_session_mount(session_, mount_point_.c_str()) != 0) {
      return Fail(ErrorCode::kPermissionDenied,
                  fmt::format("the kernel refused to mount at '{}' (see the line above); as a "
                              "user, fusermount3 must be "
                              "installed, and allow_other needs user_allow_other in /etc/fuse.conf",
                              mount_point_));
    }
    mount_ = FindMount(mount_point_);
    if (!mount_)
      return Fail(ErrorCode::kInternal,
                  fmt::format("'{}' is not in /proc/self/mountinfo", mount_point_));
    if (!context_.channel.Attach(session_, fuse_session_fd(session_))) {
      return Fail(ErrorCode::kInternal, "libfuse refused our channel");
    }
    return {};
  }

  Status Run() override {
    std::optional<SignalGuard> signals;
    if (hooks_.handle_signals) signals.emplace(bell_);
    WorkerCrew crew({.session = session_,
                     .filesystem = context_.filesystem,
                     .clock = context_.filesystem.clock(),
                     .places_for_each_remote = options_.max_threads},
                    [this] { Raise(finished_); });
    SessionNotifier notifier(session_);
    context_.filesystem.SetNotifier(&notifier);
    crew.Start();
    WaitUntilStopped();
    Status status = End(crew);
    context_.filesystem.SetNotifier(nullptr);
    return status;
  }

  void RequestStop() override { Raise(stop_requested_); }

 private:
  void Raise(std::atomic<bool>& flag) {
    flag = true;
    bell_.Ring();
  }

  void WaitUntilStopped() {
    bool announced = false;
    while (!stop_requested_ && !finished_ && !(hooks_.handle_signals && g_signal != 0)) {
      bell_.Wait();
      if (ready_ && !std::exchange(announced, true)) Announce();
    }
    if (finished_) {
      Log(LogLevel::kInfo, "mount: '{}' was unmounted", mount_point_);
    } else {
      Log(LogLevel::kInfo, "mount: stopping '{}'", mount_point_);
    }
  }

  void Announce() {
    if (!SetReadAhead(*mount_, options_.read_ahead_kib)) {
      Log(LogLevel::kInfo,
          "mount: the kernel's read-ahead stays at its default (raising it needs root)");
    }
    if (hooks_.on_ready) hooks_.on_ready();
  }

  // Requests are answered until the mount is detached: a program may be writing while we drain. All
  // of it shares one time limit.
  Status End(WorkerCrew& crew) {
    const MonotonicTime deadline = context_.filesystem.clock().Now() + options_.drain_timeout;
    Status status = Drain(deadline);
    if (const Status unmounted = Unmount(*mount_); !unmounted && status) status = unmounted;
    context_.calls.StopAll();
    crew.Stop();
    if (const Status rest = Drain(deadline); !rest && status) status = rest;  // what came between
    if (const Status detached = Detach(); !detached && status) status = detached;
    return status;
  }

  // Afterwards libfuse finds its connection dead and leaves the mount point alone.
  Status Detach() {
    Status status = Unmount(*mount_);
    fuse_session_unmount(session_);
    mount_.reset();
    return status;
  }

  Status Drain(MonotonicTime deadline) {
    Status status = context_.filesystem.Drain({.deadline = deadline});
    if (!status)
      Log(LogLevel::kError, "mount: data did not reach the store: {}", status.error().ToString());
    return status;
  }

  const MountOptions options_;
  const std::string mount_point_;
  const SessionHooks hooks_;
  const Bell bell_;
  std::atomic<bool> ready_{false}, stop_requested_{false}, finished_{false};
  SessionContext context_;
  fuse_session* session_ = nullptr;
  std::optional<MountEntry> mount_;  // while it is mounted
};

}  // namespace

Result<std::unique_ptr<Session>> Session::Mount(const MountOptions& options, Filesystem& filesystem,
                                                SessionHooks hooks) {
  std::string mount_point = TRY(PrepareMountPoint(options));
  auto session =
      std::make_unique<FuseSession>(options, std::move(mount_point), filesystem, std::move(hooks));
  TRY_VOID(session->Start());
  return std::unique_ptr<Session>(std::move(session));
}

}  // namespace skybridge::fuse
