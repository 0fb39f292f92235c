// A cloud that does not answer: its callers wait, can be interrupted and keep their time limit, and
// nobody else notices.
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/mount/files.h"
#include "tests/mount/test_mount.h"
#include "tests/support/fake_object_store.h"

namespace skybridge::testing {
namespace {

using namespace std::chrono_literals;

// More than a remote has places for (MountOptions::max_threads).
constexpr std::size_t kPlaces = 64;
constexpr std::size_t kCallers = 90;
// Far beyond what a machine under load needs, and far below the calls' own time limit.
constexpr auto kAtOnce = 20s;

class BlockedCalls : public ::testing::Test {
 protected:
  BlockedCalls() {
    for (std::size_t i = 0; i < kCallers; ++i) slow_.PutText(Directory(i) + "/known", "x");
    fast_.PutText("file", "content");
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &action, nullptr);  // interrupts a call, and ends nothing
  }
  ~BlockedCalls() override {
    Release();
    callers_.clear();
  }

  static std::string Directory(std::size_t i) { return "d" + std::to_string(i); }
  void Release() {
    for (const StoreOp op : {StoreOp::kHead, StoreOp::kList}) slow_.script().Release(op);
  }

  // Every caller asks for a name that only the silent cloud knows of. Returns when all places are
  // taken.
  void BlockCallers(const std::string& root) {
    EXPECT_EQ(NamesIn(root).size(), kCallers);  // the directories are known from here on
    for (std::size_t i = 0; i < kCallers; ++i) EXPECT_EQ(StatError(root + "/" + Directory(i)), 0);
    for (const StoreOp op : {StoreOp::kHead, StoreOp::kList}) slow_.script().Block(op);
    errors_ = std::vector<std::atomic<int>>(kCallers);
    for (std::size_t i = 0; i < kCallers; ++i) {
      callers_.emplace_back([this, i, path = root + "/" + Directory(i) + "/missing"] {
        errors_[i] = StatError(path);
        ++ended_;
      });
    }
    slow_.script().WaitForBlocked(StoreOp::kHead, kPlaces);
  }

  SystemClock clock_;
  FakeObjectStore slow_{clock_};
  FakeObjectStore fast_{clock_};
  std::vector<std::atomic<int>> errors_;
  std::atomic<std::size_t> ended_{0};
  std::vector<std::jthread> callers_;
};

TEST_F(BlockedCalls, OfOneCloudDoNotHoldUpTheOther) {
  const TestMount mount({{"slow", slow_}, {"fast", fast_}}, {.ttl = 60s});
  BlockCallers(mount / "slow");
  auto other = std::async(std::launch::async, [&] {
    NamesIn(mount.path());
    return ReadFile(mount / "fast/file");
  });
  ASSERT_EQ(other.wait_for(kAtOnce), std::future_status::ready);
  EXPECT_EQ(other.get(), "content");
  EXPECT_EQ(ended_, 0U);
}

TEST_F(BlockedCalls, AreInterruptedAtOnceWhetherTheyHavePlacesOrWait) {
  const TestMount mount(slow_, {.ttl = 60s});
  BlockCallers(mount.path());
  const auto end = std::chrono::steady_clock::now() + kAtOnce;
  while (ended_ < kCallers && std::chrono::steady_clock::now() < end) {
    for (std::size_t i = 0; i < kCallers; ++i) {
      if (errors_[i] == 0) ::pthread_kill(callers_[i].native_handle(), SIGUSR1);
    }
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_EQ(ended_, kCallers);
  for (const auto& error : errors_) EXPECT_EQ(error, EINTR);
}

TEST_F(BlockedCalls, KeepTheirTimeLimitWhileTheyWaitForAPlace) {
  const TestMount mount(slow_, {.ttl = 60s, .operation_timeout = 2s});
  BlockCallers(mount.path());
  callers_.clear();
  for (const auto& error : errors_) EXPECT_EQ(error, ETIMEDOUT);
  Release();
  EXPECT_EQ(StatError(mount / "d0/known"), 0);
}

TEST_F(BlockedCalls, AreDoneInTheirTurnWhenTheCloudAnswersAgain) {
  const TestMount mount(slow_, {.ttl = 60s});
  BlockCallers(mount.path());
  Release();
  callers_.clear();
  for (const auto& error : errors_) EXPECT_EQ(error, ENOENT);
}

TEST_F(BlockedCalls, DoNotDelayTheEndOfTheMount) {
  TestMount mount(slow_, {.ttl = 60s});
  BlockCallers(mount.path());
  mount.session().RequestStop();
  auto ended = std::async(std::launch::async, [&] { return mount.WaitUntilEnded(); });
  ASSERT_EQ(ended.wait_for(kAtOnce), std::future_status::ready);
  EXPECT_TRUE(ended.get());
}

}  // namespace
}  // namespace skybridge::testing
