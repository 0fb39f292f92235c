#include "cli/daemon.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "core/file_descriptor.h"
#include "core/log.h"

namespace skybridge::cli {
namespace {

// What the child says through the pipe, once: the exit code, a space, and the message; code 0 is
// "ready".
void Report(FileDescriptor& pipe, ExitCode code, const std::string& message) {
  if (!pipe) return;
  const std::string text = fmt::format("{} {}", static_cast<int>(code), message);
  std::size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t wrote = write(pipe.get(), text.data() + sent, text.size() - sent);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) break;  // the waiting process has gone
    sent += static_cast<std::size_t>(wrote);
  }
  pipe.Reset();
}

void LeaveTerminal() {
  setsid();
  if (chdir("/") != 0) return;
  const FileDescriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return;
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    dup2(null.get(), standard);
}

[[noreturn]] void RunChild(const DaemonWork& work, FileDescriptor pipe) {
  signal(SIGPIPE, SIG_IGN);
  bool ready = false;
  const Outcome<ExitCode> outcome = work([&] {
    LeaveTerminal();
    ready = true;
    Report(pipe, ExitCode::kOk, "");
  });
  const ExitCode code = outcome ? *outcome : outcome.error().exit_code;
  if (!ready) Report(pipe, code, outcome ? "ended before it was ready" : outcome.error().message);
  if (ready && !outcome) Log(LogLevel::kError, "{}", outcome.error().message);
  std::fflush(nullptr);
  _exit(static_cast<int>(code));
}

Outcome<ExitCode> EndedSilently(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return Fails(ExitCode::kInternal,
               WIFSIGNALED(status)
                   ? fmt::format("the background process was ended by signal {}", WTERMSIG(status))
                   : "the background process ended without a word");
}

Outcome<ExitCode> AwaitChild(pid_t child, const FileDescriptor& pipe) {
  std::string text(64 << 10, '\0');
  const auto got = ReadUpTo(pipe.get(), text.data(), text.size(), "background process");
  if (!got) return Fails("", got.error(), Phase::kLocal);
  text.resize(*got);
  int code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error != std::errc()) return EndedSilently(child);
  if (code == 0) return ExitCode::kOk;
  const auto message = static_cast<std::size_t>(end - text.data()) + 1;
  return Fails(static_cast<ExitCode>(code), text.substr(std::min(message, text.size())));
}

}  // namespace

Outcome<ExitCode> RunInBackground(const DaemonWork& work) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    return Fails("pipe", ErrorFromErrno(errno, "cannot make it"), Phase::kLocal);
  FileDescriptor read_end(ends[0]);
  FileDescriptor write_end(ends[1]);
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0)
    return Fails("fork", ErrorFromErrno(errno, "cannot make a process"), Phase::kLocal);
  if (child == 0) {
    read_end.Reset();
    RunChild(work, std::move(write_end));
  }
  write_end.Reset();
  return AwaitChild(child, read_end);
}

}  // namespace skybridge::cli
