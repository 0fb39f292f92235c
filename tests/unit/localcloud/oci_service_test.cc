// The OCI double as a whole: namespace, buckets, secrets, and what survives a restart.
#include <atomic>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/encoding.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/localcloud/oci_caller.h"

namespace skybridge::localcloud {
namespace {

using nlohmann::json;

constexpr char kBuckets[] = "/n/localnamespace/b";

TEST(OciService, SaysItsNamespaceAsAJsonText) {
  OciCaller caller;
  const Response response = caller.Call("GET", "/n");
  EXPECT_EQ(response.body, "\"localnamespace\"");
  EXPECT_EQ(response.headers.Get("content-type"), "application/json");
  EXPECT_EQ(json::parse(caller.Call("GET", "/n/localnamespace").body).at("namespace"),
            "localnamespace");
}

TEST(OciService, EchoesTheClientsRequestId) {
  OciCaller caller;
  EXPECT_EQ(caller.Call("GET", "/n", {}, {{"opc-client-request-id", "mine"}})
                .headers.Get("opc-client-request-id"),
            "mine");
}

TEST(OciService, CreatesShowsChangesAndDeletesABucket) {
  OciCaller caller;
  const Response created =
      caller.Call("POST", kBuckets, R"({"name":"lake","compartmentId":"c1","storageTier":null})");
  ASSERT_EQ(created.status, 200) << created.body;
  EXPECT_EQ(json::parse(created.body).at("createdBy"), "ocid1.user.oc1..u");
  EXPECT_EQ(CodeOf(caller.Call("POST", kBuckets, R"({"name":"lake","compartmentId":"c1"})")),
            "BucketAlreadyExists");

  const std::string bucket = std::string(kBuckets) + "/lake";
  EXPECT_EQ(caller.Call("HEAD", bucket).headers.Get("etag"), created.headers.Get("etag"));
  const Response changed = caller.Call("POST", bucket, R"({"objectEventsEnabled":true})");
  EXPECT_NE(changed.headers.Get("etag"), created.headers.Get("etag"));
  caller.Call("PUT", bucket + "/o/a", "12345");
  const json shown =
      json::parse(caller.Call("GET", bucket + "?fields=approximateCount,approximateSize").body);
  EXPECT_EQ(shown.at("objectEventsEnabled"), true);
  EXPECT_EQ(shown.at("publicAccessType"), "NoPublicAccess");
  EXPECT_EQ(shown.at("approximateCount"), 1);
  EXPECT_EQ(shown.at("approximateSize"), 5);

  EXPECT_EQ(CodeOf(caller.Call("DELETE", bucket)), "BucketNotEmpty");
  caller.Call("DELETE", bucket + "/o/a");
  EXPECT_EQ(CodeOf(caller.Call("DELETE", bucket, {}, {{"if-match", "other"}})), "IfMatchFailed");
  EXPECT_EQ(caller.Call("DELETE", bucket).status, 204);
  EXPECT_EQ(caller.Call("HEAD", bucket).status, 404);
}

TEST(OciService, RefusesBucketsItCannotHold) {
  OciCaller caller;
  const auto create = [&](const char* body) { return caller.Call("POST", kBuckets, body); };
  EXPECT_EQ(CodeOf(create(R"({"name":"a b","compartmentId":"c"})")), "InvalidBucketName");
  EXPECT_EQ(CodeOf(create(R"({"name":"a"})")), "MissingParameter");
  EXPECT_EQ(create(R"({"name":"a","compartmentId":"c","versioning":"Enabled"})").status, 501);
}

TEST(OciService, BucketsHaveNamesUpTo256BytesAndMetadataUpTo4KB) {
  OciCaller caller;
  const auto create = [&](std::size_t name_bytes, const json& metadata) {
    const json body = {
        {"name", std::string(name_bytes, 'n')}, {"compartmentId", "c"}, {"metadata", metadata}};
    return CodeOf(caller.Call("POST", kBuckets, body.dump()));
  };
  const json most = {{"four", std::string(4092, 'v')}};
  const json more = {{"four", std::string(4093, 'v')}};
  EXPECT_EQ(create(256, most), "");
  EXPECT_EQ(create(257, most), "InvalidBucketName");
  EXPECT_EQ(create(255, more), "MetadataTooLarge");
  EXPECT_EQ(create(255, {{"a", 1}}), "InvalidParameter");
  const std::string bucket = std::string(kBuckets) + "/" + std::string(256, 'n');
  EXPECT_EQ(CodeOf(caller.Call("POST", bucket, json{{"metadata", more}}.dump())),
            "MetadataTooLarge");
  EXPECT_TRUE(json::parse(caller.Call("GET", bucket).body).at("metadata") == most);
}

TEST(OciService, ListsTheBucketsOfACompartmentInPages) {
  OciCaller caller({.compartment_id = "c1", .buckets = {"b2", "b1", "b3"}});
  EXPECT_EQ(CodeOf(caller.Call("GET", kBuckets)), "MissingParameter");
  EXPECT_EQ(caller.Call("GET", std::string(kBuckets) + "?compartmentId=c2").body, "[]");
  const std::string query = std::string(kBuckets) + "?compartmentId=c1&limit=2";
  const Response first = caller.Call("GET", query);
  EXPECT_EQ(json::parse(first.body).at(1).at("name"), "b2");
  const Response second =
      caller.Call("GET", query + "&page=" + std::string(first.headers.Get("opc-next-page")));
  EXPECT_EQ(json::parse(second.body).at(0).at("name"), "b3");
  EXPECT_EQ(second.headers.Find("opc-next-page"), nullptr);
}

TEST(OciService, PagesOfEveryKindHaveAThousandEntriesAtMost) {
  OciCaller caller({.buckets = {"lake"}});
  const std::string lake = std::string(kBuckets) + "/lake";
  for (const std::string& listing :
       {std::string(kBuckets) + "?compartmentId=c", lake + "/o?fields=name", lake + "/u?x=y",
        lake + "/p?x=y", std::string("/workRequests?compartmentId=c")}) {
    EXPECT_EQ(caller.Call("GET", listing + "&limit=1000").status, 200) << listing;
    for (const char* limit : {"0", "1001"})
      EXPECT_EQ(CodeOf(caller.Call("GET", listing + "&limit=" + limit)), "InvalidLimit") << listing;
  }
}

TEST(OciService, GivesObjectsTheTierOfTheirBucket) {
  OciCaller caller;
  caller.Call("POST", kBuckets, R"({"name":"cold","compartmentId":"c1","storageTier":"Archive"})");
  caller.Call("PUT", "/n/localnamespace/b/cold/o/a", "1");
  EXPECT_EQ(caller.Call("HEAD", "/n/localnamespace/b/cold/o/a").headers.Get("storage-tier"),
            "Archive");
}

TEST(OciService, HandsOutSecretBundles) {
  OciCaller caller(
      {.secrets = {
           {.id = "ocid1.vaultsecret.oc1..s", .vault_id = "v", .name = "n", .content = "s3cr3t"}}});
  const std::string path = "/20190301/secretbundles/";
  const Response by_id = caller.Call("GET", path + "ocid1.vaultsecret.oc1..s?stage=CURRENT");
  EXPECT_EQ(json::parse(by_id.body).at("secretBundleContent").at("content"), "czNjcjN0");
  const Response by_name = caller.Call("POST", path + "actions/getByName?secretName=n&vaultId=v");
  EXPECT_EQ(json::parse(by_name.body).at("secretId"), "ocid1.vaultsecret.oc1..s");
  EXPECT_EQ(CodeOf(caller.Call("GET", path + "ocid1.vaultsecret.oc1..none")),
            "NotAuthorizedOrNotFound");
  EXPECT_EQ(CodeOf(caller.Call("GET", path + "ocid1.vaultsecret.oc1..s?versionNumber=2")),
            "NotAuthorizedOrNotFound");
  EXPECT_EQ(
      CodeOf(caller.Call("GET", path + "ocid1.vaultsecret.oc1..s?stage=CURRENT&versionNumber=1")),
      "InvalidParameter");
}

TEST(OciService, ListsTheVersionsOfASecretNewestFirst) {
  const std::string id = "ocid1.vaultsecret.oc1..s";
  OciCaller caller({.secrets = {{.id = id, .vault_id = "v", .name = "n", .content = "one"}}});
  ASSERT_TRUE(caller.service().ReplaceSecret(id, "two"));
  ASSERT_TRUE(caller.service().AddPendingSecret(id, "three"));
  const std::string path = "/20190301/secretbundles/" + id + "/versions";
  const Response all = caller.Call("GET", path);
  const json versions = json::parse(all.body);
  ASSERT_EQ(versions.size(), 3U);
  EXPECT_EQ(versions.at(0).at("versionNumber"), 3);
  EXPECT_EQ(versions.at(0).at("stages"), json::array({"LATEST"}));
  EXPECT_EQ(versions.at(1).at("stages"), json::array({"CURRENT"}));
  EXPECT_EQ(versions.at(2).at("stages"), json::array({"PREVIOUS"}));
  EXPECT_FALSE(versions.at(0).contains("secretBundleContent"));
  EXPECT_EQ(all.headers.Find("opc-next-page"), nullptr);
  const Response first = caller.Call("GET", path + "?sortOrder=ASC&limit=2");
  EXPECT_EQ(json::parse(first.body).at(0).at("versionNumber"), 1);
  const Response second = caller.Call("GET", path + "?sortOrder=ASC&limit=2&page=" +
                                                 std::string(first.headers.Get("opc-next-page")));
  EXPECT_EQ(json::parse(second.body).size(), 1U);
  EXPECT_EQ(json::parse(second.body).at(0).at("versionNumber"), 3);
  EXPECT_EQ(CodeOf(caller.Call("GET", path + "?sortOrder=UP")), "InvalidParameter");
  EXPECT_EQ(CodeOf(caller.Call("GET", "/20190301/secretbundles/none/versions")),
            "NotAuthorizedOrNotFound");
}

TEST(OciService, LetsExactlyOneOfManyCreatorsWin) {
  OciServiceOptions options{.buckets = {"lake"}, .require_signatures = false};
  OciCaller caller(std::move(options));
  const auto put = [&] {
    Request request = OciCaller::MakeRequest("PUT", "/n/localnamespace/b/lake/o/a", "x");
    request.headers.Add("content-length", "1");
    request.headers.Add("if-none-match", "*");
    return caller.service().Handle(request).status;
  };
  const auto list = [&] {
    return caller.service()
        .Handle(OciCaller::MakeRequest("GET", "/n/localnamespace/b/lake/o"))
        .status;
  };
  std::atomic<int> created = 0;
  std::atomic<int> refused = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < 20; ++round) {
          const int status = put();
          created += status == 200 ? 1 : 0;
          refused += status == 412 ? 1 : 0;
          EXPECT_EQ(list(), 200);
        }
      });
    }
  }
  EXPECT_EQ(created, 1);
  EXPECT_EQ(refused, 8 * 20 - 1);
}

