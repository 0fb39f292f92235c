#include "sync/mirror/owner_lease.h"

#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"

namespace skybridge {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::FakeClock;
using testing::FakeObjectStore;
using testing::StoreOp;

class OwnerLeaseTest : public ::testing::Test {
 protected:
  LeaseRequest RequestOf(const std::string& machine) {
    return {.destination = store_,
            .root = ObjectKey("lake"),
            .owner = {.mirror = "m-" + machine,
                      .machine = machine,
                      .host = "host-" + machine,
                      .state = "/var/lib/skybridge/mirror/m",
                      .from = "from-" + machine,
                      .to = "to-" + machine},
            .clock = clock_,
            .holds_for = seconds(90)};
  }
  Result<std::unique_ptr<OwnerLease>> Take(const std::string& machine) {
    return OwnerLease::Take(RequestOf(machine), {});
  }
  void RenewOnce() {
    clock_.WaitForSleepers(1);
    const std::size_t before = store_.calls(StoreOp::kPut);
    clock_.Advance(seconds(30));
    while (store_.calls(StoreOp::kPut) == before) std::this_thread::yield();
    clock_.WaitForSleepers(1);
  }

  FakeClock clock_;
  FakeObjectStore store_{clock_};
};

constexpr auto kLease = "lake/.skybridge/mirror.lease";

TEST_F(OwnerLeaseTest, IsAnObjectAtTheDestinationWhileItIsHeld) {
  {
    const auto lease = Take("a");
    ASSERT_TRUE(lease) << lease.error().ToString();
    EXPECT_NE(store_.ContentOf(kLease).value_or("").find("\"host-a\""), std::string::npos);
  }
  EXPECT_FALSE(store_.ContentOf(kLease)) << "it is given back";
}

TEST_F(OwnerLeaseTest, ASecondMachineIsRefusedAndToldWhoHoldsIt) {
  const auto first = Take("a");
  ASSERT_TRUE(first);
  const auto second = Take("b");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kLocked);
  EXPECT_NE(second.error().message.find("host-a"), std::string::npos);
  EXPECT_NE(second.error().message.find("m-a"), std::string::npos);
}

constexpr auto kOther =
    R"({"machine": "b", "state": "s", "host": "host-b", "holds_for_seconds": 90})";
constexpr auto kOurs =
    R"({"machine": "a", "state": "/var/lib/skybridge/mirror/m", "holds_for_seconds": 90})";

TEST_F(OwnerLeaseTest, TwoThatAskAtOnceDoNotBothGetIt) {
  store_.script().BeforeNext(StoreOp::kPut, [this] { store_.PutText(kLease, kOther); });
  const auto lease = Take("a");
  ASSERT_FALSE(lease);
  EXPECT_EQ(lease.error().code, ErrorCode::kLocked);
  EXPECT_NE(lease.error().message.find("host-b"), std::string::npos);
}

TEST_F(OwnerLeaseTest, TheLateRequestOfAProcessThatWasKilledIsNoOtherOwner) {
  store_.script().BeforeNext(StoreOp::kPut, [this] { store_.PutText(kLease, kOurs); });
  store_.script().BeforeNext(StoreOp::kGet, [this] { store_.PutText(kLease, kOurs); });
  EXPECT_TRUE(Take("a"));
}

TEST_F(OwnerLeaseTest, ARenewedLeaseDoesNotExpire) {
  const auto first = Take("a");
  ASSERT_TRUE(first);
  for (int i = 0; i < 10; ++i) RenewOnce();
  EXPECT_TRUE((*first)->state());
  EXPECT_FALSE(Take("b"));
}

TEST_F(OwnerLeaseTest, AKilledOwnersLeaseIsFreeWhenItHasExpiredByTheStoresClock) {
  store_.PutText(kLease, R"({"machine": "a", "state": "s", "host": "h", "holds_for_seconds": 90})");
  EXPECT_FALSE(Take("b"));
  clock_.Advance(minutes(3));
  EXPECT_TRUE(Take("b"));
}

TEST_F(OwnerLeaseTest, TheSameOwnerTakesItsOwnLeaseBackAtOnce) {
  store_.PutText(
      kLease,
      R"({"machine": "a", "state": "/var/lib/skybridge/mirror/m", "holds_for_seconds": 90})");
  EXPECT_TRUE(Take("a"));
}

TEST_F(OwnerLeaseTest, ALeaseThatSomebodyTookIsLost) {
  const auto lease = Take("a");
  ASSERT_TRUE(lease);
  clock_.WaitForSleepers(1);
  store_.PutText(kLease, "{}");
  clock_.Advance(seconds(30));
  while (!(*lease)->lost().stop_requested()) std::this_thread::yield();
  EXPECT_EQ((*lease)->state().error().code, ErrorCode::kLocked);
}

TEST_F(OwnerLeaseTest, ALeaseThatCannotBeRenewedInTimeIsLost) {
  const auto lease = Take("a");
  ASSERT_TRUE(lease);
  store_.script().FailNext(StoreOp::kPut, {.code = ErrorCode::kUnreachable}, 3);
  RenewOnce();
  RenewOnce();
  EXPECT_TRUE((*lease)->state()) << "it still holds";
  clock_.Advance(seconds(30));
  while (!(*lease)->lost().stop_requested()) std::this_thread::yield();
  EXPECT_EQ((*lease)->state().error().code, ErrorCode::kUnreachable);
}

TEST_F(OwnerLeaseTest, WhatIsNoLeaseIsNeverTakenForAFreeOne) {
  store_.PutText(kLease, "[]");
  const auto lease = Take("a");
  ASSERT_FALSE(lease);
  EXPECT_EQ(lease.error().code, ErrorCode::kCorrupt);
}

TEST_F(OwnerLeaseTest, ACycleIsRefusedByName) {
  LeaseRequest there = RequestOf("b");
  there.owner.from = "oci://lake";
  const auto other = OwnerLease::Take(there, {});
  ASSERT_TRUE(other);
  LeaseOwner ours = RequestOf("a").owner;
  ours.to = "oci://lake";
  const Status checked = CheckNoCycle(store_, ObjectKey("lake"), ours, {});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kConflict);
  EXPECT_NE(checked.error().message.find("m-b"), std::string::npos);
  ours.to = "oci://elsewhere";
  EXPECT_TRUE(CheckNoCycle(store_, ObjectKey("lake"), ours, {}));
}

}  // namespace
}  // namespace skybridge
