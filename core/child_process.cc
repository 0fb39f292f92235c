#include "core/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "core/file_descriptor.h"

namespace skybridge {
namespace {

// The wait is cut into steps of this length, so that a stop is noticed soon.
constexpr std::chrono::milliseconds kStep{100};

struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;
};

Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return Fail(ErrorFromErrno(errno, "pipe"));
  Pipe result;
  result.read_end = FileDescriptor(ends[0]);
  result.write_end = FileDescriptor(ends[1]);
  return result;
}

class SpawnSetup {
 public:
  SpawnSetup() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  // A process group of its own, so that its children are killed with it; no signal is blocked.
  void Prepare(int output, int errors) {
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &defaults);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, errors, STDERR_FILENO);
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// Kills and reaps unless it was reaped.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (pid_ <= 0) return;
    kill(-pid_, SIGKILL);
    Take(0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The exit code once it has ended. `options` as waitpid takes them.
  std::optional<int> Take(int options) {
    int status = 0;
    pid_t ended = 0;
    do {
      ended = waitpid(pid_, &status, options);
    } while (ended < 0 && errno == EINTR);
    if (ended == 0) return std::nullopt;
    pid_ = 0;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_;
};

// Who waits, and until when.
struct Patience {
  const std::string& program;
  const Clock& clock;
  MonotonicTime end;
  const std::stop_token& stop;

  Status Check() const {
    if (stop.stop_requested())
      return Fail(ErrorCode::kCancelled, "stopped while waiting for " + program);
    if (clock.Now() < end) return {};
    return Fail(Error{.code = ErrorCode::kTimedOut,
                      .message = program + " did not end in time",
                      .retryable = true});
  }
};

// False at the end of the stream.
Result<bool> TakeSome(int fd, std::string& text, std::size_t max_bytes,
                      const std::string& program) {
  std::array<char, 4096> buffer{};
  const ssize_t count = read(fd, buffer.data(), buffer.size());
  if (count < 0 && errno == EINTR) return true;
  if (count < 0) return Fail(ErrorFromErrno(errno, "read from " + program));
  text.append(buffer.data(), static_cast<std::size_t>(count));
  if (text.size() > max_bytes) return Fail(ErrorCode::kTooLarge, program + " prints too much");
  return count > 0;
}

Status Collect(const ProgramCall& call, const Patience& patience, Pipe& output, Pipe& errors,
               ProgramResult& result) {
  while (output.read_end || errors.read_end) {
    TRY_VOID(patience.Check());
    std::array<pollfd, 2> ready{
        pollfd{.fd = output.read_end.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = errors.read_end.get(), .events = POLLIN, .revents = 0}};
    if (poll(ready.data(), ready.size(), static_cast<int>(kStep.count())) <= 0) continue;
    if (ready[0].revents != 0) {
      const bool more =
          TRY(TakeSome(ready[0].fd, result.output, call.max_output_bytes, patience.program));
      if (!more) output.read_end.Reset();
    }
    if (ready[1].revents != 0) {
      const bool more =
          TRY(TakeSome(ready[1].fd, result.errors, call.max_output_bytes, patience.program));
      if (!more) errors.read_end.Reset();
    }
  }
  return {};
}

// A program may close its output and go on running.
Result<int> WaitForEnd(Child& child, const Patience& patience) {
  constexpr int kShortWaitMs = 5;
  for (;;) {
    if (const auto code = child.Take(WNOHANG)) return *code;
    TRY_VOID(patience.Check());
    poll(nullptr, 0, kShortWaitMs);
  }
}

}  // namespace

Result<ProgramResult> RunProgram(const ProgramCall& call, const Clock& clock,
                                 const std::stop_token& stop) {
  Pipe output = TRY(MakePipe());
  Pipe errors = TRY(MakePipe());
  SpawnSetup setup;
  setup.Prepare(output.write_end.get(), errors.write_end.get());
  std::vector<char*> arguments;
  for (const std::string& argument : call.arguments)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, arguments[0], setup.actions(), setup.attributes(),
                                  arguments.data(), environ);
  if (failed != 0) return Fail(ErrorFromErrno(failed, "run " + call.arguments.front()));
  Child child(pid);
  const Patience patience{call.arguments.front(), clock, clock.Now() + call.time_limit, stop};
  output.write_end.Reset();
  errors.write_end.Reset();
  ProgramResult result;
  TRY_VOID(Collect(call, patience, output, errors, result));
  result.exit_code = TRY(WaitForEnd(child, patience));
  return result;
}

}  // namespace skybridge
