// Objects of the OCI double: put, get, head, delete, conditions, digests, ranges.
#include <gtest/gtest.h>

#include "core/digest.h"
#include "core/encoding.h"
#include "tests/unit/localcloud/oci_caller.h"

namespace skybridge::localcloud {
namespace {

constexpr char kObjects[] = "/n/localnamespace/b/lake/o/";

class OciObjects : public ::testing::Test {
 protected:
  Response Put(const std::string& name, std::string body, const OciCaller::Headers& headers = {}) {
    return caller_.Call("PUT", kObjects + name, std::move(body), headers);
  }
  Response Get(const std::string& name, const OciCaller::Headers& headers = {}) {
    return caller_.Call("GET", kObjects + name, {}, headers);
  }

  OciCaller caller_{OciServiceOptions{.buckets = {"lake"}}};
};

TEST_F(OciObjects, GivesBackWhatWasPut) {
  const Response put = Put(
      "dir%2Ffile%20%C3%A9%2B1.txt", "hello world",
      {{"Content-Type", "text/plain"}, {"opc-meta-Mtime", "1.5"}, {"cache-control", "no-store"}});
  ASSERT_EQ(put.status, 200);
  EXPECT_EQ(put.headers.Get("opc-content-md5"), "XrY7u+Ae7tCTyyK7j1rNww==");
  EXPECT_EQ(put.headers.Get("last-modified"), "Mon, 05 Jan 2026 10:20:30 GMT");
  const Response get = Get("dir/file%20%C3%A9+1.txt");  // the same name, encoded by another client
  ASSERT_EQ(get.status, 200);
  EXPECT_EQ(BodyOf(get), "hello world");
  EXPECT_EQ(get.headers.Get("etag"), put.headers.Get("etag"));
  EXPECT_EQ(get.headers.Get("version-id"), put.headers.Get("version-id"));
  EXPECT_EQ(get.headers.Get("content-type"), "text/plain");
  EXPECT_EQ(get.headers.Get("content-md5"), "XrY7u+Ae7tCTyyK7j1rNww==");
  EXPECT_EQ(get.headers.Get("opc-meta-mtime"), "1.5");
  EXPECT_EQ(get.headers.Get("cache-control"), "no-store");
  EXPECT_EQ(get.headers.Get("storage-tier"), "Standard");
  EXPECT_EQ(get.headers.Get("accept-ranges"), "bytes");
  EXPECT_EQ(get.headers.Get("x-api-id"), "native");
  EXPECT_FALSE(get.headers.Get("opc-request-id").empty());
}

TEST_F(OciObjects, CountsEachOperationUnderItsName) {
  EXPECT_EQ(Put("a", "1").operation, "oci.put_object");
  EXPECT_EQ(Get("a").operation, "oci.get_object");
  EXPECT_EQ(caller_.Call("HEAD", std::string(kObjects) + "a").operation, "oci.head_object");
  EXPECT_EQ(caller_.Call("DELETE", std::string(kObjects) + "a").operation, "oci.delete_object");
}

TEST_F(OciObjects, MintsAnUnquotedETagForEveryWrite) {
  const std::string first(Put("a", "same").headers.Get("etag"));
  const std::string second(Put("a", "same").headers.Get("etag"));
  EXPECT_NE(first, second);
  EXPECT_EQ(first.size(), 36U);
  EXPECT_EQ(first.find('"'), std::string::npos);
}

TEST_F(OciObjects, ReadsRanges) {
  Put("a", "0123456789");
  const auto range = [&](const std::string& value) { return Get("a", {{"range", value}}); };
  EXPECT_EQ(BodyOf(range("bytes=2-4")), "234");
  EXPECT_EQ(range("bytes=2-4").status, 206);
  EXPECT_EQ(range("bytes=2-4").headers.Get("content-range"), "bytes 2-4/10");
  EXPECT_EQ(BodyOf(range("bytes=7-")), "789");
  EXPECT_EQ(BodyOf(range("bytes=7-99")), "789");
  EXPECT_EQ(BodyOf(range("bytes=-3")), "789");
  EXPECT_EQ(BodyOf(range("bytes=-99")), "0123456789");
}

TEST_F(OciObjects, RefusesRangesThatCannotBeRead) {
  Put("a", "0123456789");
  Put("empty", "");
  for (const std::string range :
       {"bytes=10-", "bytes=10-12", "bytes=4-2", "bytes=-0", "bytes=1-x", "bytes=-"}) {
    const Response response = Get("a", {{"range", range}});
    EXPECT_EQ(response.status, 416) << range;
    EXPECT_EQ(CodeOf(response), "InvalidRange") << range;
    EXPECT_EQ(response.headers.Get("content-range"), "bytes */10") << range;
  }
  EXPECT_EQ(Get("empty", {{"range", "bytes=0-0"}}).status, 416);
}

TEST_F(OciObjects, HonoursReadConditions) {
  const std::string etag(Put("a", "1").headers.Get("etag"));
  EXPECT_EQ(Get("a", {{"if-match", etag}}).status, 200);
  EXPECT_EQ(CodeOf(Get("a", {{"if-match", "other"}})), "IfMatchFailed");
  EXPECT_EQ(Get("a", {{"if-none-match", "other"}}).status, 200);
  const Response same = Get("a", {{"if-none-match", etag}});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.headers.Get("etag"), etag);
  EXPECT_EQ(BodyOf(same), "");
}

TEST_F(OciObjects, HonoursWriteConditions) {
  const std::string etag(Put("a", "1", {{"if-none-match", "*"}}).headers.Get("etag"));
  const Response again = Put("a", "2", {{"if-none-match", "*"}});
  EXPECT_EQ(again.status, 412);
  EXPECT_EQ(CodeOf(again), "IfNoneMatchFailed");
  EXPECT_EQ(CodeOf(Put("a", "2", {{"if-match", "other"}})), "IfMatchFailed");
  EXPECT_EQ(CodeOf(Put("missing", "2", {{"if-match", etag}})), "IfMatchFailed");
  EXPECT_EQ(CodeOf(Put("a", "2", {{"if-none-match", etag}})), "IfNoneMatchDisallowed");
  EXPECT_EQ(BodyOf(Get("a")), "1");
  EXPECT_EQ(Put("a", "2", {{"if-match", "\"" + etag + "\""}}).status, 200);
  EXPECT_EQ(BodyOf(Get("a")), "2");
}

TEST_F(OciObjects, DeletesOnlyTheVersionThatIsMeant) {
  const std::string etag(Put("a", "1").headers.Get("etag"));
  const std::string target = std::string(kObjects) + "a";
  EXPECT_EQ(CodeOf(caller_.Call("DELETE", target, {}, {{"if-match", "other"}})), "IfMatchFailed");
  EXPECT_EQ(caller_.Call("DELETE", target, {}, {{"if-match", etag}}).status, 204);
  EXPECT_EQ(CodeOf(caller_.Call("DELETE", target)), "ObjectNotFound");
}

TEST_F(OciObjects, ChecksContentMd5AndWritesNothingOnAMismatch) {
  const std::string right = Base64Encode(Md5(AsBytes("hello")));
  EXPECT_EQ(Put("a", "hello", {{"content-md5", right}}).status, 200);
  EXPECT_EQ(CodeOf(Put("b", "jello", {{"content-md5", right}})), "UnmatchedContentMD5");
  EXPECT_EQ(CodeOf(Put("b", "hello", {{"content-md5", "abc"}})), "InvalidContentMD5");
  EXPECT_EQ(Get("b").status, 404);
}

TEST_F(OciObjects, ChecksAndStoresTheAdditionalChecksum) {
  const OciCaller::Headers right = {{"opc-checksum-algorithm", "CRC32C"},
                                    {"opc-content-crc32c", "yZRlqg=="}};
  const Response put = Put("a", "hello world", right);
  ASSERT_EQ(put.status, 200);
  EXPECT_EQ(put.headers.Get("opc-content-crc32c"), "yZRlqg==");
  EXPECT_EQ(Get("a").headers.Get("opc-content-crc32c"), "yZRlqg==");
  EXPECT_EQ(CodeOf(Put("b", "jello world", right)), "UnmatchedContentCRC32C");
  EXPECT_EQ(CodeOf(Put("b", "hello world", {{"opc-content-crc32c", "yZRlqg=="}})),
            "InvalidParameter");
  EXPECT_EQ(Put("c", "hello world", {{"opc-checksum-algorithm", "SHA256"}})
                .headers.Get("opc-content-sha256"),
            "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=");
  EXPECT_EQ(CodeOf(Put("c", "1", {{"opc-checksum-algorithm", "MD4"}})), "InvalidParameter");
}

TEST_F(OciObjects, RefusesNamesThatNoObjectCanHave) {
  EXPECT_EQ(Put(std::string(1024, 'x'), "1").status, 200);
  EXPECT_EQ(CodeOf(Put(std::string(1025, 'x'), "1")), "InvalidObjectName");
  for (const std::string name : {"a%0Ab", "a%0Db", "a%00b", "%FF", "%C0%AF", "%ED%A0%80"}) {
    EXPECT_EQ(CodeOf(Put(name, "1")), "InvalidObjectName") << name;
  }
}

TEST_F(OciObjects, TakesNamesThatMeanSomethingElsewhere) {
  for (const std::string name :
       {"%2E%2E", ".", "%2Fa", "a%2F%2Fb", "a%2F", "100%25", "%F0%9F%98%80"}) {
    EXPECT_EQ(Put(name, name).status, 200) << name;
    EXPECT_EQ(BodyOf(Get(name)), name);
  }
}

TEST_F(OciObjects, LimitsMetadata) {
  const std::string most(2000 - std::string("opc-meta-x").size(), 'v');  // names count too
  EXPECT_EQ(Put("a", "1", {{"opc-meta-x", most}}).status, 200);
  EXPECT_EQ(CodeOf(Put("a", "1", {{"opc-meta-x", most + "v"}})), "MetadataTooLarge");
  EXPECT_EQ(CodeOf(Put("a", "1", {{"opc-meta-x", "caf\xC3\xA9"}})), "InvalidMetadata");
}

TEST_F(OciObjects, RefusesWhatItCannotHonour) {
  const Response encrypted = Put("a", "1", {{"Opc-Sse-Customer-Algorithm", "AES256"}});
  EXPECT_EQ(encrypted.status, 501);
  Request chunked = OciCaller::MakeRequest("PUT", std::string(kObjects) + "a", "1");
  chunked.headers.Add("transfer-encoding", "chunked");
  caller_.Sign(chunked, kPlainSignature);
  EXPECT_EQ(caller_.service().Handle(chunked).status, 411);
}

TEST_F(OciObjects, HidesArchivedBytesUntilTheyAreRestored) {
  Put("a", "cold", {{"storage-tier", "Archive"}});
  EXPECT_EQ(caller_.Call("HEAD", std::string(kObjects) + "a").headers.Get("archival-state"),
            "Archived");
  EXPECT_EQ(CodeOf(Get("a")), "NotRestored");
  const std::string restore = "/n/localnamespace/b/lake/actions/restoreObjects";
  EXPECT_EQ(caller_.Call("POST", restore, R"({"objectName":"a","hours":1})").status, 202);
  EXPECT_EQ(BodyOf(Get("a")), "cold");
  EXPECT_EQ(CodeOf(caller_.Call("POST", restore, R"({"objectName":"a"})")), "AlreadyRestored");
  caller_.clock().Advance(std::chrono::hours(2));
  EXPECT_EQ(CodeOf(Get("a")), "NotRestored");
}

TEST_F(OciObjects, NamesTheBucketThatIsMissing) {
  const Response response = caller_.Call("GET", "/n/localnamespace/b/nowhere/o/a");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(CodeOf(response), "BucketNotFound");
  EXPECT_EQ(CodeOf(caller_.Call("GET", "/n/elsewhere/b/lake/o/a")), "NamespaceNotFound");
  EXPECT_EQ(CodeOf(Get("a")), "ObjectNotFound");
  EXPECT_EQ(BodyOf(caller_.Call("HEAD", std::string(kObjects) + "a")), "");
}

TEST_F(OciObjects, TellsAWrongMethodFromAWrongPath) {
  EXPECT_EQ(caller_.Call("PATCH", std::string(kObjects) + "a").status, 405);
  EXPECT_EQ(caller_.Call("GET", "/nothing/here").status, 404);
  EXPECT_EQ(caller_.Call("GET", "/n/localnamespace/b/lake/l").status, 501);
}

TEST_F(OciObjects, SpeaksItsOwnLanguageWhenARuleRefuses) {
  const Request request = OciCaller::MakeRequest("GET", std::string(kObjects) + "a");
  EXPECT_EQ(caller_.service().OperationOf(request), "oci.get_object");
  const Response refused = caller_.service().Refuse(request, {.status = 429});
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(CodeOf(refused), "TooManyRequests");
  EXPECT_FALSE(refused.headers.Get("opc-request-id").empty());
}

TEST_F(OciObjects, HasACodeOfItsOwnForEachStatusOfARule) {
  const auto code = [&](const char* method, const std::string& target, int status) {
    const Request request = OciCaller::MakeRequest(method, target);
    return CodeOf(caller_.service().Refuse(request, {.status = status}));
  };
  const std::string object = std::string(kObjects) + "a";
  const std::string bucket = "/n/localnamespace/b/lake";
  EXPECT_EQ(code("GET", object, 401), "NotAuthenticated");
  EXPECT_EQ(code("GET", object, 403), "NotAllowed");
  EXPECT_EQ(code("GET", object, 404), "ObjectNotFound");
  EXPECT_EQ(code("GET", bucket + "/o", 404), "BucketNotFound");
  EXPECT_EQ(code("PUT", bucket + "/u/a?uploadId=1&uploadPartNum=1", 404), "UploadNotFound");
  EXPECT_EQ(code("PUT", object, 409), "ConcurrentObjectUpdate");
  EXPECT_EQ(code("POST", bucket, 409), "IncorrectState");
  EXPECT_EQ(code("PUT", object, 412), "IfMatchFailed");
  EXPECT_EQ(code("GET", object, 500), "InternalServerError");
  EXPECT_EQ(code("GET", object, 503), "ServiceUnavailable");
  const Request request = OciCaller::MakeRequest("PUT", object);
  EXPECT_EQ(CodeOf(caller_.service().Refuse(request, {.status = 403, .code = "BucketIsReadonly"})),
            "BucketIsReadonly");
}

}  // namespace
}  // namespace skybridge::localcloud
