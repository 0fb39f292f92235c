#include "fuse/session/kernel_message.h"

#include <linux/fuse.h>

#include <cstring>

namespace skybridge::fuse {
namespace {

template <class T>
std::optional<T> ReadAt(std::span<const std::byte> message, std::size_t offset) {
  if (message.size() < offset + sizeof(T)) return std::nullopt;
  T value{};
  std::memcpy(&value, message.data() + offset, sizeof value);
  return value;
}

}  // namespace

std::optional<RequestHead> ParseRequestHead(std::span<const std::byte> message) {
  const auto head = ReadAt<fuse_in_header>(message, 0);
  if (!head) return std::nullopt;
  return RequestHead{.opcode = head->opcode,
                     .unique = head->unique,
                     .node = static_cast<InodeNumber>(head->nodeid)};
}

std::optional<std::uint64_t> InterruptedRequest(std::span<const std::byte> message) {
  const auto head = ReadAt<fuse_in_header>(message, 0);
  if (!head || head->opcode != FUSE_INTERRUPT) return std::nullopt;
  const auto interrupt = ReadAt<fuse_interrupt_in>(message, sizeof(fuse_in_header));
  if (!interrupt) return std::nullopt;
  return interrupt->unique;
}

bool MayWait(std::uint32_t opcode) {
  switch (opcode) {
    case FUSE_INIT:
    case FUSE_DESTROY:
    case FUSE_INTERRUPT:
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_STATFS:
    case FUSE_RELEASEDIR:
      return false;
    default:
      return true;
  }
}

bool MayBeRefused(std::uint32_t opcode) { return opcode != FUSE_RELEASE; }

ErrorReply MakeErrorReply(std::uint64_t unique, int errno_value) {
  const fuse_out_header head{
      .len = sizeof(fuse_out_header), .error = -errno_value, .unique = unique};
  ErrorReply reply{};
  static_assert(sizeof head == sizeof reply);
  std::memcpy(reply.data(), &head, sizeof head);
  return reply;
}

}  // namespace skybridge::fuse
