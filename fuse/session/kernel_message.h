// The few bytes of the kernel's messages that are read before libfuse gets them: whose turn a
// request is, and which one an INTERRUPT means. Layout: linux/fuse.h, struct fuse_in_header,
// fuse_interrupt_in, fuse_out_header (protocol 7.36, read 2026-11-29).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/ids.h"

namespace skybridge::fuse {

struct RequestHead {
  std::uint32_t opcode = 0;
  std::uint64_t unique = 0;  // the kernel's number of the request
  InodeNumber node = InodeNumber::kNone;
};

// Nothing: the message is too short to be one.
std::optional<RequestHead> ParseRequestHead(std::span<const std::byte> message);

// The number of the request that an INTERRUPT is about; nothing for every other request.
std::optional<std::uint64_t> InterruptedRequest(std::span<const std::byte> message);

// Whether the request may wait for the remote of its node. The others are answered from memory.
bool MayWait(std::uint32_t opcode);
// Whether an answer to the request may be an error that the caller sees. The kernel takes no notice
// of what a RELEASE says: it must always be done.
bool MayBeRefused(std::uint32_t opcode);

using ErrorReply = std::array<std::byte, 16>;
ErrorReply MakeErrorReply(std::uint64_t unique, int errno_value);

}  // namespace skybridge::fuse
