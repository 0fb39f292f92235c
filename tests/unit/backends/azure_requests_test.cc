// What goes over the wire, exactly: method, encoded URL, headers.
#include <gtest/gtest.h>

#include "backends/azure/blob_requests.h"
#include "backends/azure/dfs_requests.h"
#include "backends/azure/names.h"
#include "core/digest.h"
#include "core/encoding.h"

namespace skybridge::azure {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields FieldsOf(const HttpRequest& request) {
  return {request.headers.begin(), request.headers.end()};
}

constexpr const char* kUrl = "https://a.blob.core.windows.net/c/dir%20one/f%2B1%25.txt";

TEST(AzureRequests, ListOneLevelWithMetadata) {
  const HttpRequest request =
      MakeListBlobsRequest({.container_url = "https://a.blob.core.windows.net/c",
                            .prefix = "dir one/",
                            .marker = "2!a+/b==",
                            .max_results = 7});
  EXPECT_EQ(request.operation, "azure.list_blobs");
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(
      request.url,
      "https://a.blob.core.windows.net/c?restype=container&comp=list&include=metadata&delimiter=%2F"
      "&prefix=dir%20one%2F&marker=2%21a%2B%2Fb%3D%3D&maxresults=7");
}

TEST(AzureRequests, ListEverythingInTheLargestPages) {
  const HttpRequest request =
      MakeListBlobsRequest({.container_url = "https://h/c", .prefix = "", .one_level = false});
  EXPECT_EQ(request.url,
            "https://h/c?restype=container&comp=list&include=metadata&maxresults=5000");
}

TEST(AzureRequests, GetAsksForOneRangeOfOneVersion) {
  const HttpRequest request = MakeGetBlobRequest(
      {.url = kUrl, .range = {.offset_bytes = 10, .length_bytes = 5}, .if_match = ETag("0x1")});
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.url, kUrl);
  EXPECT_EQ(FieldsOf(request), (Fields{{"Range", "bytes=10-14"},
                                       {"x-ms-range-get-content-crc64", "true"},
                                       {"If-Match", "\"0x1\""}}));
}

TEST(AzureRequests, GetAsksForADigestWhereTheServiceGivesOne) {
  const auto names_of = [](std::uint64_t length, Checksum checksum) {
    std::string names;
    for (const auto& [name, value] :
         MakeGetBlobRequest({.url = kUrl, .range = {0, length}, .checksum = checksum}).headers)
      names += name + ' ';
    return names;
  };
  constexpr std::uint64_t kFourMiB = 4 << 20;
  EXPECT_EQ(names_of(kFourMiB, Checksum::kCrc64), "Range x-ms-range-get-content-crc64 ");
  EXPECT_EQ(names_of(kFourMiB, Checksum::kMd5), "Range x-ms-range-get-content-md5 ");
  EXPECT_EQ(names_of(kFourMiB + 1, Checksum::kCrc64), "Range ");
}

TEST(AzureRequests, PutBlobCarriesMetadataConditionsAndCrc64) {
  const HttpRequest request =
      MakePutBlobRequest({.url = kUrl,
                          .body = AsBytes("hello\n"),
                          .metadata = {{"mtime", "2026"}},
                          .conditions = {.if_match = std::nullopt, .must_not_exist = true}});
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(FieldsOf(request), (Fields{{"x-ms-blob-type", "BlockBlob"},
                                       {"Content-Type", "application/octet-stream"},
                                       {"x-ms-content-crc64", "B1ZarUv7Q2o="},
                                       {"x-ms-meta-mtime", "2026"},
                                       {"If-None-Match", "*"}}));
  EXPECT_EQ(request.body.size(), 6U);
}

TEST(AzureRequests, PutBlobSendsContentHeadersAndTierThatItIsGiven) {
  const HttpRequest request = MakePutBlobRequest({.url = kUrl,
                                                  .body = {},
                                                  .metadata = {},
                                                  .content = {.type = "text/csv",
                                                              .encoding = "gzip",
                                                              .language = "de",
                                                              .disposition = "inline",
                                                              .cache_control = "no-store"},
                                                  .tier = "Cool",
                                                  .conditions = {}});
  EXPECT_EQ(request.headers.Get("x-ms-blob-content-type"), "text/csv");
  EXPECT_EQ(request.headers.Get("x-ms-blob-content-encoding"), "gzip");
  EXPECT_EQ(request.headers.Get("x-ms-blob-content-language"), "de");
  EXPECT_EQ(request.headers.Get("x-ms-blob-content-disposition"), "inline");
  EXPECT_EQ(request.headers.Get("x-ms-blob-cache-control"), "no-store");
  EXPECT_EQ(request.headers.Get("x-ms-access-tier"), "Cool");
}

