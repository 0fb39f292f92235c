#include "fuse/session/session_channel.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cstring>

#include <fuse3/fuse_lowlevel.h>

#include "fuse/session/session_context.h"

namespace skybridge::fuse {
namespace {

constexpr std::uint32_t kInitOpcode = 26;              // FUSE_INIT
constexpr std::uint32_t kParallelDirops = 1U << 18;    // FUSE_PARALLEL_DIROPS
constexpr std::uint32_t kHandleKillprivV2 = 1U << 28;  // FUSE_HANDLE_KILLPRIV_V2
constexpr std::size_t kRequestHeaderBytes = 40;        // struct fuse_in_header
constexpr std::size_t kReplyHeaderBytes = 16;          // struct fuse_out_header
constexpr std::size_t kInitReplyBytes = 64;            // struct fuse_init_out
constexpr std::size_t kInitRequestFlags = kRequestHeaderBytes + 12;
constexpr std::size_t kInitReplyFlags = 12;
constexpr std::uint32_t kProtocolMajor = 7;

std::uint32_t WordAt(const void* bytes, std::size_t offset) {
  std::uint32_t word = 0;
  std::memcpy(&word, static_cast<const char*>(bytes) + offset, sizeof word);
  return word;
}

SessionChannel& ChannelOf(void* user_data) {
  return static_cast<SessionContext*>(user_data)->channel;
}

}  // namespace

void SessionChannel::SeeRequest(const void* message, std::size_t size_bytes) {
  if (size_bytes < kInitRequestFlags + sizeof(std::uint32_t)) return;
  if (WordAt(message, 4) == kInitOpcode) offered_flags_ = WordAt(message, kInitRequestFlags);
}

bool SessionChannel::AmendReply(const iovec* parts, int count) const {
  if (offered_flags_ == 0 || count != 2) return false;
  if (parts[0].iov_len != kReplyHeaderBytes || parts[1].iov_len != kInitReplyBytes) return false;
  if (WordAt(parts[1].iov_base, 0) != kProtocolMajor) return false;
  // Without PARALLEL_DIROPS all lookups in one directory wait for each other; without
  // HANDLE_KILLPRIV_V2 the kernel asks for security.capability before each write. libfuse 3.14
  // knows neither in its reply.
  const std::uint32_t flags = WordAt(parts[1].iov_base, kInitReplyFlags) |
                              (offered_flags_ & (kParallelDirops | kHandleKillprivV2));
  std::memcpy(static_cast<char*>(parts[1].iov_base) + kInitReplyFlags, &flags, sizeof flags);
  return true;
}

bool SessionChannel::Attach(fuse_session* session, int fd) {
  fuse_custom_io io{};
  io.read = [](int from, void* buffer, std::size_t size_bytes, void* user_data) -> ssize_t {
    const ssize_t got = ::read(from, buffer, size_bytes);
    SessionChannel& channel = ChannelOf(user_data);
    if (got > 0 && channel.offered_flags_ == 0)
      channel.SeeRequest(buffer, static_cast<std::size_t>(got));
    return got;
  };
  io.writev = [](int to, struct iovec* parts, int count, void* user_data) -> ssize_t {
    SessionChannel& channel = ChannelOf(user_data);
    const bool is_init = !channel.ready_ && channel.AmendReply(parts, count);
    const ssize_t put = ::writev(to, parts, count);
    if (is_init && put > 0) {
      channel.ready_ = true;
      channel.on_ready_();
    }
    return put;
  };
  return fuse_session_custom_io(session, &io, fd) == 0;
}

}  // namespace skybridge::fuse
