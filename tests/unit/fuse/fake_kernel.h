// FakeKernel: the other end of a libfuse session, over a socket pair: sends requests as the kernel
// does and takes the replies. No /dev/fuse and no privileges are needed. Layout: linux/fuse.h.
#pragma once

#include <linux/fuse.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace skybridge::fuse {

class FakeKernel {
 public:
  FakeKernel() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds_), 0); }
  ~FakeKernel() { ::close(fds_[0]); }
  FakeKernel(const FakeKernel&) = delete;
  FakeKernel& operator=(const FakeKernel&) = delete;

  // The session's end; it closes it.
  int session_fd() const { return fds_[1]; }
  // The mount is gone.
  void HangUp() { ::shutdown(fds_[0], SHUT_RDWR); }

  void Send(std::uint32_t opcode, std::uint64_t unique, std::string_view argument,
            std::uint64_t node = FUSE_ROOT_ID) {
    fuse_in_header head{};
    head.len = static_cast<std::uint32_t>(sizeof head + argument.size());
    head.opcode = opcode;
    head.unique = unique;
    head.nodeid = node;
    std::string message(reinterpret_cast<const char*>(&head), sizeof head);
    message.append(argument);
    EXPECT_EQ(::send(fds_[0], message.data(), message.size(), 0),
              static_cast<ssize_t>(message.size()));
  }
  template <class T>
  void SendStruct(std::uint32_t opcode, std::uint64_t unique, const T& argument) {
    Send(opcode, unique, {reinterpret_cast<const char*>(&argument), sizeof argument});
  }
  // A name ends with NUL.
  void Lookup(std::uint64_t unique, const std::string& name) {
    Send(FUSE_LOOKUP, unique, {name.c_str(), name.size() + 1});
  }
  void Interrupt(std::uint64_t unique, std::uint64_t of) {
    SendStruct(FUSE_INTERRUPT, unique, fuse_interrupt_in{.unique = of});
  }
  void Init(std::uint32_t flags) {
    fuse_init_in init{};
    init.major = FUSE_KERNEL_VERSION;
    init.minor = FUSE_KERNEL_MINOR_VERSION;
    init.max_readahead = 1 << 20;
    init.flags = flags;
    SendStruct(FUSE_INIT, 1, init);
  }

  struct Reply {
    std::uint64_t unique = 0;  // 0: a notification
    int error = 0;             // positive; of a notification its code
    std::string body;
  };
  // The next reply; nothing when there is none for a while.
  std::optional<Reply> Next(int wait_ms = 20'000) {
    timeval wait{.tv_sec = wait_ms / 1000, .tv_usec = (wait_ms % 1000) * 1000};
    ::setsockopt(fds_[0], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    std::string message(1 << 16, '\0');
    const ssize_t got = ::recv(fds_[0], message.data(), message.size(), 0);
    fuse_out_header head{};
    if (got < static_cast<ssize_t>(sizeof head)) return std::nullopt;
    std::memcpy(&head, message.data(), sizeof head);
    return Reply{.unique = head.unique,
                 .error = head.unique == 0 ? head.error : -head.error,
                 .body = message.substr(sizeof head, static_cast<std::size_t>(got) - sizeof head)};
  }
  // The reply to one request; others that come before are kept for their own question.
  std::optional<Reply> Await(std::uint64_t unique, int wait_ms = 20'000) {
    for (auto kept = kept_.begin(); kept != kept_.end(); ++kept) {
      if (kept->unique != unique) continue;
      Reply reply = *kept;
      kept_.erase(kept);
      return reply;
    }
    while (auto reply = Next(wait_ms)) {
      if (reply->unique == unique) return reply;
      kept_.push_back(*std::move(reply));
    }
    return std::nullopt;
  }

 private:
  int fds_[2] = {-1, -1};
  std::deque<Reply> kept_;
};

}  // namespace skybridge::fuse
