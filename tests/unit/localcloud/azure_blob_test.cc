// Blobs: what only the Blob protocol has, and where it meets an account with directories.
#include <gtest/gtest.h>

#include "core/digest.h"
#include "core/encoding.h"
#include "tests/unit/localcloud/azure_caller.h"

namespace skybridge::localcloud::testing {
namespace {

class AzureBlob : public ::testing::Test {
 protected:
  Response Send(const std::string& method, const std::string& target, CallOptions options = {}) {
    options.account = kAzureEmulatorAccount;
    return caller_.Send(method, target, std::move(options));
  }
  Response Put(const std::string& name, const std::string& body, HeaderList headers = {}) {
    headers.emplace_back("x-ms-blob-type", "BlockBlob");
    return Send("PUT", "/box/" + name, {.body = body, .headers = std::move(headers)});
  }
  Response PutBlock(const std::string& name, const std::string& id, const std::string& body) {
    return Send("PUT",
                "/box/" + name + "?comp=block&blockid=" + PercentEncode(Base64Encode(AsBytes(id))),
                {.body = body});
  }
  Response PutBlockList(const std::string& name, const std::string& entries) {
    return Send("PUT", "/box/" + name + "?comp=blocklist",
                {.body = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>" + entries +
                         "</BlockList>"});
  }
  static std::string Entry(const std::string& kind, const std::string& id) {
    return "<" + kind + ">" + Base64Encode(AsBytes(id)) + "</" + kind + ">";
  }

