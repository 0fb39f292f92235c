// Tokens of an instance principal that end while many threads upload parts of one object.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "backends/http/counting_transport.h"
#include "backends/http/curl_transport.h"
#include "backends/oci/instance_principal.h"
#include "backends/oci/oci_store.h"
#include "tests/localcloud/oci_service.h"
#include "tests/localcloud/server.h"
#include "tests/support/machine_clock.h"
#include "tests/support/sleepless_clock.h"
#include "tests/unit/backends/oci_token_fixture.h"

namespace skybridge::testing {
namespace {

using std::chrono::minutes;

constexpr minutes kTokenLifetime{20};  // renewed five minutes before its end
constexpr std::uint32_t kThreads = 4;
constexpr std::size_t kPartBytes = 1000;

class OciTokens : public ::testing::Test {
 protected:
  OciTokens() {
    service_ =
        localcloud::OciService::Create(
            *storage_, clock_, {.buckets = {"lake"}, .issuer = {.token_lifetime = kTokenLifetime}})
            .value();
    server_ = localcloud::Server::Start(*service_, clock_).value();
    variables_["OCI_METADATA_BASE_URL"] = server_->url() + "/opc/v2";
    store_ =
        oci::MakeOciStore({.endpoint = server_->url(), .region = "us-ashburn-1", .bucket = "lake"},
                          transport_,
                          oci::MakeInstancePrincipal(
                              {.federation_endpoint = server_->url(), .environment = environment_},
                              transport_, clock_),
                          clock_)
            .value();
  }

  // One part of each thread at once. Time stands still meanwhile: a token that is valid when a
  // request is signed is so when it arrives.
  std::vector<PartReceipt> UploadRound(const UploadId& upload, std::uint32_t first_part) {
    std::vector<PartReceipt> receipts(kThreads);
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        const std::uint32_t number = first_part + i;
        auto receipt = store_->UploadPart({.upload = upload,
                                           .key = key_,
                                           .part_number = number,
                                           .offset_bytes = (number - 1) * kPartBytes,
                                           .body = AsBytes(body_)},
                                          {});
        ASSERT_TRUE(receipt) << receipt.error().ToString();
        receipts[i] = *std::move(receipt);
      });
    }
    threads.clear();
    return receipts;
  }

  const ObjectKey key_{"long"};
  const std::string body_ = std::string(kPartBytes, 'x');
  SleeplessClock clock_;
  std::unique_ptr<localcloud::Storage> storage_ = localcloud::MakeMemoryStorage();
  std::unique_ptr<localcloud::OciService> service_;
  std::unique_ptr<localcloud::Server> server_;
  std::map<std::string, std::string> variables_;
  const oci::Environment environment_ = oci::testing::EnvironmentOf(variables_);
  CurlTransport curl_{skybridge::testing::MachineClock()};
  CountingTransport transport_{curl_};
  std::unique_ptr<ObjectStore> store_;
};

// An hour, a token each quarter of one: at the begin, and after 15, 30, 45 and 60 minutes.
TEST_F(OciTokens, ExpireDuringALongUploadOfManyThreadsWithoutAFailedRequest) {
  const auto upload = store_->StartUpload({.key = key_}, {});
  ASSERT_TRUE(upload) << upload.error().ToString();
  std::vector<PartReceipt> parts;
  for (int minute = 1; minute <= 60; ++minute) {
    clock_.Advance(minutes(1));
    for (PartReceipt& receipt : UploadRound(*upload, static_cast<std::uint32_t>(parts.size()) + 1))
      parts.push_back(std::move(receipt));
  }
  const auto whole = store_->CommitUpload({.upload = *upload, .key = key_, .parts = parts}, {});
  ASSERT_TRUE(whole) << whole.error().ToString();
  EXPECT_EQ(whole->size_bytes, kPartBytes * kThreads * 60);

  const RequestSnapshot counts = transport_.Snapshot();
  EXPECT_EQ(counts.at("oci.federate").requests, 5U) << "one for all threads each time";
  EXPECT_EQ(counts.at("oci.upload_part").requests, 60U * kThreads);
  for (const auto& [operation, count] : counts) {
    EXPECT_EQ(count.replies[2], count.requests) << operation;
  }
}

// The machine slept: the token is over for all threads at once.
TEST_F(OciTokens, ThatAreOverForAllThreadsAtOnceAreFetchedOnce) {
  const auto upload = store_->StartUpload({.key = key_}, {});
  ASSERT_TRUE(upload) << upload.error().ToString();
  clock_.Advance(std::chrono::hours(3));
  UploadRound(*upload, 1);
  const RequestSnapshot counts = transport_.Snapshot();
  EXPECT_EQ(counts.at("oci.federate").requests, 2U);
  EXPECT_EQ(counts.at("oci.upload_part").replies[2], kThreads);
  EXPECT_EQ(counts.at("oci.upload_part").requests, kThreads);
}

}  // namespace
}  // namespace skybridge::testing
