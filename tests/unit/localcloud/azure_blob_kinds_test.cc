// Append blobs and snapshots, in an account without a hierarchical namespace.
#include <gtest/gtest.h>

#include "core/digest.h"
#include "core/encoding.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/localcloud/azure_caller.h"

namespace skybridge::localcloud::testing {
namespace {

class AzureBlobKinds : public ::testing::Test {
 protected:
  Response Send(const std::string& method, const std::string& target, CallOptions options = {}) {
    options.account = kAzureEmulatorAccount;
    return caller_.Send(method, target, std::move(options));
  }
  Response Make(const std::string& type, const std::string& body = "") {
    return Send("PUT", "/box/b", {.body = body, .headers = {{"x-ms-blob-type", type}}});
  }
  Response Append(const std::string& body, HeaderList headers = {}) {
    return Send("PUT", "/box/b?comp=appendblock", {.body = body, .headers = std::move(headers)});
  }
  std::string Snap(HeaderList headers = {}) {
    const Response response = Send("PUT", "/box/b?comp=snapshot", {.headers = std::move(headers)});
    EXPECT_EQ(response.status, 201) << response.body;
    return std::string(response.headers.Get("x-ms-snapshot"));
  }
  std::string ReadAt(const std::string& time) {
    const Response response = Send("GET", "/box/b?snapshot=" + PercentEncode(time));
    return response.status == 200 ? BodyOf(response) : CodeOf(response);
  }
  std::string List(const std::string& query) {
    return Send("GET", "/box?restype=container&comp=list" + query).body;
  }