// Set Blob Properties clears what it is not sent.
TEST(AzureRequests, ContentHeadersAreReplacedWithTheDigestThatGoesWithThem) {
  const HttpRequest request = MakeSetBlobPropertiesRequest({.url = kUrl,
                                                            .content = {.encoding = "gzip"},
                                                            .md5 = Md5(AsBytes("x")),
                                                            .if_match = ETag("0x1")});
  EXPECT_EQ(request.url, std::string(kUrl) + "?comp=properties");
  EXPECT_EQ(FieldsOf(request), (Fields{{"x-ms-blob-content-type", "application/octet-stream"},
                                       {"x-ms-blob-content-encoding", "gzip"},
                                       {"x-ms-blob-content-md5", "ndTkYSaMgDT1yFZOFVxnpg=="},
                                       {"If-Match", "\"0x1\""}}));
}

TEST(AzureRequests, ChecksumMayBeMd5) {
  const HttpRequest request = MakeAppendRequest({.url = "https://h/c/f",
                                                 .position_bytes = 8,
                                                 .body = AsBytes("hello"),
                                                 .checksum = Checksum::kMd5});
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.url, "https://h/c/f?action=append&position=8");
  EXPECT_EQ(FieldsOf(request), (Fields{{"Content-Type", "application/octet-stream"},
                                       {"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="}}));
}

TEST(AzureRequests, PutBlockEncodesItsId) {
  const HttpRequest request =
      MakePutBlockRequest({.url = kUrl, .block_id = "YS8+", .body = AsBytes("x")});
  EXPECT_EQ(request.url, std::string(kUrl) + "?comp=block&blockid=YS8%2B");
}

TEST(AzureRequests, PutBlockListNamesTheBlocksInOrder) {
  const std::string xml = MakeBlockListXml({"YQ==", "Yg=="});
  EXPECT_EQ(
      xml,
      "<?xml version=\"1.0\" "
      "encoding=\"utf-8\"?><BlockList><Latest>YQ==</Latest><Latest>Yg==</Latest></BlockList>");
  const HttpRequest request = MakePutBlockListRequest(
      {.url = kUrl, .xml = xml, .metadata = {{"k", "v"}}, .conditions = {.if_match = ETag("0x2")}});
  EXPECT_EQ(request.url, std::string(kUrl) + "?comp=blocklist");
  EXPECT_EQ(FieldsOf(request), (Fields{{"Content-Type", "application/xml"},
                                       {"x-ms-blob-content-type", "application/octet-stream"},
                                       {"x-ms-meta-k", "v"},
                                       {"If-Match", "\"0x2\""}}));
}

TEST(AzureRequests, SetMetadataReplacesAllOfItUnderACondition) {
  const HttpRequest request = MakeSetMetadataRequest(
      {.url = kUrl, .metadata = {{"a", "1"}, {"b", "2"}}, .if_match = ETag("0x3")});
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.url, std::string(kUrl) + "?comp=metadata");
  EXPECT_EQ(FieldsOf(request),
            (Fields{{"x-ms-meta-a", "1"}, {"x-ms-meta-b", "2"}, {"If-Match", "\"0x3\""}}));
}

TEST(AzureRequests, DeleteBlobTakesItsSnapshotsAlong) {
  const HttpRequest request = MakeDeleteBlobRequest(kUrl, std::nullopt);
  EXPECT_EQ(request.method, "DELETE");
  EXPECT_EQ(FieldsOf(request), (Fields{{"x-ms-delete-snapshots", "include"}}));
}

TEST(AzureRequests, CopyNamesTheVersionOfItsSource) {
  const HttpRequest request =
      MakeCopyBlobRequest({.url = kUrl,
                           .source_url = "https://a.blob.core.windows.net/c/old",
                           .source_if_match = ETag("0x4"),
                           .conditions = {.if_match = std::nullopt, .must_not_exist = true}});
  EXPECT_EQ(FieldsOf(request),
            (Fields{{"x-ms-copy-source", "https://a.blob.core.windows.net/c/old"},
                    {"x-ms-source-if-match", "\"0x4\""},
                    {"If-None-Match", "*"}}));
}

