#include "backends/oci/requests.h"

#include <gtest/gtest.h>

#include "backends/oci/object_names.h"
#include "backends/oci/replies.h"
#include "core/digest.h"

namespace skybridge::oci {
namespace {

const BucketAddress kBucket{"https://host", "ns", "my_bucket"};

TEST(OciRequests, EncodeTheObjectNameAsOneSegment) {
  EXPECT_EQ(MakeHeadObject(kBucket, "dir/file é+1.txt", std::nullopt).http.url,
            "https://host/n/ns/b/my_bucket/o/dir%2Ffile%20%C3%A9%2B1.txt");
  EXPECT_EQ(MakeHeadObject(kBucket, "..", std::nullopt).http.url,
            "https://host/n/ns/b/my_bucket/o/%2E%2E");
}

TEST(OciRequests, ListingsAlwaysAskForFieldsAndNeverSendAnEmptyDelimiter) {
  const Call all = MakeListObjects(kBucket, {.limit = 5});
  EXPECT_EQ(
      all.http.url,
      "https://host/n/ns/b/my_bucket/o?fields=name%2Csize%2Cetag%2Cmd5%2CtimeModified&limit=5");
  const Call one =
      MakeListObjects(kBucket, {.prefix = "a b/", .start = "a b/c&d", .fold_subdirectories = true});
  EXPECT_EQ(
      one.http.url,
      "https://host/n/ns/b/my_bucket/o?fields=name%2Csize%2Cetag%2Cmd5%2CtimeModified&limit=1000"
      "&prefix=a%20b%2F&start=a%20b%2Fc%26d&delimiter=%2F");
}

TEST(OciRequests, RangesAreInclusiveAndPinned) {
  const Call call = MakeGetObject(kBucket, "a", {10, 5}, ETag("v1"));
  EXPECT_EQ(call.http.headers.Get("range"), "bytes=10-14");
  EXPECT_EQ(call.http.headers.Get("if-match"), "v1");
}

TEST(OciRequests, PutSendsChecksumMetadataAndConditions) {
  const std::string body = "hello world";
  const Call call = MakePutObject(kBucket, {.name = "a",
                                            .body = AsBytes(body),
                                            .crc32c = Crc32c(AsBytes(body)),
                                            .metadata = {{"mtime", "1.5"}},
                                            .conditions = {.must_not_exist = true}});
  EXPECT_EQ(call.http.method, "PUT");
  EXPECT_EQ(call.signing, SigningProfile::kRawBody);
  EXPECT_EQ(call.http.headers.Get("opc-checksum-algorithm"), "CRC32C");
  EXPECT_EQ(call.http.headers.Get("opc-content-crc32c"), "yZRlqg==");
  EXPECT_EQ(call.http.headers.Get("opc-meta-mtime"), "1.5");
  EXPECT_EQ(call.http.headers.Get("if-none-match"), "*");
  EXPECT_EQ(call.http.headers.Get("content-type"), "application/octet-stream");
}

TEST(OciRequests, RenameCarriesItsConditionsInTheBody) {
  const Call call = MakeRenameObject(kBucket, {.source = "a",
                                               .destination = "b",
                                               .source_if_match = ETag("v1"),
                                               .destination_conditions = {.must_not_exist = true}});
  EXPECT_EQ(call.http.url, "https://host/n/ns/b/my_bucket/actions/renameObject");
  EXPECT_EQ(
      call.json,
      R"({"newName":"b","newObjIfNoneMatchETag":"*","sourceName":"a","srcObjIfMatchETag":"v1"})");
  const Call replace = MakeRenameObject(
      kBucket,
      {.source = "a", .destination = "b", .destination_conditions = {.if_match = ETag("v2")}});
  EXPECT_EQ(replace.json, R"({"newName":"b","newObjIfMatchETag":"v2","sourceName":"a"})");
}

TEST(OciRequests, UploadsNameMetadataWithItsPrefix) {
  const Call create = MakeCreateUpload(
      kBucket,
      {.name = "a/b", .metadata = {{"mode", "0100644"}}, .conditions = {.if_match = ETag("v")}});
  EXPECT_EQ(
      create.json,
      R"({"contentType":"application/octet-stream","metadata":{"opc-meta-mode":"0100644"},"object":"a/b"})");
  EXPECT_EQ(create.http.headers.Get("if-match"), "v");
  const Call typed = MakeCreateUpload(
      kBucket, {.name = "a",
                .metadata = {},
                .stored_headers = {{"content-type", "text/csv"}, {"cache-control", "no-store"}}});
  EXPECT_EQ(typed.json,
            R"({"cacheControl":"no-store","contentType":"text/csv","metadata":{},"object":"a"})");
  EXPECT_EQ(create.http.headers.Get("opc-checksum-algorithm"), "CRC32C");

  const Call part = MakeUploadPart(
      kBucket, {.name = "a/b", .upload_id = "u&1", .part_number = 3, .body = {}, .crc32c = 0});
  EXPECT_EQ(part.http.url, "https://host/n/ns/b/my_bucket/u/a%2Fb?uploadId=u%261&uploadPartNum=3");
  EXPECT_EQ(part.http.headers.Find("if-match"), nullptr);

  const std::vector<PartReceipt> parts = {{.part_number = 1, .tag = "x"},
                                          {.part_number = 2, .tag = "y"}};
  const Call commit = MakeCommitUpload(
      kBucket,
      {.name = "a/b", .upload_id = "u", .parts = parts, .conditions = {.must_not_exist = true}});
  EXPECT_EQ(commit.http.url, "https://host/n/ns/b/my_bucket/u/a%2Fb?uploadId=u");
  EXPECT_EQ(commit.json,
            R"({"partsToCommit":[{"etag":"x","partNum":1},{"etag":"y","partNum":2}]})");
  EXPECT_EQ(commit.http.headers.Get("if-none-match"), "*");
}

TEST(OciRequests, RewritingMetadataPinsBothSides) {
  const Call call = MakeRewriteMetadata(
      kBucket,
      {.name = "a", .region = "us-ashburn-1", .etag = ETag("v"), .metadata = {{"mtime", "1"}}});
  EXPECT_EQ(
      call.json,
      R"({"destinationBucket":"my_bucket","destinationNamespace":"ns","destinationObjectIfMatchETag":"v",)"
      R"("destinationObjectMetadata":{"opc-meta-mtime":"1"},"destinationObjectName":"a",)"
      R"("destinationRegion":"us-ashburn-1","sourceObjectIfMatchETag":"v","sourceObjectName":"a"})");
}

TEST(OciReplies, ListingsAreReadTolerantly) {
  const auto listing = ParseListing(R"({"objects":[
      {"name":"a","size":7,"etag":"v","md5":"XrY7u+Ae7tCTyyK7j1rNww==","timeModified":"2026-01-05T21:31:40.123Z","new":1},
      {"name":"b","size":9,"md5":"4J5P1iZbNhFf49sy35RdhA==-2"}],"prefixes":null,"nextStartWith":null})");
  ASSERT_TRUE(listing);
  ASSERT_EQ(listing->objects.size(), 2U);
  EXPECT_EQ(listing->objects[0].size_bytes, 7U);
  EXPECT_EQ(*listing->objects[0].md5, Md5(AsBytes("hello world")));
  EXPECT_FALSE(listing->objects[1].md5)
      << "the digest of several parts is not an MD5 of the content";
  EXPECT_TRUE(listing->prefixes.empty());
  EXPECT_TRUE(listing->next_start_with.empty());
}