// A service over a directory, and the same again as after a restart.
class OciRestart : public ::testing::Test {
 protected:
  void SetUp() override { Restart(); }
  void Restart() {
    caller_.reset();
    auto storage = MakeDirectoryStorage(directory_.path());
    ASSERT_TRUE(storage) << storage.error().message;
    caller_ =
        std::make_unique<OciCaller>(OciServiceOptions{.buckets = {"lake"}}, *std::move(storage));
  }

  skybridge::testing::TempDirectory directory_;
  std::unique_ptr<OciCaller> caller_;
};

TEST_F(OciRestart, FindsObjectsAsTheyWere) {
  const std::string target = "/n/localnamespace/b/lake/o/a%2Fb";
  caller_->Call("PUT", target, "bytes", {{"opc-meta-mode", "0644"}, {"content-language", "de"}});
  caller_->Call("PUT", "/n/localnamespace/b/lake/o/gone", "x");
  caller_->Call("DELETE", "/n/localnamespace/b/lake/o/gone");
  const Response before = caller_->Call("GET", target);
  Restart();
  const Response after = caller_->Call("GET", target);
  EXPECT_EQ(BodyOf(after), "bytes");
  for (const char* name : {"etag", "version-id", "last-modified", "content-md5", "opc-meta-mode",
                           "content-language"}) {
    EXPECT_EQ(after.headers.Get(name), before.headers.Get(name)) << name;
  }
  EXPECT_EQ(caller_->Call("GET", "/n/localnamespace/b/lake/o/gone").status, 404);
}

