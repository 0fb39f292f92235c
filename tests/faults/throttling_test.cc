// A service that says "slow down" is left alone for as long as it says, by everybody, and no more
// requests are made than the work needs.
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "backends/azure/open_store.h"
#include "backends/azure/shared_key.h"
#include "core/time_text.h"
#include "sync/pass/sync.h"
#include "tests/faults/faulty_cloud.h"
#include "tests/localcloud/azure_service.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_object_store.h"
#include "tests/support/loopback_server.h"
#include "tests/support/machine_clock.h"

namespace skybridge::testing {
namespace {

using localcloud::Fault;
using std::chrono::seconds;

class Throttling : public ::testing::TestWithParam<CloudKind> {
 protected:
  Throttling() {
    Must(cloud_->other().Put({.key = key_, .body = AsBytes("content")}, cloud_->Context()));
    EXPECT_TRUE(Head());  // what a store asks once, it has asked
    before_ = cloud_->requests();
  }

  void Throttle(int status, std::optional<std::uint64_t> count,
                std::optional<seconds> retry_after = {}) {
    cloud_->server().rules().Add(
        {.count = count, .fault = Fault::kStatus, .status = status, .retry_after = retry_after});
  }
  // A call that is one request.
  Result<ObjectInfo> Head(seconds time = seconds(300)) {
    return cloud_->store().Head(key_, {.deadline = cloud_->clock().Now() + time});
  }
  std::uint64_t requests() const { return cloud_->requests() - before_; }

  const ObjectKey key_{"file"};
  const std::unique_ptr<FaultyCloud> cloud_ = FaultyCloud::Start(GetParam());
  std::uint64_t before_ = 0;
};

TEST_P(Throttling, TheServicesTimeIsKept) {
  for (const int status : {429, 503}) {
    const auto slept = cloud_->clock().slept();
    Throttle(status, 1, seconds(20));
    EXPECT_TRUE(Head());
    EXPECT_GE(cloud_->clock().slept() - slept, seconds(19));
    EXPECT_LT(cloud_->clock().slept() - slept, seconds(25));
  }
  EXPECT_EQ(requests(), 4U);
}

TEST_P(Throttling, OtherCallersKeepItToo) {
  Throttle(503, 1, seconds(20));
  EXPECT_EQ(Head(seconds(5)).error().code, ErrorCode::kThrottled);
  EXPECT_EQ(Head(seconds(5)).error().code, ErrorCode::kThrottled)
      << "it would have to ask too early";
  EXPECT_EQ(requests(), 1U);
  EXPECT_TRUE(Head());
  EXPECT_GE(cloud_->clock().slept(), seconds(15));
  EXPECT_EQ(requests(), 2U);
}

TEST_P(Throttling, WhatFollowsGoesOnAtOnce) {
  Throttle(503, 3);
  EXPECT_TRUE(Head());
  const auto slept = cloud_->clock().slept();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Head());
  EXPECT_LT(cloud_->clock().slept() - slept, seconds(1));
  EXPECT_EQ(requests(), 24U);
}

TEST_P(Throttling, OneCallInThreeCostsHalfARequestMore) {
  for (int i = 0; i < 20; ++i)
    cloud_->server().rules().Add({.after = static_cast<std::uint64_t>(3 * i),
                                  .count = 1,
                                  .fault = Fault::kStatus,
                                  .status = 503});
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(Head());
  EXPECT_EQ(requests(), 60U);
}

// Repeated as a whole, a call of five requests would need sixty.
TEST_P(Throttling, ACallOfSeveralRequestsGoesOnFromWhereItWas) {
  const auto put = [this](const std::string& name) {
    const std::uint64_t before = requests();
    Must(cloud_->store().Put({.key = ObjectKey(name), .body = AsBytes("content")},
                             cloud_->Context()));
    Must(cloud_->store().Rename({.source = ObjectKey(name), .destination = ObjectKey(name + "2")},
                                cloud_->Context()));
    return requests() - before;
  };
  const std::uint64_t undisturbed = put("a");
  for (int i = 0; i < 50; ++i)
    cloud_->server().rules().Add({.after = static_cast<std::uint64_t>(2 * i),
                                  .count = 1,
                                  .fault = Fault::kStatus,
                                  .status = 503});
  EXPECT_LE(put("b"), 2 * undisturbed);
}

// All callers together, while nothing works: a bounded number of requests each, further and further
// apart.
TEST_P(Throttling, NobodyStormsWhenEverythingFails) {
  constexpr int kCallers = 8;
  for (const int status : {503, 500}) {
    cloud_->server().rules().Clear();
    Throttle(status, std::nullopt);
    const std::uint64_t before = requests();
    std::atomic<int> failed{0};
    {
      std::vector<std::jthread> callers;
      for (int i = 0; i < kCallers; ++i) {
        callers.emplace_back([&] {
          if (!Head(seconds(3600))) ++failed;
        });
      }
    }
    EXPECT_EQ(failed, kCallers);
    // Ten long waits each, after some short ones that all share.
    EXPECT_LE(requests() - before, (10U + 4U) * kCallers);
    // To a request under way the leaps of the clock look like silence: probes may come on top.
    EXPECT_LE(cloud_->retries().attempts, requests() + 1);
  }
  EXPECT_EQ(cloud_->retries().given_up, 2U * kCallers);
  cloud_->server().rules().Clear();
  // Where it looked silent, a probe finds first that it answers.
  Result<ObjectInfo> answer = Head();
  for (int i = 0; i < 100'000 && !answer; ++i) {
    std::this_thread::yield();
    cloud_->clock().Advance(seconds(1));
    answer = Head();
  }
  EXPECT_TRUE(answer) << answer.error().ToString();
}

// ---- A whole pass: what it repeats itself does not multiply what the store repeats ----

constexpr std::size_t kFiles = 6;

class StormOfAPass : public ::testing::TestWithParam<CloudKind> {
 protected:
  static std::string Name(std::size_t i) { return "object-" + std::to_string(i); }
  void FailObjects(const std::string& method, int status) {
    cloud_->server().rules().Add(
        {.method = method, .path = "object-", .fault = Fault::kStatus, .status = status});
  }
  // The requests of a pass whose every file fails.
  std::uint64_t RequestsOfAPass(ObjectStore& from, ObjectStore& to) {
    const std::uint64_t before = cloud_->requests();
    const auto summary =
        Sync({.source = {from}, .destination = {to}, .clock = cloud_->clock(), .file_jobs = 1});
    EXPECT_TRUE(summary) << summary.error().ToString();
    EXPECT_EQ(summary->failed.size(), kFiles);
    return cloud_->requests() - before;
  }

