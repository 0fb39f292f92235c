// How a libfuse session reads from and writes to its descriptor: plain read and writev, plus what
// libfuse 3.14 cannot say in its reply to INIT. (Its fuse_session_custom_io; layout of the
// messages: linux/fuse.h, fuse_init_in, fuse_init_out.)
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

struct fuse_session;
struct iovec;

namespace skybridge::fuse {

// One for each session, and the session's user data. Outlives it.
class SessionChannel {
 public:
  // `on_ready` runs on the thread that answered INIT, after the answer is out.
  explicit SessionChannel(std::function<void()> on_ready) : on_ready_(std::move(on_ready)) {}

  // Puts itself between the session and `fd`. False if libfuse refuses.
  bool Attach(fuse_session* session, int fd);

  // Notes what the kernel offers in INIT.
  void SeeRequest(const void* message, std::size_t size_bytes);
  // True if this was the reply to INIT; adds to it what the kernel offered and we want.
  bool AmendReply(const iovec* parts, int count) const;

 private:
  const std::function<void()> on_ready_;
  std::atomic<std::uint32_t> offered_flags_{0};  // 0 until INIT has come
  std::atomic<bool> ready_{false};               // the reply to INIT is out
};

}  // namespace skybridge::fuse
