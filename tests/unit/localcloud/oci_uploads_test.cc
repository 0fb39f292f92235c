// Multipart uploads of the OCI double.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "core/encoding.h"
#include "tests/unit/localcloud/oci_caller.h"

namespace skybridge::localcloud {
namespace {

using nlohmann::json;

constexpr char kUploads[] = "/n/localnamespace/b/lake/u";
constexpr char kObject[] = "/n/localnamespace/b/lake/o/big.bin";

class OciUploads : public ::testing::Test {
 protected:
  std::string Create(const OciCaller::Headers& headers = {},
                     json details = {{"object", "big.bin"}}) {
    const Response response = caller_.Call("POST", kUploads, details.dump(), headers);
    EXPECT_EQ(response.status, 200) << response.body;
    return json::parse(response.body).at("uploadId");
  }
  Response Part(const std::string& id, int number, std::string body,
                const OciCaller::Headers& headers = {}) {
    return caller_.Call(
        "PUT", fmt::format("{}/big.bin?uploadId={}&uploadPartNum={}", kUploads, id, number),
        std::move(body), headers);
  }
  std::string PartETag(const std::string& id, int number, std::string body) {
    return std::string(Part(id, number, std::move(body)).headers.Get("etag"));
  }
  Response Commit(const std::string& id, const std::vector<std::pair<int, std::string>>& parts,
                  const std::vector<int>& excluded = {}, const OciCaller::Headers& headers = {}) {
    json body{{"partsToCommit", json::array()}, {"partsToExclude", excluded}};
    for (const auto& [number, etag] : parts)
      body["partsToCommit"].push_back({{"partNum", number}, {"etag", etag}});
    return caller_.Call("POST", fmt::format("{}/big.bin?uploadId={}", kUploads, id), body.dump(),
                        headers);
  }
  Response Get() { return caller_.Call("GET", kObject); }

