#include "fuse/session/session_channel.h"

#include "tests/unit/fuse/session_fixture.h"

namespace skybridge::fuse {
namespace {

class SessionChannelTest : public SessionFixture {
 protected:
  // Takes one request from the kernel and answers it.
  void AnswerOne() {
    fuse_buf request{};
    ASSERT_GT(fuse_session_receive_buf(session_, &request), 0);
    fuse_session_process_buf(session_, &request);
    std::free(request.mem);
  }
  std::uint32_t FlagsAfterInit(std::uint32_t offered) {
    kernel_.Init(offered);
    AnswerOne();
    const auto reply = kernel_.Await(1);
    EXPECT_TRUE(reply && reply->body.size() == sizeof(fuse_init_out));
    fuse_init_out answer{};
    if (reply) std::memcpy(&answer, reply->body.data(), sizeof answer);
    return answer.flags;
  }
};

TEST_F(SessionChannelTest, TakesWhatTheKernelOffersAndLibfuseDoesNotKnow) {
  const std::uint32_t flags = FlagsAfterInit(FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV_V2);
  EXPECT_NE(flags & FUSE_PARALLEL_DIROPS, 0U);
  EXPECT_NE(flags & FUSE_HANDLE_KILLPRIV_V2, 0U);
}

TEST_F(SessionChannelTest, TakesNothingThatTheKernelDoesNotOffer) {
  const std::uint32_t flags = FlagsAfterInit(0);
  EXPECT_EQ(flags & (FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV_V2), 0U);
}

TEST_F(SessionChannelTest, TellsWhenTheReplyToInitIsOutAndLeavesLaterRepliesAlone) {
  EXPECT_FALSE(ready_);
  FlagsAfterInit(FUSE_PARALLEL_DIROPS);
  EXPECT_TRUE(ready_);
  ready_ = false;
  kernel_.Send(FUSE_STATFS, 2, {});
  AnswerOne();
  const auto reply = kernel_.Await(2);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->error, 0);
  EXPECT_FALSE(ready_);
}

}  // namespace
}  // namespace skybridge::fuse
