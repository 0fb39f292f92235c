// An account whose Blob endpoint nobody answers, though nothing says so (`dfs_only` is not set):
// nothing hangs, what needs DFS alone works, and what needs Blob says so in the end.
#include <chrono>
#include <functional>
#include <string>

#include "backends/azure/open_store.h"
#include "backends/azure/shared_key.h"
#include "tests/faults/faulty_cloud.h"
#include "tests/localcloud/azure_service.h"
#include "tests/support/machine_clock.h"

namespace skybridge::testing {
namespace {

using localcloud::Fault;
using std::chrono::seconds;

class BlobOutOfReach : public ::testing::Test {
 protected:
  BlobOutOfReach() {
    const std::string account = localcloud::kAzureEmulatorAccount;
    base_ =
        Must(azure::OpenStore({.account = account,
                               .container = "lake",
                               .dfs_endpoint = cloud_->server().url() + "/" + account,
                               .blob_endpoint = "http://127.0.0.1:1/" + account,  // nobody listens
                               .credential = Must(azure::SharedKeyCredential::Make(
                                   account, localcloud::kAzureEmulatorKey))},
                              curl_, cloud_->clock(), {}));
    store_ = std::make_unique<RetryingStore>(*base_, endpoint_, cloud_->clock());
    Must(cloud_->other().Put({.key = file_, .body = AsBytes("content")}, cloud_->Context()));
  }

  // Ends soon, as the patience with a silent endpoint says, and not by the call's deadline.
  template <class Call>
  void ExpectUnreachable(Call call) {
    const auto slept = cloud_->clock().slept();
    const auto result = call(cloud_->Context());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kUnreachable) << result.error().ToString();
    EXPECT_LT(cloud_->clock().slept() - slept, seconds(25));
  }

  const ObjectKey file_{"file"};
  const std::unique_ptr<FaultyCloud> cloud_ = FaultyCloud::Start(CloudKind::kAzureHierarchical);
  CurlTransport curl_{skybridge::testing::MachineClock()};
  EndpointState endpoint_;
  std::unique_ptr<ObjectStore> base_;
  std::unique_ptr<RetryingStore> store_;
};

TEST_F(BlobOutOfReach, WhatNeedsDfsAloneWorksUnderFaultsToo) {
  const auto break_next = [&](Fault fault, int status) {
    cloud_->server().rules().Clear();
    cloud_->server().rules().Add(
        {.count = 1, .fault = fault, .status = status, .retry_after = seconds(3)});
  };
  for (const auto& [fault, status] : {std::pair{Fault::kStatus, 503}, {Fault::kResetBefore, 0}}) {
    break_next(fault, status);
    EXPECT_TRUE(store_->MakeDirectory({.key = ObjectKey("dir")}, cloud_->Context()));
    break_next(fault, status);
    const auto upload = store_->StartUpload({.key = ObjectKey("new")}, cloud_->Context());
    ASSERT_TRUE(upload) << upload.error().ToString();
    break_next(fault, status);
    EXPECT_TRUE(store_->UploadPart(
        {.upload = *upload, .key = ObjectKey("new"), .part_number = 1, .body = AsBytes("part")},
        cloud_->Context()));
    break_next(fault, status);
    EXPECT_TRUE(
        store_->AbortUpload({.upload = *upload, .key = ObjectKey("new")}, cloud_->Context()));
    break_next(fault, status);
    EXPECT_TRUE(store_->Delete({.key = file_}, cloud_->Context()));
    // As it was.
    Must(cloud_->other().RemoveDirectory(ObjectKey("dir"), cloud_->Context()));
    Must(cloud_->other().Put({.key = file_, .body = AsBytes("content")}, cloud_->Context()));
  }
}

TEST_F(BlobOutOfReach, WhatNeedsBlobIsUnreachableSoonAndChangesNothing) {
  std::string into(7, '\0');
  ExpectUnreachable([&](const CallContext& c) { return store_->Head(file_, c); });
  ExpectUnreachable([&](const CallContext& c) { return store_->List({}, c); });
  ExpectUnreachable([&](const CallContext& c) {
    return store_->Get({.key = file_, .range = {0, into.size()}},
                       std::as_writable_bytes(std::span(into)), c);
  });
  // A Put asks DFS for the file's permissions first: its answers hide the silence of the Blob host, and
  // the call uses up its attempts.
  EXPECT_FALSE(store_->Put({.key = file_, .body = AsBytes("other")}, cloud_->Context()));
  EXPECT_EQ(cloud_->Read("file"), "content");
}

}  // namespace
}  // namespace skybridge::testing