  OciCaller caller_{OciServiceOptions{.buckets = {"lake"}}};
};

TEST_F(OciUploads, MakeOneObjectOfTheirPartsInOrder) {
  const std::string id = Create({}, {{"object", "big.bin"},
                                     {"contentType", "text/plain"},
                                     {"contentEncoding", nullptr},
                                     {"metadata", {{"opc-meta-mtime", "1.5"}}}});
  const std::string second = PartETag(id, 7, "world");
  const std::string first = PartETag(id, 2, "hello ");
  EXPECT_EQ(Get().status, 404);
  const Response commit = Commit(id, {{2, first}, {7, second}});
  ASSERT_EQ(commit.status, 200) << commit.body;
  EXPECT_EQ(commit.headers.Get("opc-multipart-md5"), "4J5P1iZbNhFf49sy35RdhA==-2");
  const Response get = Get();
  EXPECT_EQ(BodyOf(get), "hello world");
  EXPECT_EQ(get.headers.Get("etag"), commit.headers.Get("etag"));
  EXPECT_EQ(get.headers.Get("opc-multipart-md5"), "4J5P1iZbNhFf49sy35RdhA==-2");
  EXPECT_EQ(get.headers.Find("content-md5"), nullptr);
  EXPECT_EQ(get.headers.Get("content-type"), "text/plain");
  EXPECT_EQ(get.headers.Get("opc-meta-mtime"), "1.5");
}

TEST_F(OciUploads, ReadRangesAcrossParts) {
  const std::string id = Create();
  const std::string first = PartETag(id, 1, "0123");
  const std::string second = PartETag(id, 2, "4567");
  Commit(id, {{1, first}, {2, second}});
  EXPECT_EQ(BodyOf(caller_.Call("GET", kObject, {}, {{"range", "bytes=2-5"}})), "2345");
  EXPECT_EQ(BodyOf(caller_.Call("GET", kObject, {}, {{"range", "bytes=4-4"}})), "4");
}

TEST_F(OciUploads, ReportTheCrcOfTheWholeObject) {
  const std::string id = Create({{"opc-checksum-algorithm", "CRC32C"}});
  const Response part = Part(id, 1, "hello ");
  EXPECT_EQ(part.headers.Get("opc-content-crc32c"), EncodeCrc32c(Crc32c(AsBytes("hello "))));
  const std::string second = PartETag(id, 2, "world");
  const Response commit = Commit(id, {{1, std::string(part.headers.Get("etag"))}, {2, second}});
  EXPECT_EQ(commit.headers.Get("opc-content-crc32c"), "yZRlqg==");
  EXPECT_EQ(Get().headers.Get("opc-content-crc32c"), "yZRlqg==");
}

TEST_F(OciUploads, ReportTheDigestOfTheDigestsForSha256) {
  const std::string id = Create({{"opc-checksum-algorithm", "SHA256"}});
  const std::string first = PartETag(id, 1, "hello ");
  const std::string second = PartETag(id, 2, "world");
  EXPECT_EQ(Commit(id, {{1, first}, {2, second}}).headers.Get("opc-multipart-sha256"),
            "Zhie15keHg/OBlOZxcoF/BXCgYZaeimRvdZnwUZqkaQ=-2");
}

TEST_F(OciUploads, RefuseAPartThatDoesNotMatchItsDigest) {
  const std::string id = Create();
  EXPECT_EQ(CodeOf(Part(id, 1, "jello", {{"content-md5", Base64Encode(Md5(AsBytes("hello")))}})),
            "UnmatchedContentMD5");
  EXPECT_EQ(CodeOf(Commit(id, {{1, "any"}})), "InvalidUploadPart");
}

TEST_F(OciUploads, ReplaceAPartThatIsSentAgain) {
  const std::string id = Create();
  const std::string before = PartETag(id, 1, "old");
  const std::string after = PartETag(id, 1, "new");
  EXPECT_EQ(CodeOf(Commit(id, {{1, before}})), "InvalidUploadPart");
  EXPECT_EQ(Commit(id, {{1, after}}).status, 200);
  EXPECT_EQ(BodyOf(Get()), "new");
}

TEST_F(OciUploads, MeanThePartByTheConditionsOfUploadPart) {
  const std::string id = Create();
  const std::string etag = PartETag(id, 1, "x");
  EXPECT_EQ(CodeOf(Part(id, 1, "y", {{"if-none-match", "*"}})), "IfNoneMatchFailed");
  EXPECT_EQ(CodeOf(Part(id, 2, "y", {{"if-match", etag}})), "IfMatchFailed");
  EXPECT_EQ(Part(id, 1, "y", {{"if-match", etag}}).status, 200);
}

TEST_F(OciUploads, RefusePartsThatCannotBe) {
  const std::string id = Create();
  EXPECT_EQ(CodeOf(Part(id, 0, "x")), "InvalidUploadPartNumber");
  EXPECT_EQ(CodeOf(Part(id, 10'001, "x")), "InvalidUploadPartNumber");
  EXPECT_EQ(Part(id, 10'000, "x").status, 200);
  EXPECT_EQ(CodeOf(Part(id, 1, "")), "InvalidUploadPart");
  EXPECT_EQ(CodeOf(Part("no-such-upload", 1, "x")), "UploadNotFound");
}

// rclone sends the parts in the order in which they were finished.
TEST_F(OciUploads, TakeThePartsOfACommitInAnyOrder) {
  const std::string id = Create();
  const std::string first = PartETag(id, 1, "a");
  const std::string second = PartETag(id, 2, "b");
  const std::string third = PartETag(id, 3, "c");
  EXPECT_EQ(CodeOf(Commit(id, {{3, third}, {1, first}, {1, first}, {2, second}})),
            "InvalidUploadPart");
  EXPECT_EQ(Commit(id, {{3, third}, {1, first}, {2, second}}).status, 200);
  EXPECT_EQ(BodyOf(Get()), "abc");
}

TEST_F(OciUploads, WantEveryPartCommittedOrExcluded) {
  const std::string id = Create();
  const std::string first = PartETag(id, 1, "a");
  const std::string second = PartETag(id, 2, "b");
  const std::string third = PartETag(id, 3, "c");
  EXPECT_EQ(CodeOf(Commit(id, {})), "MissingParameter");
  EXPECT_EQ(CodeOf(Commit(id, {{1, first}, {2, second}})), "InvalidUploadPart");
  EXPECT_EQ(CodeOf(Commit(id, {{1, first}, {2, second}}, {2, 3})), "InvalidUploadPart");
  EXPECT_EQ(CodeOf(Commit(id, {{1, first}, {4, third}}, {2, 3})), "InvalidUploadPart");
  EXPECT_EQ(Commit(id, {{1, first}, {3, third}}, {2}).status, 200);
  EXPECT_EQ(BodyOf(Get()), "ac");
}

TEST_F(OciUploads, CheckTheConditionsOfCreateAndOfCommit) {
  const std::string early = Create({{"if-none-match", "*"}});
  const std::string etag = PartETag(early, 1, "mine");
  const Response theirs = caller_.Call("PUT", kObject, "theirs");
  EXPECT_EQ(CodeOf(Commit(early, {{1, etag}}, {}, {{"if-none-match", "*"}})), "IfNoneMatchFailed");
  EXPECT_EQ(
      CodeOf(caller_.Call("POST", kUploads, R"({"object":"big.bin"})", {{"if-none-match", "*"}})),
      "IfNoneMatchFailed");
  EXPECT_EQ(BodyOf(Get()), "theirs");
  const std::string current(theirs.headers.Get("etag"));
  EXPECT_EQ(Commit(early, {{1, etag}}, {}, {{"if-match", current}}).status, 200);
  EXPECT_EQ(BodyOf(Get()), "mine");
}

TEST_F(OciUploads, AreGoneOnceCommittedOrAborted) {
  const std::string committed = Create();
  Commit(committed, {{1, PartETag(committed, 1, "x")}});
  EXPECT_EQ(CodeOf(Commit(committed, {{1, "x"}})), "UploadNotFound");
  const std::string aborted = Create();
  const std::string target = fmt::format("{}/big.bin?uploadId={}", kUploads, aborted);
  EXPECT_EQ(caller_.Call("DELETE", target).status, 204);
  EXPECT_EQ(CodeOf(caller_.Call("DELETE", target)), "UploadNotFound");
  EXPECT_EQ(caller_.Call("GET", kUploads).body, "[]");
}

TEST_F(OciUploads, AreListedWithTheirParts) {
  const std::string id = Create();
  PartETag(id, 2, "bb");
  PartETag(id, 1, "a");
  const json uploads = json::parse(caller_.Call("GET", kUploads).body);
  EXPECT_EQ(uploads.at(0).at("uploadId"), id);
  EXPECT_EQ(uploads.at(0).at("object"), "big.bin");
  const std::string target = fmt::format("{}/big.bin?uploadId={}&limit=1", kUploads, id);
  const Response first = caller_.Call("GET", target);
  EXPECT_EQ(json::parse(first.body).at(0).at("partNumber"), 1);
  const Response second =
      caller_.Call("GET", target + "&page=" + std::string(first.headers.Get("opc-next-page")));
  EXPECT_EQ(json::parse(second.body).at(0).at("partNumber"), 2);
  EXPECT_EQ(json::parse(second.body).at(0).at("size"), 2);
  EXPECT_EQ(second.headers.Find("opc-next-page"), nullptr);
}

TEST_F(OciUploads, WantTheMetadataPrefixSpelledOut) {
  EXPECT_EQ(CodeOf(caller_.Call("POST", kUploads, R"({"object":"a","metadata":{"mtime":"1"}})")),
            "InvalidMetadata");
  EXPECT_EQ(CodeOf(caller_.Call("POST", kUploads, R"({"metadata":{}})")), "MissingParameter");
  EXPECT_EQ(CodeOf(caller_.Call("POST", kUploads, "[]")), "InvalidJSON");
}

TEST(OciUploadLimits, RefuseSmallPartsWhereAMinimumIsSet) {
  OciCaller caller({.buckets = {"lake"}, .limits = {.min_part_size_bytes = 4}});
  const json created = json::parse(caller.Call("POST", kUploads, R"({"object":"a"})").body);
  const std::string id = created.at("uploadId");
  json body{{"partsToCommit", json::array()}};
  for (const int number : {1, 2}) {
    const auto part = caller.Call(
        "PUT", fmt::format("{}/a?uploadId={}&uploadPartNum={}", kUploads, id, number), "abc");
    body["partsToCommit"].push_back({{"partNum", number}, {"etag", part.headers.Get("etag")}});
  }
  const std::string target = fmt::format("{}/a?uploadId={}", kUploads, id);
  EXPECT_EQ(CodeOf(caller.Call("POST", target, body.dump())), "InvalidUploadPart");
}

TEST(OciUploadLimits, RefuseBodiesAndObjectsThatAreTooLarge) {
  const oci::OciLimits documented;
  EXPECT_EQ(documented.max_body_bytes, 50ULL * 1024 * 1024 * 1024);
  EXPECT_EQ(documented.max_object_bytes, 10ULL * 1024 * 1024 * 1024 * 1024);
  OciCaller caller({.buckets = {"lake"}, .limits = {.max_body_bytes = 4, .max_object_bytes = 6}});
  EXPECT_EQ(caller.Call("PUT", kObject, "1234").status, 200);
  const Response put = caller.Call("PUT", kObject, "12345");
  EXPECT_EQ(put.status, 413);
  EXPECT_EQ(CodeOf(put), "RequestEntityTooLarge");
  const json created = json::parse(caller.Call("POST", kUploads, R"({"object":"a"})").body);
  const std::string id = created.at("uploadId");
  const auto part = [&](int number, const std::string& body) {
    return caller.Call(
        "PUT", fmt::format("{}/a?uploadId={}&uploadPartNum={}", kUploads, id, number), body);
  };
  EXPECT_EQ(CodeOf(part(1, "12345")), "RequestEntityTooLarge");
  const auto commit = [&](const std::string& second) {
    json body{{"partsToCommit", json::array()}};
    body["partsToCommit"].push_back(
        {{"partNum", 1}, {"etag", part(1, "1234").headers.Get("etag")}});
    body["partsToCommit"].push_back(
        {{"partNum", 2}, {"etag", part(2, second).headers.Get("etag")}});
    return caller.Call("POST", fmt::format("{}/a?uploadId={}", kUploads, id), body.dump());
  };
  EXPECT_EQ(CodeOf(commit("567")), "RequestEntityTooLarge");
  EXPECT_EQ(commit("56").status, 200);
}

// What the request says it sends counts, before anything has arrived.
TEST(OciUploadLimits, AreJudgedByTheLengthThatIsSaid) {
  OciCaller caller({.buckets = {"lake"}});
  Request request = OciCaller::MakeRequest("PUT", kObject, "1");
  request.headers.Add("content-length", "53687091201");  // 50 GiB and one byte
  caller.Sign(request, kPlainSignature);
  EXPECT_EQ(CodeOf(caller.service().Handle(request)), "RequestEntityTooLarge");
}

}  // namespace
}  // namespace skybridge::localcloud