  const std::unique_ptr<FaultyCloud> cloud_ = FaultyCloud::Start(GetParam());
  FakeClock clock_;
  FakeObjectStore here_{clock_};
};

TEST_P(StormOfAPass, AFileThatCannotBeReadCostsTenRequestsAndItsLook) {
  for (std::size_t i = 0; i < kFiles; ++i)
    Must(cloud_->other().Put({.key = ObjectKey(Name(i)), .body = AsBytes("content")},
                             cloud_->Context()));
  FailObjects("GET", 500);
  EXPECT_LE(RequestsOfAPass(cloud_->store(), here_), kFiles * (10 + 1) + 3);
}

TEST_P(StormOfAPass, AFileThatCannotBeWrittenCostsTenRequests) {
  for (std::size_t i = 0; i < kFiles; ++i) here_.PutText(Name(i), "content");
  FailObjects("PUT", 500);
  // Through DFS alone: create, append, flush, rename, and the removal of what is left.
  const std::uint64_t requests_of_a_put = GetParam() == CloudKind::kAzureDfsOnly ? 5 : 1;
  EXPECT_LE(RequestsOfAPass(here_, cloud_->store()), kFiles * 10 * requests_of_a_put + 3);
}

INSTANTIATE_TEST_SUITE_P(Stores, StormOfAPass, ::testing::ValuesIn(kAllClouds), CloudName);

// ---- Many callers, in real time ----

constexpr int kCallers = 32;
constexpr int kCallsOfEach = 50;
constexpr std::uint64_t kCalls = std::uint64_t{kCallers} * kCallsOfEach;

struct Contention {
  int failed = 0;
  RetryCounts counts;
};

// All callers at once, through one store as a mount has it.
Contention Contend(FaultyCloud& cloud, const ObjectKey& key) {
  SystemClock clock;
  EndpointState endpoint;
  RetryingStore store(cloud.other(), endpoint, clock);
  std::atomic<int> failed{0};
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < kCallers; ++i) {
      callers.emplace_back([&] {
        for (int call = 0; call < kCallsOfEach; ++call) {
          if (!store.Head(key, {.deadline = clock.Now() + seconds(60)})) ++failed;
        }
      });
    }
  }
  return {.failed = failed, .counts = store.counts()};
}

