#include "fuse/session/kernel_message.h"

#include <linux/fuse.h>

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

namespace skybridge::fuse {
namespace {

TEST(KernelMessage, ARequestHasItsNumberNodeAndKind) {
  const fuse_in_header head{.len = sizeof head, .opcode = FUSE_READ, .unique = 7, .nodeid = 5};
  const auto parsed = ParseRequestHead(std::as_bytes(std::span(&head, 1)));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->opcode, static_cast<std::uint32_t>(FUSE_READ));
  EXPECT_EQ(parsed->unique, 7U);
  EXPECT_EQ(ToInteger(parsed->node), 5U);
}

TEST(KernelMessage, ShortMessagesAreNone) {
  const std::byte few[10] = {};
  EXPECT_FALSE(ParseRequestHead(few));
  EXPECT_FALSE(InterruptedRequest(few));
}

TEST(KernelMessage, OnlyAnInterruptMeansAnotherRequest) {
  struct {
    fuse_in_header head{};
    fuse_interrupt_in argument{};
  } message;
  message.head.opcode = FUSE_INTERRUPT;
  message.argument.unique = 42;
  const auto bytes = std::as_bytes(std::span(&message, 1));
  EXPECT_EQ(InterruptedRequest(bytes), 42U);
  EXPECT_FALSE(InterruptedRequest(bytes.first(sizeof(fuse_in_header))));
  message.head.opcode = FUSE_LOOKUP;
  EXPECT_FALSE(InterruptedRequest(bytes));
}

TEST(KernelMessage, WhatIsAnsweredFromMemoryWaitsForNoRemote) {
  for (const std::uint32_t opcode : {FUSE_FORGET, FUSE_BATCH_FORGET, FUSE_INTERRUPT, FUSE_STATFS})
    EXPECT_FALSE(MayWait(opcode));
  for (const std::uint32_t opcode : {FUSE_LOOKUP, FUSE_READ, FUSE_WRITE, FUSE_FLUSH, FUSE_RELEASE})
    EXPECT_TRUE(MayWait(opcode));
}

TEST(KernelMessage, AReleaseIsNeverRefused) {
  EXPECT_FALSE(MayBeRefused(FUSE_RELEASE));
  EXPECT_TRUE(MayBeRefused(FUSE_FLUSH));
}

TEST(KernelMessage, AnErrorReplyNamesItsRequest) {
  const ErrorReply reply = MakeErrorReply(9, EINTR);
  fuse_out_header head{};
  ASSERT_EQ(reply.size(), sizeof head);
  std::memcpy(&head, reply.data(), sizeof head);
  EXPECT_EQ(head.len, sizeof head);
  EXPECT_EQ(head.unique, 9U);
  EXPECT_EQ(head.error, -EINTR);
}

}  // namespace
}  // namespace skybridge::fuse
