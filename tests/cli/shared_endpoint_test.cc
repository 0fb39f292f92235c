// Remotes of one process that talk to the same server back off together.
#include <chrono>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cli/store_factory.h"
#include "core/config.h"
#include "tests/localcloud/azure_service.h"
#include "tests/localcloud/server.h"
#include "tests/localcloud/storage.h"
#include "tests/support/sleepless_clock.h"

namespace skybridge::cli {
namespace {

using localcloud::Fault;
using std::chrono::seconds;

// A local cloud with two containers in one account.
struct Cloud {
  explicit Cloud(const Clock& clock)
      : service(localcloud::AzureService::Make({.accounts = {{.name = account,
                                                              .key = localcloud::kAzureEmulatorKey,
                                                              .hierarchical = true,
                                                              .containers = {"one", "two"}}}},
                                               *storage, clock)
                    .value()),
        server(localcloud::Server::Start(*service, clock).value()) {}

  std::uint64_t requests() const {
    std::uint64_t all = 0;
    for (const auto& [operation, count] : server->traffic().All()) all += count.requests;
    return all;
  }
  void Break(localcloud::Rule rule) {
    server->rules().Clear();
    server->rules().Add(std::move(rule));
  }

  const std::string account = localcloud::kAzureEmulatorAccount;
  std::unique_ptr<localcloud::Storage> storage = localcloud::MakeMemoryStorage();
  std::unique_ptr<localcloud::AzureService> service;
  std::unique_ptr<localcloud::Server> server;
};

class SharedEndpoint : public ::testing::Test {
 protected:
  std::unique_ptr<OpenStore> Open(const Cloud& cloud, const std::string& container,
                                  seconds time = seconds(300)) {
    const Config config = ParseConfig(fmt::format(R"({{"remotes": {{"{0}": {{
                                     "uri": "abfss://{0}@{1}.dfs.core.windows.net/",
                                     "endpoint": "{2}/{1}",
                                     "auth": {{"type": "shared_key", "account_key": "{3}"}}}}}}}})",
                                                  container, cloud.account, cloud.server->url(),
                                                  localcloud::kAzureEmulatorKey),
                                      {.file = "config.json", .literals_allowed = true})
                              .value();
    auto store = stores_.Open(config.remotes.at(container), {.deadline = clock_.Now() + time});
    if (!store && time > seconds(5)) ADD_FAILURE() << store.error().message;
    if (!store) return nullptr;
    return *std::move(store);
  }
  // A call that is one request.
  ErrorCode Head(OpenStore& remote, seconds time = seconds(300)) {
    const auto head = remote.store().Head(ObjectKey("none"), {.deadline = clock_.Now() + time});
    return head.error().code;
  }

  testing::SleeplessClock clock_;
  const MapEnvironment environment_{{}};
  StoreFactory stores_{environment_, clock_};
  Cloud cloud_{clock_};
};

TEST_F(SharedEndpoint, APauseIsKeptByAllRemotesOfTheAccount) {
  const auto one = Open(cloud_, "one");
  const auto two = Open(cloud_, "two");
  const std::uint64_t before = cloud_.requests();
  cloud_.Break({.count = 1, .fault = Fault::kStatus, .status = 503, .retry_after = seconds(20)});
  EXPECT_EQ(Head(*one, seconds(5)), ErrorCode::kThrottled);
  EXPECT_EQ(Head(*two, seconds(5)), ErrorCode::kThrottled) << "it would have to ask too early";
  EXPECT_EQ(cloud_.requests() - before, 1U);
  const auto slept = clock_.slept();
  EXPECT_EQ(Head(*two), ErrorCode::kNotFound);
  EXPECT_GE(clock_.slept() - slept, seconds(15));
  EXPECT_EQ(cloud_.requests() - before, 2U);
}

TEST_F(SharedEndpoint, APauseIsKeptByRemotesThatAreOpened) {
  const auto one = Open(cloud_, "one");
  cloud_.Break({.count = 1, .fault = Fault::kStatus, .status = 503, .retry_after = seconds(20)});
  EXPECT_EQ(Head(*one, seconds(5)), ErrorCode::kThrottled);
  const std::uint64_t before = cloud_.requests();
  EXPECT_EQ(Open(cloud_, "two", seconds(5)), nullptr);
  EXPECT_EQ(cloud_.requests(), before);
  const auto slept = clock_.slept();
  EXPECT_NE(Open(cloud_, "two"), nullptr);
  EXPECT_GE(clock_.slept() - slept, seconds(15));
}

TEST_F(SharedEndpoint, ARemoteThatIsRefusedWhileItIsOpenedPausesTheOthers) {
  const auto one = Open(cloud_, "one");
  cloud_.Break({.count = 1, .fault = Fault::kStatus, .status = 503, .retry_after = seconds(20)});
  EXPECT_EQ(Open(cloud_, "two", seconds(5)), nullptr);
  EXPECT_EQ(Head(*one, seconds(5)), ErrorCode::kThrottled);
}

TEST_F(SharedEndpoint, SilenceIsKnownToAllRemotesOfTheAccount) {
  const auto one = Open(cloud_, "one");
  const auto two = Open(cloud_, "two");
  cloud_.server.reset();  // nobody listens any more
  EXPECT_EQ(Head(*one), ErrorCode::kUnreachable);
  clock_.Advance(seconds(10));  // its last try was before the end of its patience
  const auto slept = clock_.slept();
  EXPECT_EQ(Head(*two), ErrorCode::kUnreachable);
  EXPECT_EQ(clock_.slept(), slept) << "at the first try";
}

TEST_F(SharedEndpoint, AnotherServerIsNotConcerned) {
  Cloud other(clock_);
  const auto one = Open(cloud_, "one");
  const auto there = Open(other, "one");
  cloud_.Break({.count = 1, .fault = Fault::kStatus, .status = 503, .retry_after = seconds(20)});
  EXPECT_EQ(Head(*one, seconds(5)), ErrorCode::kThrottled);
  EXPECT_EQ(Head(*there, seconds(5)), ErrorCode::kNotFound);
}

TEST(EndpointRegistry, TakesSchemeHostAndPortForTheServer) {
  EndpointRegistry endpoints;
  const auto state = endpoints.Of("https://contoso.dfs.core.windows.net");
  EXPECT_EQ(endpoints.Of("https://CONTOSO.dfs.core.windows.net:443/"), state);
  EXPECT_EQ(endpoints.Of("https://contoso.dfs.core.windows.net/path?query"), state);
  EXPECT_NE(endpoints.Of("https://contoso.dfs.core.windows.net:8443"), state);
  EXPECT_NE(endpoints.Of("https://fabrikam.dfs.core.windows.net"), state);
}

}  // namespace
}  // namespace skybridge::cli