// Each wave of refusals costs every caller one request at most, and between two waves the service
// lets through what it allows while all wait: 1 + 32 / 400 requests for a success where it asks for
// a second, 1 + 32 / 160 where the least pause of our own is 0.4 s.
TEST_P(Throttling, ManyCallersShareWhatTheServiceAllows) {
  for (const auto wish : {std::optional<seconds>(1), std::optional<seconds>()}) {
    cloud_->server().rules().Clear();
    localcloud::Rule refusal{.fault = Fault::kStatus,
                             .status = GetParam() == CloudKind::kOci ? 429 : 503,
                             .retry_after = wish};
    refusal.allowed_per_second = 400;
    cloud_->server().rules().Add(refusal);
    // A machine too slow to reach that limit meets one wave all the same.
    refusal.allowed_per_second = 0;
    refusal.after = 200;
    refusal.count = kCallers;
    cloud_->server().rules().Add(refusal);
    const std::uint64_t before = requests();
    const Contention all = Contend(*cloud_, key_);
    const double for_each = static_cast<double>(requests() - before) / kCalls;
    RecordProperty(wish ? "requests_with_a_wish" : "requests_without", std::to_string(for_each));
    EXPECT_EQ(all.failed, 0);
    EXPECT_GE(all.counts.throttled, std::uint64_t{kCallers});
    EXPECT_LE(for_each, 1.25);
    // It recovers: nothing of the pauses is left over.
    cloud_->server().rules().Clear();
    const Contention free = Contend(*cloud_, key_);
    EXPECT_EQ(free.failed, 0);
    EXPECT_EQ(free.counts.attempts, kCalls);
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, Throttling, ::testing::ValuesIn(kAllClouds), CloudName);

// ---- Every spelling of the service's wish, in a real reply ----

class RetryAfter : public ::testing::Test {
 protected:
  // How long a call waits that is told so once.
  std::chrono::nanoseconds WaitAfter(const std::string& header) {
    std::atomic<int> requests{0};
    LoopbackServer server([&](LoopbackServer::Connection& c) {
      while (c.ReadRequest()) {
        c.Send(++requests == 1 ? "HTTP/1.1 503 Busy\r\nx-ms-error-code: ServerBusy\r\n" + header +
                                     "\r\nContent-Length: 0\r\n\r\n"
                               : "HTTP/1.1 404 Not Found\r\nx-ms-error-code: BlobNotFound\r\n"
                                 "Content-Length: 0\r\n\r\n");
      }
    });
    CurlTransport curl{skybridge::testing::MachineClock()};
    const auto base = Must(azure::OpenStore({.account = "account",
                                             .container = "lake",
                                             .dfs_endpoint = server.Url("/account"),
                                             .blob_endpoint = server.Url("/account"),
                                             .hierarchical = true,
                                             .credential = Must(azure::SharedKeyCredential::Make(
                                                 "account", localcloud::kAzureEmulatorKey))},
                                            curl, clock_, {}));
    EndpointState endpoint;
    RetryingStore store(*base, endpoint, clock_);
    const auto slept = clock_.slept();
    const auto head = store.Head(ObjectKey("file"), {.deadline = clock_.Now() + seconds(1000)});
    EXPECT_EQ(head.error().code, ErrorCode::kNotFound);
    EXPECT_EQ(requests, 2);
    return clock_.slept() - slept;
  }
  static void ExpectAbout(std::chrono::nanoseconds waited, seconds wish) {
    EXPECT_GE(waited, wish - seconds(2));
    EXPECT_LE(waited, wish + seconds(2));
  }

  SleeplessClock clock_;
};

TEST_F(RetryAfter, MayBeSeconds) { ExpectAbout(WaitAfter("Retry-After: 40"), seconds(40)); }
TEST_F(RetryAfter, MayBeADate) {
  ExpectAbout(WaitAfter("Retry-After: " + FormatHttpDate(clock_.WallNow() + seconds(40))),
              seconds(40));
}
TEST_F(RetryAfter, MayBeMilliseconds) {
  ExpectAbout(WaitAfter("x-ms-retry-after-ms: 40000"), seconds(40));
}
TEST_F(RetryAfter, IsBelievedUpToTenMinutes) {
  ExpectAbout(WaitAfter("Retry-After: 86400"), seconds(600));
  ExpectAbout(WaitAfter("Retry-After: Fri, 31 Dec 2100 23:59:59 GMT"), seconds(600));
}
TEST_F(RetryAfter, ThatMakesNoSenseIsIgnored) {
  for (const char* wish : {"soon", "-1", "", "1.5"})
    EXPECT_LT(WaitAfter(std::string("Retry-After: ") + wish), seconds(2)) << wish;
}

}  // namespace
}  // namespace skybridge::testing