TEST_F(OciRestart, FinishesAnUploadThatWasBegunBefore) {
  const std::string uploads = "/n/localnamespace/b/lake/u";
  const json created = json::parse(caller_->Call("POST", uploads, R"({"object":"big"})").body);
  const std::string target =
      fmt::format("{}/big?uploadId={}", uploads, created.at("uploadId").get<std::string>());
  const Response part = caller_->Call("PUT", target + "&uploadPartNum=1", "part");
  Restart();
  const json commit{{"partsToCommit", {{{"partNum", 1}, {"etag", part.headers.Get("etag")}}}}};
  EXPECT_EQ(caller_->Call("POST", target, commit.dump()).status, 200);
  Restart();
  EXPECT_EQ(BodyOf(caller_->Call("GET", "/n/localnamespace/b/lake/o/big")), "part");
  EXPECT_EQ(caller_->Call("GET", uploads).body, "[]");
}

TEST_F(OciRestart, KeepsTheBytesOfACopyWhoseSourceIsGone) {
  caller_->Call("PUT", "/n/localnamespace/b/lake/o/a", std::string(5000, 'x'));
  caller_->Call("POST", "/n/localnamespace/b/lake/actions/renameObject",
                R"({"sourceName":"a","newName":"b"})");
  caller_->Call("PUT", "/n/localnamespace/b/lake/o/a", std::string(5000, 'y'));
  Restart();
  EXPECT_EQ(BodyOf(caller_->Call("GET", "/n/localnamespace/b/lake/o/b")), std::string(5000, 'x'));
  EXPECT_EQ(BodyOf(caller_->Call("GET", "/n/localnamespace/b/lake/o/a")), std::string(5000, 'y'));
}

TEST_F(OciRestart, KeepsBucketsWithTheirSettings) {
  caller_->Call(
      "POST", kBuckets,
      R"({"name":"cold","compartmentId":"c1","storageTier":"Archive","metadata":{"k":"v"}})");
  Restart();
  const json bucket = json::parse(caller_->Call("GET", std::string(kBuckets) + "/cold").body);
  EXPECT_EQ(bucket.at("storageTier"), "Archive");
  EXPECT_EQ(bucket.at("metadata").at("k"), "v");
}

}  // namespace
}  // namespace skybridge::localcloud