  AzureCaller caller_;
};

TEST_F(AzureBlob, StoresTheDigestOfASingleUpload) {
  const std::string md5 = Base64Encode(Md5(AsBytes("hello")));
  EXPECT_EQ(Put("b", "hello").headers.Get("Content-MD5"), md5);
  EXPECT_EQ(Send("HEAD", "/box/b").headers.Get("Content-MD5"), md5);
  const Response ranged = Send("GET", "/box/b", {.headers = {{"x-ms-range", "bytes=1-3"}}});
  EXPECT_EQ(ranged.headers.Get("Content-MD5"), "");
  EXPECT_EQ(ranged.headers.Get("x-ms-blob-content-md5"), md5);
  EXPECT_EQ(CodeOf(Put("b", "hello", {{"Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="}})),
            "Md5Mismatch");
}

TEST_F(AzureBlob, ServesRangesAcrossBlocks) {
  for (const char* id : {"1", "2", "3"})
    EXPECT_EQ(PutBlock("b", id, std::string(4, *id)).status, 201);
  EXPECT_EQ(
      PutBlockList("b", Entry("Latest", "1") + Entry("Latest", "2") + Entry("Latest", "3")).status,
      201);
  const auto range = [&](const std::string& text) {
    return BodyOf(Send("GET", "/box/b", {.headers = {{"Range", text}}}));
  };
  EXPECT_EQ(range("bytes=0-11"), "111122223333");
  EXPECT_EQ(range("bytes=3-4"), "12");
  EXPECT_EQ(range("bytes=4-7"), "2222");
  EXPECT_EQ(range("bytes=7-"), "23333");
  EXPECT_EQ(range("bytes=11-99"), "3");
  const Response beyond = Send("GET", "/box/b", {.headers = {{"Range", "bytes=12-"}}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.headers.Get("Content-Range"), "bytes */12");
}

TEST_F(AzureBlob, PrefersItsOwnRangeHeader) {
  Put("b", "0123456789");
  const HeaderList both{{"Range", "bytes=0-1"}, {"x-ms-range", "bytes=5-6"}};
  const Response response = Send("GET", "/box/b", {.headers = both});
  EXPECT_EQ(response.status, 206);
  EXPECT_EQ(BodyOf(response), "56");
  EXPECT_EQ(response.headers.Get("Content-Range"), "bytes 5-6/10");
}

TEST_F(AzureBlob, RefusesBlockIdsOfDifferentLengths) {
  EXPECT_EQ(PutBlock("b", "one", "x").status, 201);
  EXPECT_EQ(CodeOf(PutBlock("b", "three", "x")), "InvalidBlobOrBlock");
  EXPECT_EQ(PutBlock("b", std::string(65, 'i'), "x").status, 400);
  EXPECT_EQ(PutBlock("b", "two", "").status, 400);
}

TEST_F(AzureBlob, ChoosesBlocksByTheListTheyStandIn) {
  PutBlock("b", "1", "old ");
  PutBlockList("b", Entry("Latest", "1"));
  PutBlock("b", "1", "new ");
  EXPECT_EQ(PutBlockList("b", Entry("Committed", "1") + Entry("Uncommitted", "1")).status, 201);
  EXPECT_EQ(BodyOf(Send("GET", "/box/b")), "old new ");
  EXPECT_EQ(CodeOf(PutBlockList("b", Entry("Uncommitted", "1"))), "InvalidBlockList");
}

TEST_F(AzureBlob, DiscardsUncommittedBlocksWithAWholeUpload) {
  PutBlock("b", "1", "x");
  Put("b", "whole");
  EXPECT_EQ(CodeOf(PutBlockList("b", Entry("Latest", "1"))), "InvalidBlockList");
  EXPECT_EQ(BodyOf(Send("GET", "/box/b")), "whole");
}

TEST_F(AzureBlob, ListsBlocksOfBothKinds) {
  PutBlock("b", "1", "one");
  PutBlockList("b", Entry("Latest", "1"));
  PutBlock("b", "2", "four");
  const Response response = Send("GET", "/box/b?comp=blocklist&blocklisttype=all");
  EXPECT_NE(
      response.body.find(
          "<CommittedBlocks><Block><Name>MQ==</Name><Size>3</Size></Block></CommittedBlocks>"),
      std::string::npos);
  EXPECT_NE(
      response.body.find(
          "<UncommittedBlocks><Block><Name>Mg==</Name><Size>4</Size></Block></UncommittedBlocks>"),
      std::string::npos);
}

TEST_F(AzureBlob, DeletesOneBlobAndNotWhatLooksBelowIt) {
  Put("a", "1");
  Put("a/b", "2");
  EXPECT_EQ(Send("DELETE", "/box/a").status, 202);
  EXPECT_EQ(Send("GET", "/box/a").status, 404);
  EXPECT_EQ(BodyOf(Send("GET", "/box/a/b")), "2");
}

TEST_F(AzureBlob, KeepsMarkersOfDirectoriesApartFromTheirNames) {
  EXPECT_EQ(Put("dir", "", {{"x-ms-meta-hdi_isfolder", "true"}}).status, 201);
  EXPECT_EQ(Put("dir/", "").status, 201);
  EXPECT_EQ(Send("HEAD", "/box/dir").headers.Get("x-ms-meta-hdi_isfolder"), "true");
  EXPECT_EQ(Send("HEAD", "/box/dir/").headers.Get("x-ms-meta-hdi_isfolder"), "");
}

TEST_F(AzureBlob, TakesABlobWithBytesForAFileWhateverItsMarkSays) {
  EXPECT_EQ(Put("marked", "bytes", {{"x-ms-meta-hdi_isfolder", "true"}}).status, 201);
  EXPECT_EQ(Send("HEAD", "/box/marked").headers.Find("x-ms-resource-type"), nullptr);
  const Response listed = Send("GET", "/box?resource=filesystem&recursive=true");
  EXPECT_EQ(listed.body.find("isDirectory"), std::string::npos);
}

TEST_F(AzureBlob, MakesADirectoryOfAMarkerWhereDirectoriesAreReal) {
  const HeaderList marker{{"x-ms-blob-type", "BlockBlob"},
                          {"x-ms-meta-hdi_isfolder", "true"},
                          {"x-ms-meta-mtime", "1"}};
  EXPECT_EQ(caller_.Send("PUT", "/fs/a/dir", {.headers = marker}).status, 201);
  const Response head = caller_.Send("HEAD", "/fs/a/dir");
  EXPECT_EQ(head.headers.Get("x-ms-resource-type"), "directory");
  EXPECT_EQ(head.headers.Get("x-ms-meta-hdi_isfolder"), "true");
  EXPECT_EQ(head.headers.Get("x-ms-meta-mtime"), "1");
  caller_.CreateFile("a/dir/f", "x");
  EXPECT_EQ(CodeOf(caller_.Send("PUT", "/fs/a/dir", {.headers = marker})), "BlobAlreadyExists");
  EXPECT_EQ(CodeOf(caller_.Send("PUT", "/fs/bytes", {.body = "x", .headers = marker})),
            "InvalidHeaderValue");
}

TEST_F(AzureBlob, NeverChangesWhatAPathIsByItsMark) {
  caller_.CreateDirectory("dir");
  caller_.CreateFile("f", "x");
  const auto set = [&](const std::string& path, const std::string& value) {
    return CodeOf(caller_.Send("PUT", "/fs/" + path + "?comp=metadata",
                               {.headers = {{"x-ms-meta-hdi_isfolder", value}}}));
  };
  EXPECT_EQ(set("dir", "true"), "") << "as a client sends back what it was told";
  EXPECT_EQ(set("dir", "false"), "InvalidMetadata");
  EXPECT_EQ(set("f", "true"), "InvalidMetadata");
  EXPECT_EQ(caller_.Send("HEAD", "/fs/dir").headers.Get("x-ms-resource-type"), "directory");
}

TEST_F(AzureBlob, TakesAnEmptyDigestForNone) {
  EXPECT_EQ(Put("b", "x", {{"x-ms-blob-content-md5", ""}}).status, 201);
  EXPECT_EQ(Send("HEAD", "/box/b").headers.Get("Content-MD5"), Base64Encode(Md5(AsBytes("x"))));
  PutBlock("c", "1", "x");
  const std::string list = "<BlockList>" + Entry("Latest", "1") + "</BlockList>";
  EXPECT_EQ(Send("PUT", "/box/c?comp=blocklist",
                 {.body = list, .headers = {{"x-ms-blob-content-md5", ""}}})
                .status,
            201);
  EXPECT_EQ(Send("HEAD", "/box/c").headers.Find("Content-MD5"), nullptr);
}

TEST_F(AzureBlob, AnswersWithADigestOfTheRequestsBody) {
  const Response block = PutBlock("b", "1", "hello");
  EXPECT_EQ(block.headers.Get("x-ms-content-crc64"), EncodeCrc64(Crc64Nvme(AsBytes("hello"))));
  const std::string body = "<BlockList>" + Entry("Latest", "1") + "</BlockList>";
  const Response list = Send("PUT", "/box/b?comp=blocklist", {.body = body});
  EXPECT_EQ(list.headers.Get("x-ms-content-crc64"), EncodeCrc64(Crc64Nvme(AsBytes(body))));
  const std::string md5 = Base64Encode(Md5(AsBytes("x")));
  const Response with_md5 = Send("PUT", "/box/b?comp=block&blockid=Mg%3D%3D",
                                 {.body = "x", .headers = {{"Content-MD5", md5}}});
  EXPECT_EQ(with_md5.headers.Get("Content-MD5"), md5);
  EXPECT_EQ(with_md5.headers.Find("x-ms-content-crc64"), nullptr);
}

TEST_F(AzureBlob, RefusesMetadataOverItsSize) {
  EXPECT_EQ(CodeOf(Put("b", "x", {{"x-ms-meta-big", std::string(9000, 'v')}})), "MetadataTooLarge");
  EXPECT_EQ(CodeOf(Put("b", "x", {{"x-ms-meta-1st", "v"}})), "InvalidMetadata");
}

TEST_F(AzureBlob, AnswersErrorsInXmlWithTheCodeInAHeader) {
  const Response response = Send("GET", "/box/none");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(CodeOf(response), "BlobNotFound");
  EXPECT_EQ(response.headers.Get("Content-Type"), "application/xml");
  EXPECT_TRUE(response.body.starts_with("\xEF\xBB\xBF<?xml"));
  EXPECT_NE(response.body.find("<Error><Code>BlobNotFound</Code><Message>"), std::string::npos);
  EXPECT_EQ(Send("HEAD", "/box/none").body, "");
}

TEST_F(AzureBlob, AnswersNotModifiedWithoutABody) {
  const std::string etag(Put("b", "x").headers.Get("ETag"));
  const Response response = Send("GET", "/box/b", {.headers = {{"If-None-Match", etag}}});
  EXPECT_EQ(response.status, 304);
  EXPECT_EQ(BodyOf(response), "");
}

TEST_F(AzureBlob, ComparesEtagsWithAndWithoutQuotes) {
  const std::string etag(Put("b", "x").headers.Get("ETag"));
  EXPECT_EQ(
      Send("GET", "/box/b", {.headers = {{"If-Match", etag.substr(1, etag.size() - 2)}}}).status,
      200);
  EXPECT_EQ(Put("b", "y", {{"If-Match", "\"0x1\""}}).status, 412);
  EXPECT_EQ(Put("new", "y", {{"If-Match", etag}}).status, 412);
}

TEST_F(AzureBlob, BreaksALeaseWhenItsPeriodIsOver) {
  Put("b", "x");
  const auto lease = [&](HeaderList headers) {
    return Send("PUT", "/box/b?comp=lease", {.headers = std::move(headers)});
  };
  const std::string id(lease({{"x-ms-lease-action", "acquire"}, {"x-ms-lease-duration", "60"}})
                           .headers.Get("x-ms-lease-id"));
  EXPECT_EQ(lease({{"x-ms-lease-action", "break"}, {"x-ms-lease-break-period", "10"}})
                .headers.Get("x-ms-lease-time"),
            "10");
  EXPECT_EQ(CodeOf(Put("b", "y")), "LeaseIdMissing");
  caller_.clock().Advance(std::chrono::seconds(11));
  EXPECT_EQ(Send("HEAD", "/box/b").headers.Get("x-ms-lease-state"), "broken");
  EXPECT_EQ(CodeOf(Put("b", "y", {{"x-ms-lease-id", id}})), "LeaseLost");
  EXPECT_EQ(Put("b", "y").status, 201);
}

TEST_F(AzureBlob, ExpiresAFiniteLease) {
  Put("b", "x");
  Send("PUT", "/box/b?comp=lease",
       {.headers = {{"x-ms-lease-action", "acquire"}, {"x-ms-lease-duration", "15"}}});
  EXPECT_EQ(CodeOf(Put("b", "y")), "LeaseIdMissing");
  caller_.clock().Advance(std::chrono::seconds(16));
  EXPECT_EQ(Put("b", "y").status, 201);
}

TEST_F(AzureBlob, NeedsALengthAndAVersion) {
  Request request = caller_.MakeRequest("PUT", "/box/b", {.account = kAzureEmulatorAccount});
  Request without_length = request;
  without_length.headers = {};
  without_length.headers.Add("x-ms-version", "2023-11-03");
  EXPECT_EQ(caller_.SendRequest(without_length).status, 411);
  EXPECT_EQ(
      CodeOf(Send("GET", "/box?restype=container", {.headers = {{"x-ms-version", "latest"}}})),
      "InvalidHeaderValue");
}

TEST_F(AzureBlob, AnswersOnHostNames) {
  Put("b", "x");
  Request request = caller_.MakeRequest("GET", "", {});
  request.headers.Set("Host", "devstoreaccount1.blob.core.windows.net");
  request.raw_target = request.raw_path = "/box/b";
  caller_.Sign(request, kAzureEmulatorAccount);
  const Response response = caller_.SendRequest(request);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.Find("x-ms-properties"), nullptr);
}

}  // namespace
}  // namespace skybridge::localcloud::testing