TEST(AzureRequests, CreatePathNeverReplacesAndCarriesProperties) {
  const HttpRequest file = MakeCreatePathRequest({.url = "https://h/c/f",
                                                  .kind = NodeKind::kFile,
                                                  .properties = {{"hello", "world"}, {"k", ""}}});
  EXPECT_EQ(file.method, "PUT");
  EXPECT_EQ(file.url, "https://h/c/f?resource=file");
  EXPECT_EQ(FieldsOf(file),
            (Fields{{"If-None-Match", "*"}, {"x-ms-properties", "hello=d29ybGQ=,k="}}));
  EXPECT_EQ(MakeCreatePathRequest(
                {.url = "https://h/c/d", .kind = NodeKind::kDirectory, .properties = {}})
                .url,
            "https://h/c/d?resource=directory");
}

TEST(AzureRequests, FlushClosesTheFileAndDropsWhatIsStagedPastItsEnd) {
  const HttpRequest request = MakeFlushRequest({.url = "https://h/c/f", .size_bytes = 123});
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.url,
            "https://h/c/f?action=flush&position=123&retainUncommittedData=false&close=true");
  EXPECT_TRUE(request.body.empty());
}

TEST(AzureRequests, RenameIsAlwaysInLegacyMode) {
  const HttpRequest request = MakeRenamePathRequest({.url = "https://h/c/new",
                                                     .source = "/c/dir%20one/f%2C1",
                                                     .source_if_match = ETag("0x5"),
                                                     .conditions = {.if_match = ETag("0x6")}});
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.url, "https://h/c/new?mode=legacy");
  EXPECT_EQ(FieldsOf(request), (Fields{{"x-ms-rename-source", "/c/dir%20one/f%2C1"},
                                       {"x-ms-source-if-match", "\"0x5\""},
                                       {"If-Match", "\"0x6\""}}));
}

TEST(AzureRequests, DeleteOfADirectoryNeverRecurses) {
  EXPECT_EQ(MakeDeletePathRequest({.url = "https://h/c/d", .kind = NodeKind::kDirectory}).url,
            "https://h/c/d?recursive=false");
  EXPECT_EQ(MakeDeletePathRequest({.url = "https://h/c/f", .kind = NodeKind::kFile}).url,
            "https://h/c/f");
}

Options MakeOptions(std::string root) {
  return {.account = "a",
          .container = "c",
          .root = std::move(root),
          .dfs_endpoint = "https://a.dfs.core.windows.net",
          .blob_endpoint = "https://a.blob.core.windows.net"};
}

TEST(AzureNames, EncodeEachPartOfAPath) {
  const Names names(MakeOptions(""));
  EXPECT_EQ(names.BlobUrl("dir one/f+1%,#?&.txt"),
            "https://a.blob.core.windows.net/c/dir%20one/f%2B1%25%2C%23%3F%26.txt");
  EXPECT_EQ(names.DfsUrl("\xC3\xA9"), "https://a.dfs.core.windows.net/c/%C3%A9");
  EXPECT_EQ(names.RenameSource("a,b/c"), "/c/a%2Cb/c");
}

TEST(AzureNames, LieBelowTheRootDirectory) {
  const Names names(MakeOptions("lake/raw"));
  EXPECT_EQ(names.BlobName(ObjectKey("x")), "lake/raw/x");
  EXPECT_EQ(names.BlobName(ObjectKey()), "lake/raw");
  EXPECT_EQ(names.ChildPrefix(ObjectKey()), "lake/raw/");
  EXPECT_EQ(names.ChildPrefix(ObjectKey("x")), "lake/raw/x/");
  EXPECT_EQ(names.KeyOf("lake/raw/x/y/"), ObjectKey("x/y"));
  EXPECT_EQ(names.KeyOf("lake/rawer/x"), std::nullopt);
}

TEST(AzureNames, HaveNoKeyWhereAPartIsEmptyOrADot) {
  const Names names(MakeOptions(""));
  EXPECT_EQ(names.KeyOf("a//b"), std::nullopt);
  EXPECT_EQ(names.KeyOf("/a"), std::nullopt);
  EXPECT_EQ(names.KeyOf("a/../b"), std::nullopt);
  EXPECT_EQ(names.KeyOf("a/b"), ObjectKey("a/b"));
}

TEST(AzureNames, RefuseWhatAzureDoesNotKeepAsItIsWritten) {
  const Capabilities capabilities;
  for (const char* path : {"a.", "a./b",
                           "a\x01"
                           "b",
                           "a\x7F", "a/\xE9t\xE9", "d/.skybridge-upload-1", "..", "a//b"}) {
    const Status status = CheckAzureKey(ObjectKey(path), capabilities);
    ASSERT_FALSE(status) << path;
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidName) << path;
  }
  EXPECT_TRUE(CheckAzureKey(ObjectKey(".hidden/a.b c"), capabilities));
}

}  // namespace
}  // namespace skybridge::azure
