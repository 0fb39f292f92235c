// A repeated call that looks for its own earlier work, and whose look fails for a passing reason:
// nothing is concluded, the call is repeated.
#include <gtest/gtest.h>

#include "backends/azure/flat_store.h"
#include "backends/azure/hierarchical_store.h"
#include "tests/unit/backends/azure_store_fixture.h"

namespace skybridge::azure {
namespace {

using testing::FakeClock;
using testing::ScriptedTransport;

template <class Store>
struct Fixture {
  FakeClock clock;
  ScriptedTransport http;
  Store store{StoreOptions(), http, clock};
  const ObjectKey key{"f"};

  // The service refuses a request, and cannot answer what is there instead.
  void RefuseAndFailTheLook(int status, const char* code) {
    http.Answer(status, {{"x-ms-error-code", code}})
        .Answer(500, {{"x-ms-error-code", "InternalError"}});
  }
  CommitUploadRequest Upload() {
    http.Answer(201, {{"ETag", "\"0x1\""}});
    const auto upload = store.StartUpload({.key = key}, {});
    return {.upload = upload.value(), .key = key, .conditions = {.if_match = ETag("0xOLD")}};
  }
};
using Hierarchical = Fixture<HierarchicalStore>;
using Flat = Fixture<FlatStore>;

template <class T>
void ExpectOpen(const Result<T>& result) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable) << result.error().ToString();
  EXPECT_TRUE(result.error().retryable);
}

TEST(FailedLook, LeavesAPutOpen) {
  Hierarchical f;
  const PutRequest put{.key = f.key, .body = AsBytes("x"), .conditions = {.must_not_exist = true}};
  f.RefuseAndFailTheLook(409, "BlobAlreadyExists");
  ExpectOpen(f.store.Put(put, kRetried));
}

TEST(FailedLook, LeavesAFlushOpen) {
  Hierarchical f;
  const CommitUploadRequest commit = f.Upload();
  f.RefuseAndFailTheLook(400, "InvalidFlushPosition");
  ExpectOpen(f.store.CommitUpload(commit, kRetried));
}

TEST(FailedLook, LeavesACommitOpen) {
  Hierarchical f;
  const CommitUploadRequest commit = f.Upload();
  f.http.Answer(200);
  f.RefuseAndFailTheLook(412, "ConditionNotMet");
  ExpectOpen(f.store.CommitUpload(commit, kRetried));
}

TEST(FailedLook, LeavesABlockListOpen) {
  Flat f;
  const auto upload = f.store.StartUpload({.key = f.key}, {});
  ASSERT_TRUE(upload);
  f.RefuseAndFailTheLook(412, "ConditionNotMet");
  ExpectOpen(f.store.CommitUpload(
      {.upload = *upload, .key = f.key, .conditions = {.must_not_exist = true}}, kRetried));
}

TEST(FailedLook, LeavesANewDirectoryOpen) {
  Hierarchical f;
  f.RefuseAndFailTheLook(409, "PathAlreadyExists");
  ExpectOpen(f.store.MakeDirectory({.key = f.key}, kRetried));
}

TEST(FailedLook, LeavesARenameOpen) {
  Hierarchical f;
  f.RefuseAndFailTheLook(404, "SourcePathNotFound");
  ExpectOpen(f.store.Rename({.source = f.key, .destination = ObjectKey("g")}, kRetried));
}

}  // namespace
}  // namespace skybridge::azure
