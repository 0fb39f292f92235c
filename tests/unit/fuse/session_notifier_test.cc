#include "fuse/session/session_notifier.h"

#include "tests/unit/fuse/session_fixture.h"

namespace skybridge::fuse {
namespace {

class SessionNotifierTest : public SessionFixture {
 protected:
  void SetUp() override {
    SessionFixture::SetUp();
    kernel_.Init(0);
    fuse_buf request{};
    ASSERT_GT(fuse_session_receive_buf(session_, &request), 0);
    fuse_session_process_buf(session_, &request);
    std::free(request.mem);
    ASSERT_TRUE(kernel_.Await(1));
    notifier_ = std::make_unique<SessionNotifier>(session_);
  }
  void TearDown() override {
    notifier_.reset();
    SessionFixture::TearDown();
  }

  std::unique_ptr<SessionNotifier> notifier_;
};

TEST_F(SessionNotifierTest, AnEntryIsForgottenByItsParentAndName) {
  notifier_->ForgetEntry(static_cast<InodeNumber>(7), "name");
  const auto notice = kernel_.Next();
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->unique, 0U);
  EXPECT_EQ(notice->error, FUSE_NOTIFY_INVAL_ENTRY);
  fuse_notify_inval_entry_out entry{};
  ASSERT_GE(notice->body.size(), sizeof entry);
  std::memcpy(&entry, notice->body.data(), sizeof entry);
  EXPECT_EQ(entry.parent, 7U);
  EXPECT_EQ(notice->body.substr(sizeof entry, entry.namelen), "name");
}

TEST_F(SessionNotifierTest, AttributesAreForgottenAndPagesKept) {
  notifier_->ForgetAttributes(static_cast<InodeNumber>(7));
  const auto notice = kernel_.Next();
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->error, FUSE_NOTIFY_INVAL_INODE);
  fuse_notify_inval_inode_out inode{};
  ASSERT_EQ(notice->body.size(), sizeof inode);
  std::memcpy(&inode, notice->body.data(), sizeof inode);
  EXPECT_EQ(inode.ino, 7U);
  EXPECT_LT(inode.off, 0) << "a negative offset means no pages (linux/fuse.h, 7.12)";
}

}  // namespace
}  // namespace skybridge::fuse
