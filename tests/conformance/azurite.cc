#include "tests/conformance/azurite.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include <fmt/format.h>

namespace skybridge::testing {
namespace {

class Socket {
 public:
  Socket() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Azurite cannot say which port the kernel gave it: take a free one first. 0 on failure.
std::uint16_t FreePort() {
  const Socket probe;
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  if (bind(probe.fd(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return 0;
  if (getsockname(probe.fd(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.sin_port);
}

bool Listens(std::uint16_t port) {
  const Socket client;
  const sockaddr_in address = Loopback(port);
  return connect(client.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool HasEnded(pid_t pid) { return waitpid(pid, nullptr, WNOHANG) == pid; }

Result<pid_t> Spawn(std::uint16_t port) {
  std::vector<std::string> words{
      AZURITE_NODE,         AZURITE_SCRIPT, "--inMemoryPersistence", "--blobHost",
      "127.0.0.1",          "--blobPort",   std::to_string(port),    "--silent",
      "--disableTelemetry", "--loose",      "--skipApiVersionCheck"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) return Fail(ErrorFromErrno(errno, std::string("start ") + AZURITE_NODE));
  if (pid > 0) return pid;
  // It ends with this program, also when that crashes.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  execv(AZURITE_NODE, arguments.data());
  _exit(127);
}

}  // namespace

Result<std::unique_ptr<Azurite>> Azurite::Start() {
  if (!std::filesystem::exists(AZURITE_SCRIPT)) {
    return Fail(ErrorCode::kNotFound, "Azurite is not installed; run scripts/conformance-clients");
  }
  const std::uint16_t port = FreePort();
  const pid_t pid = TRY(Spawn(port));
  std::unique_ptr<Azurite> azurite(new Azurite(pid, port));
  constexpr std::chrono::seconds kStartTime{60};
  const auto until = std::chrono::steady_clock::now() + kStartTime;
  while (!Listens(port)) {
    if (HasEnded(pid) || std::chrono::steady_clock::now() > until) {
      return Fail(ErrorCode::kUnavailable, fmt::format("Azurite does not answer on port {}", port));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return azurite;
}

Azurite::~Azurite() {
  kill(pid_, SIGKILL);  // nothing of it is kept
  waitpid(pid_, nullptr, 0);
}

std::string Azurite::endpoint() const {
  return fmt::format("http://127.0.0.1:{}/{}", port_, kAccount);
}

}  // namespace skybridge::testing
