#include <atomic>
#include <functional>
#include <future>
#include <vector>

#include <gtest/gtest.h>

#include "fuse/session/session_notifier.h"

namespace skybridge::fuse {
namespace {

// A notice that the kernel makes wait until the test lets it go on.
class HeldNotice {
 public:
  std::function<void()> notice() {
    return [this] {
      begun_.set_value();
      go_on_.get_future().wait();
    };
  }
  void WaitUntilBegun() { begun_.get_future().wait(); }
  void LetGo() { go_on_.set_value(); }

 private:
  std::promise<void> begun_;
  std::promise<void> go_on_;
};

TEST(NoticeQueueTest, NoticesAreSentInTheirOrderAndNobodyWaitsForThem) {
  HeldNotice first;
  std::vector<int> sent;
  std::promise<void> last;
  NoticeQueue queue;
  queue.Push(first.notice());
  for (int i = 0; i < 3; ++i) queue.Push([&sent, i] { sent.push_back(i); });
  queue.Push([&] { last.set_value(); });
  first.WaitUntilBegun();
  EXPECT_TRUE(sent.empty());
  first.LetGo();
  last.get_future().wait();
  EXPECT_EQ(sent, (std::vector<int>{0, 1, 2}));
}

TEST(NoticeQueueTest, BeyondItsBoundTheOldestAreDropped) {
  HeldNotice first;
  std::atomic<std::size_t> sent = 0;
  std::atomic<bool> oldest = false;
  std::promise<void> last;
  NoticeQueue queue;
  queue.Push(first.notice());
  first.WaitUntilBegun();
  queue.Push([&] { oldest = true; });
  for (std::size_t i = 1; i < NoticeQueue::kMaxQueued; ++i) queue.Push([&] { ++sent; });
  queue.Push([&] { last.set_value(); });
  first.LetGo();
  last.get_future().wait();
  EXPECT_FALSE(oldest);
  EXPECT_EQ(sent, NoticeQueue::kMaxQueued - 1);
}

TEST(NoticeQueueTest, TheEndWaitsForTheNoticeThatIsUnderWay) {
  std::atomic<bool> ended = false;
  {
    std::promise<void> begun;
    NoticeQueue queue;
    queue.Push([&] {
      begun.set_value();
      ended = true;
    });
    begun.get_future().wait();
  }
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace skybridge::fuse