TEST(OciReplies, WhatIsNoListingIsNotAnEmptyOne) {
  for (const char* body : {"", "{}", "[]", "<html/>", R"({"objects":{}})", R"({"objects":[1]})"}) {
    const auto listing = ParseListing(body);
    ASSERT_FALSE(listing) << body;
    EXPECT_EQ(listing.error().code, ErrorCode::kCorrupt);
  }
}

TEST(OciReplies, FactsComeFromHeadersInAnyCase) {
  HttpHeaders headers;
  headers.Add("ETag", "\"v1\"");
  headers.Add("Last-Modified", "Mon, 05 Jan 2026 10:20:30 GMT");
  headers.Add("opc-content-md5", "XrY7u+Ae7tCTyyK7j1rNww==");
  headers.Add("opc-content-crc32c", "yZRlqg==");
  headers.Add("OPC-Meta-Mode", "0100644");
  const ObjectFacts facts = ParseObjectFacts(headers);
  EXPECT_EQ(facts.etag, "v1");
  EXPECT_EQ(facts.digests.crc32c, 0xc99465aaU);
  EXPECT_EQ(*facts.digests.md5, Md5(AsBytes("hello world")));
  EXPECT_EQ(facts.metadata, (std::map<std::string, std::string>{{"mode", "0100644"}}));
}

TEST(OciObjectNames, HideWhatIsNoPath) {
  const Capabilities capabilities;
  const ObjectNames names{ObjectKey("root")};
  EXPECT_EQ(names.Key("root/a/b", capabilities)->path, "a/b");
  for (const char* name :
       {"root/a//b", "root//a", "root/../x", "root/./x", "root/", "other/a", "root/a/"}) {
    EXPECT_FALSE(names.Key(name, capabilities)) << name;
  }
}

TEST(OciObjectNames, RefuseWhatTheServiceRefuses) {
  const Capabilities capabilities;
  EXPECT_TRUE(CheckObjectKey(ObjectKey("ä/日本/🙂 +%&#?"), capabilities));
  for (const char* name :
       {"a\nb", "a\rb", "\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80"}) {
    EXPECT_EQ(CheckObjectKey(ObjectKey(name), capabilities).error().code, ErrorCode::kInvalidName)
        << name;
  }
}

}  // namespace
}  // namespace skybridge::oci
