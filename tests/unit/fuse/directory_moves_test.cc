#include "fuse/open/directory_moves.h"

#include <thread>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace skybridge::fuse {
namespace {

using Use = DirectoryMoves::Use;
using Move = DirectoryMoves::Move;
using Paths = DirectoryMoves::Paths;

class DirectoryMovesTest : public ::testing::Test {
 protected:
  // Of a call that does not wait.
  CallContext AtOnce() const { return {.deadline = clock_.Now()}; }

  bool MayUse(const Paths& paths) {
    const auto use = Use::Begin(moves_, paths, AtOnce());
    if (!use) {
      EXPECT_EQ(use.error().code, ErrorCode::kTimedOut) << use.error().message;
    }
    return use.has_value();
  }
  bool MayMove(const Paths& paths) {
    const auto move = Move::Begin(moves_, paths, AtOnce());
    if (!move) {
      EXPECT_EQ(move.error().code, ErrorCode::kTimedOut) << move.error().message;
    }
    return move.has_value();
  }

  skybridge::testing::FakeClock clock_;
  DirectoryMoves moves_{clock_};
};

TEST_F(DirectoryMovesTest, LetNobodyInBelowTheOldAndTheNewPath) {
  const auto move = Move::Begin(moves_, {"azure:old", "azure:new"}, {});
  ASSERT_TRUE(move);
  for (const char* path : {"azure:old", "azure:old/a", "azure:old/a/b", "azure:new/a"})
    EXPECT_FALSE(MayUse({path})) << path;
  EXPECT_FALSE(MayUse({"azure:elsewhere", "azure:new/a"})) << "one of two is enough";
}

TEST_F(DirectoryMovesTest, LetEverybodyElseGoOn) {
  const auto move = Move::Begin(moves_, {"azure:a/old"}, {});
  ASSERT_TRUE(move);
  for (const char* path : {"azure:a", "azure:a/older", "azure:a/ol", "azure:", "oci:a/old"})
    EXPECT_TRUE(MayUse({path})) << path;
}

TEST_F(DirectoryMovesTest, EndWithTheMove) {
  Move::Begin(moves_, {"azure:a"}, {}).value().reset();
  EXPECT_TRUE(MayUse({"azure:a/b"}));
}

TEST_F(DirectoryMovesTest, BeginOnlyWhenNothingIsUsedBelow) {
  auto use = Use::Begin(moves_, {"azure:a/b/c"}, {});
  ASSERT_TRUE(use);
  for (const char* path : {"azure:a", "azure:a/b", "azure:a/b/c"})
    EXPECT_FALSE(MayMove({"azure:elsewhere", path})) << path;
  for (const char* path : {"azure:a/b/c/d", "azure:a/bb", "azure:a/b/cc", "azure:b"})
    EXPECT_TRUE(MayMove({path})) << path;
  use->reset();
  EXPECT_TRUE(MayMove({"azure:a"}));
}

TEST_F(DirectoryMovesTest, CountEveryUseOfAPath) {
  auto first = Use::Begin(moves_, {"azure:a/b"}, {});
  const auto second = Use::Begin(moves_, {"azure:a/b"}, {});
  first->reset();
  EXPECT_FALSE(MayMove({"azure:a"}));
}

TEST_F(DirectoryMovesTest, DoNotMeetEachOther) {
  const auto move = Move::Begin(moves_, {"azure:a/b", "azure:c"}, {});
  ASSERT_TRUE(move);
  for (const char* path : {"azure:a", "azure:a/b", "azure:a/b/x", "azure:c/d"})
    EXPECT_FALSE(MayMove({path})) << path;
  EXPECT_TRUE(MayMove({"azure:a/c"}));
}

// Else a failed rename would close its directory for ever.
TEST_F(DirectoryMovesTest, LeaveNothingBehindWhenTheyCouldNotBegin) {
  const auto use = Use::Begin(moves_, {"azure:a/b"}, {});
  EXPECT_FALSE(MayMove({"azure:a"}));
  EXPECT_TRUE(MayUse({"azure:a/other"}));
}

TEST_F(DirectoryMovesTest, AreNotWaitedForOnceTheCallIsStopped) {
  const auto move = Move::Begin(moves_, {"azure:a"}, {});
  std::stop_source stop;
  stop.request_stop();
  const auto use = Use::Begin(moves_, {"azure:a/b"}, {.stop = stop.get_token()});
  ASSERT_FALSE(use);
  EXPECT_EQ(use.error().code, ErrorCode::kCancelled);
}

// Requests that come while a move waits stay out, or it could wait for ever; all go on in turn.
TEST_F(DirectoryMovesTest, GoBeforeWhatComesWhileTheyWait) {
  auto use = Use::Begin(moves_, {"azure:a/b"}, {});
  std::atomic<bool> moved = false;
  std::jthread mover([&] {
    const auto move = Move::Begin(moves_, {"azure:a"}, {});
    moved = move.has_value();
  });
  while (MayUse({"azure:a/c"})) std::this_thread::yield();  // until the move has announced itself
  EXPECT_FALSE(moved);
  use->reset();
  mover.join();
  EXPECT_TRUE(moved);
  EXPECT_TRUE(MayUse({"azure:a/c"}));
}

}  // namespace
}  // namespace skybridge::fuse