  skybridge::testing::TempDirectory directory_;
  AzureCaller caller_{directory_.path()};
};

TEST_F(AzureBlobKinds, AppendsBlocksAtTheEnd) {
  EXPECT_EQ(Make("AppendBlob").status, 201);
  const Response first = Append("one ");
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(first.headers.Get("x-ms-blob-append-offset"), "0");
  EXPECT_EQ(first.headers.Get("x-ms-content-crc64"), EncodeCrc64(Crc64Nvme(AsBytes("one "))));
  const Response second = Append("two");
  EXPECT_EQ(second.headers.Get("x-ms-blob-append-offset"), "4");
  EXPECT_EQ(second.headers.Get("x-ms-blob-committed-block-count"), "2");
  EXPECT_NE(second.headers.Get("ETag"), first.headers.Get("ETag"));
  EXPECT_EQ(BodyOf(Send("GET", "/box/b")), "one two");
  const Response head = Send("HEAD", "/box/b");
  EXPECT_EQ(head.headers.Get("x-ms-blob-type"), "AppendBlob");
  EXPECT_EQ(head.headers.Get("x-ms-blob-committed-block-count"), "2");
  EXPECT_EQ(head.headers.Find("x-ms-access-tier"), nullptr);
  EXPECT_NE(List("").find("<BlobType>AppendBlob</BlobType>"), std::string::npos);
}

TEST_F(AzureBlobKinds, KeepsTheConditionsOfAnAppend) {
  Make("AppendBlob");
  const std::string etag(Append("four").headers.Get("ETag"));
  EXPECT_EQ(CodeOf(Append("x", {{"x-ms-blob-condition-appendpos", "3"}})),
            "AppendPositionConditionNotMet");
  EXPECT_EQ(CodeOf(Append("xy", {{"x-ms-blob-condition-maxsize", "5"}})),
            "MaxBlobSizeConditionNotMet");
  EXPECT_EQ(CodeOf(Append("x", {{"If-Match", "\"0x1\""}})), "ConditionNotMet");
  EXPECT_EQ(Append("x", {{"x-ms-blob-condition-appendpos", "4"},
                         {"x-ms-blob-condition-maxsize", "5"},
                         {"If-Match", etag}})
                .status,
            201);
  EXPECT_EQ(CodeOf(Append("")), "InvalidHeaderValue");
}

TEST_F(AzureBlobKinds, TakesNoMoreOnceSealed) {
  Make("AppendBlob");
  Append("x");
  EXPECT_EQ(Send("PUT", "/box/b?comp=seal").headers.Get("x-ms-blob-sealed"), "true");
  EXPECT_EQ(CodeOf(Append("y")), "BlobIsSealed");
  EXPECT_EQ(Send("HEAD", "/box/b").headers.Get("x-ms-blob-sealed"), "true");
  EXPECT_NE(List("").find("<Sealed>true</Sealed>"), std::string::npos);
}

TEST_F(AzureBlobKinds, DoesNotMixAppendsAndBlocks) {
  Make("AppendBlob");
  EXPECT_EQ(CodeOf(Send("PUT", "/box/b?comp=block&blockid=MQ%3D%3D", {.body = "x"})),
            "InvalidBlobType");
  EXPECT_EQ(Make("BlockBlob", "whole").status, 201) << "made anew";
  EXPECT_EQ(CodeOf(Append("x")), "InvalidBlobType");
  EXPECT_EQ(CodeOf(Make("AppendBlob", "bytes")), "InvalidHeaderValue");
}

TEST_F(AzureBlobKinds, ReadsASnapshotAsTheBlobWas) {
  const std::string etag(Make("BlockBlob", "old").headers.Get("ETag"));
  const std::string time = Snap({{"x-ms-meta-why", "test"}});
  EXPECT_EQ(time.size(), std::string("2026-01-05T10:20:30.0000000Z").size());
  Make("BlockBlob", "new");
  EXPECT_EQ(ReadAt(time), "old");
  const Response head = Send("HEAD", "/box/b?snapshot=" + PercentEncode(time));
  EXPECT_EQ(head.headers.Get("ETag"), etag);
  EXPECT_EQ(head.headers.Get("x-ms-meta-why"), "test");
  EXPECT_EQ(head.headers.Find("x-ms-lease-state"), nullptr);
  EXPECT_EQ(BodyOf(Send("GET", "/box/b")), "new");
  EXPECT_EQ(ReadAt("2020-01-01T00:00:00.0000000Z"), "BlobNotFound");
}

TEST_F(AzureBlobKinds, ListsSnapshotsBeforeTheirBlobWhenAsked) {
  Make("BlockBlob", "1");
  const std::string first = Snap();
  const std::string second = Snap();
  EXPECT_LT(first, second) << "though the clock stands";
  EXPECT_EQ(List("").find("<Snapshot>"), std::string::npos);
  const std::string body = List("&include=snapshots");
  const std::size_t one = body.find("<Name>b</Name><Snapshot>" + first + "</Snapshot>");
  const std::size_t two = body.find("<Name>b</Name><Snapshot>" + second + "</Snapshot>");
  const std::size_t base = body.find("<Name>b</Name><Properties>");
  EXPECT_LT(one, two);
  EXPECT_LT(two, base);
  EXPECT_NE(base, std::string::npos);
}

TEST_F(AzureBlobKinds, DeletesABlobOnlyWithAWordAboutItsSnapshots) {
  Make("BlockBlob", "1");
  const std::string first = Snap();
  const std::string second = Snap();
  EXPECT_EQ(CodeOf(Send("DELETE", "/box/b")), "SnapshotsPresent");
  EXPECT_EQ(Send("DELETE", "/box/b?snapshot=" + PercentEncode(first)).status, 202);
  EXPECT_EQ(ReadAt(first), "BlobNotFound");
  EXPECT_EQ(ReadAt(second), "1");
  EXPECT_EQ(Send("DELETE", "/box/b", {.headers = {{"x-ms-delete-snapshots", "only"}}}).status, 202);
  EXPECT_EQ(BodyOf(Send("GET", "/box/b")), "1");
  Snap();
  EXPECT_EQ(Send("DELETE", "/box/b", {.headers = {{"x-ms-delete-snapshots", "include"}}}).status,
            202);
  EXPECT_EQ(Send("GET", "/box/b").status, 404);
}

TEST_F(AzureBlobKinds, WritesNothingToASnapshot) {
  Make("BlockBlob", "1");
  const std::string at = "/box/b?snapshot=" + PercentEncode(Snap());
  EXPECT_EQ(CodeOf(Send("PUT", at, {.body = "x", .headers = {{"x-ms-blob-type", "BlockBlob"}}})),
            "InvalidQueryParameterValue");
  EXPECT_EQ(CodeOf(Send("PUT", at + "&comp=metadata")), "InvalidQueryParameterValue");
}

TEST_F(AzureBlobKinds, CopiesASnapshotBack) {
  Make("BlockBlob", "old");
  const std::string time = Snap();
  Make("BlockBlob", "new");
  const std::string source = "http://127.0.0.1:10000/devstoreaccount1/box/b?snapshot=" + time;
  EXPECT_EQ(Send("PUT", "/box/b", {.headers = {{"x-ms-copy-source", source}}}).status, 202);
  EXPECT_EQ(BodyOf(Send("GET", "/box/b")), "old");
}

TEST_F(AzureBlobKinds, SurviveARestart) {
  Make("AppendBlob");
  Append("one ");
  const std::string time = Snap();
  Append("two");
  Send("PUT", "/box/b?comp=seal");
  caller_.Restart();
  EXPECT_EQ(BodyOf(Send("GET", "/box/b")), "one two");
  EXPECT_EQ(CodeOf(Append("x")), "BlobIsSealed");
  EXPECT_EQ(ReadAt(time), "one ");
  EXPECT_EQ(Send("DELETE", "/box/b", {.headers = {{"x-ms-delete-snapshots", "include"}}}).status,
            202);
  caller_.Restart();
  EXPECT_EQ(ReadAt(time), "BlobNotFound");
}

TEST(AzureSnapshots, AreNotKeptWhereDirectoriesAreReal) {
  AzureCaller caller;
  caller.CreateFile("f", "x");
  EXPECT_EQ(CodeOf(caller.Send("PUT", "/fs/f?comp=snapshot")),
            "FeatureNotYetSupportedForHierarchicalNamespaceAccounts");
}

}  // namespace
}  // namespace skybridge::localcloud::testing
