// A service that takes connections and says nothing, in real time: known after `unreachable_after`,
// then every call ends soon, until it answers again.
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "backends/azure/open_store.h"
#include "backends/azure/shared_key.h"
#include "backends/http/curl_transport.h"
#include "backends/retrying_store.h"
#include "tests/faults/faulty_cloud.h"
#include "tests/localcloud/azure_service.h"
#include "tests/support/loopback_server.h"
#include "tests/support/machine_clock.h"

namespace skybridge::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SilentService : public ::testing::Test {
 protected:
  SilentService() {
    store_ = Must(azure::OpenStore({.account = "account",
                                    .container = "lake",
                                    .dfs_endpoint = server_.Url("/account"),
                                    .blob_endpoint = server_.Url("/account"),
                                    .hierarchical = true,
                                    .credential = Must(azure::SharedKeyCredential::Make(
                                        "account", localcloud::kAzureEmulatorKey))},
                                   transport_, MachineClock(), {}));
    retrying_ = std::make_unique<RetryingStore>(*store_, endpoint_, MachineClock(),
                                                RetryPolicy{.unreachable_after = seconds(2)});
  }
  ~SilentService() override { mute_ = false; }

  Result<ObjectInfo> Head() {
    return retrying_->Head(ObjectKey("file"), {.deadline = MachineClock().Now() + seconds(60)});
  }

  std::atomic<bool> mute_ = false;
  LoopbackServer server_{[this](LoopbackServer::Connection& c) {
    while (c.ReadRequest()) {
      while (mute_) std::this_thread::sleep_for(milliseconds(10));
      c.Send(
          "HTTP/1.1 404 Not Found\r\nx-ms-error-code: BlobNotFound\r\nx-ms-request-id: 1\r\n"
          "Content-Length: 0\r\n\r\n");
    }
  }};
  CurlTransport transport_{MachineClock()};
  EndpointState endpoint_;
  std::unique_ptr<ObjectStore> store_;
  std::unique_ptr<RetryingStore> retrying_;
};

TEST_F(SilentService, IsKnownToAllCallersAndRecovers) {
  EXPECT_EQ(Head().error().code, ErrorCode::kNotFound);
  mute_ = true;
  std::atomic<int> unreachable{0};
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back([&] {
        const auto head = Head();
        if (!head && head.error().code == ErrorCode::kUnreachable) ++unreachable;
      });
    }
  }
  EXPECT_EQ(unreachable, 8);
  const MonotonicTime start = MachineClock().Now();
  EXPECT_EQ(Head().error().code, ErrorCode::kUnreachable);
  // Well below its own time of a minute, on a busy machine too.
  EXPECT_LT(MachineClock().Now() - start, seconds(20));
  mute_ = false;
  while (Head().error().code == ErrorCode::kUnreachable) {
  }
  EXPECT_EQ(Head().error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace skybridge::testing
