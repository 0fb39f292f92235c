#include "fuse/session/worker_crew.h"

#include <cerrno>

#include "tests/unit/fuse/session_fixture.h"

namespace skybridge::fuse {
namespace {

constexpr std::uint32_t kPlaces = 2;

class WorkerCrewTest : public SessionFixture {
 protected:
  void SetUp() override {
    SessionFixture::SetUp();
    crew_ = std::make_unique<WorkerCrew>(CrewParts{.session = session_,
                                                   .filesystem = *fs,
                                                   .clock = clock,
                                                   .places_for_each_remote = kPlaces},
                                         [this] { finished_ = true; });
    crew_->Start();
    kernel_.Init(FUSE_ASYNC_READ);
    ASSERT_TRUE(kernel_.Await(1));
  }
  void TearDown() override {
    store->script().Release(StoreOp::kHead);
    context_->calls.StopAll();
    kernel_.HangUp();
    crew_.reset();
    SessionFixture::TearDown();
  }

  // Requests 10 and 11 take the places; 12 waits for one.
  void TakeAllPlaces() {
    store->script().Block(StoreOp::kHead);
    kernel_.Lookup(10, "a");
    kernel_.Lookup(11, "b");
    store->script().WaitForBlocked(StoreOp::kHead, kPlaces);
    kernel_.Lookup(12, "c");
  }

  std::atomic<bool> finished_ = false;
  std::unique_ptr<WorkerCrew> crew_;
};

TEST_F(WorkerCrewTest, AnswersWhatTheKernelAsks) {
  store->PutText("a", "text");
  kernel_.Lookup(2, "a");
  const auto found = kernel_.Await(2);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->error, 0);
  EXPECT_EQ(found->body.size(), sizeof(fuse_entry_out));
}

TEST_F(WorkerCrewTest, ReadsOnWhileAllPlacesOfARemoteAreTaken) {
  TakeAllPlaces();
  kernel_.Send(FUSE_STATFS, 20, {});
  const auto answer = kernel_.Await(20);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error, 0);
  EXPECT_EQ(store->calls(StoreOp::kHead), kPlaces);
}

TEST_F(WorkerCrewTest, WorksOnWhatWaitedOnceAPlaceIsFree) {
  store->PutText("c", "text");
  TakeAllPlaces();
  store->script().Release(StoreOp::kHead);
  const auto answer = kernel_.Await(12);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error, 0);
}

TEST_F(WorkerCrewTest, AnInterruptEndsARequestThatWaitsAtOnce) {
  TakeAllPlaces();
  std::optional<FakeKernel::Reply> answer;
  // As the kernel does, asked again when the request had not been found yet.
  for (std::uint64_t i = 0; i < 100 && !answer; ++i) {
    kernel_.Interrupt(1000 + i, 12);
    answer = kernel_.Await(12, 100);
  }
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error, EINTR);
  EXPECT_EQ(store->calls(StoreOp::kHead), kPlaces) << "it was never begun";
}

TEST_F(WorkerCrewTest, ARequestThatWaitsKeepsItsTimeLimit) {
  TakeAllPlaces();
  kernel_.Send(FUSE_STATFS, 20, {});
  ASSERT_TRUE(kernel_.Await(20));
  clock.Advance(fs->options().operation_timeout + std::chrono::seconds(1));
  const auto answer = kernel_.Await(12);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error, ETIMEDOUT);
}

TEST_F(WorkerCrewTest, EndsWhenTheMountIsGone) {
  kernel_.HangUp();
  crew_->Stop();
  EXPECT_TRUE(finished_);
}

}  // namespace
}  // namespace skybridge::fuse
