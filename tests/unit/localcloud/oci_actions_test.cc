// Actions on objects of the OCI double: rename, copy with its work request, batch delete, storage
// tier.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/encoding.h"
#include "tests/unit/localcloud/oci_caller.h"

namespace skybridge::localcloud {
namespace {

using nlohmann::json;

constexpr char kBucket[] = "/n/localnamespace/b/lake";

class OciActions : public ::testing::Test {
 protected:
  std::string Put(const std::string& name, const std::string& body,
                  const OciCaller::Headers& headers = {}) {
    const Response response =
        caller_.Call("PUT", fmt::format("{}/o/{}", kBucket, name), body, headers);
    return std::string(response.headers.Get("etag"));
  }
  Response Get(const std::string& name) {
    return caller_.Call("GET", fmt::format("{}/o/{}", kBucket, name));
  }
  Response Act(const std::string& action, const json& details) {
    return caller_.Call("POST", fmt::format("{}/actions/{}", kBucket, action), details.dump());
  }
  // Orders a copy of "a" and returns its finished work request.
  json Copy(json details) {
    details.update({{"sourceObjectName", "a"},
                    {"destinationRegion", "us-ashburn-1"},
                    {"destinationNamespace", "localnamespace"}});
    if (!details.contains("destinationBucket")) details["destinationBucket"] = "lake";
    const Response response = Act("copyObject", details);
    EXPECT_EQ(response.status, 202) << response.body;
    const std::string id(response.headers.Get("opc-work-request-id"));
    return json::parse(caller_.Call("GET", "/workRequests/" + id).body);
  }

  OciCaller caller_{OciServiceOptions{.buckets = {"lake", "other"}}};
};

TEST_F(OciActions, RenameKeepsBytesMetadataAndCreationTime) {
  const std::string etag = Put("a", "bytes", {{"opc-meta-mode", "0644"}});
  caller_.clock().Advance(std::chrono::seconds(1));
  const Response renamed = Act("renameObject", {{"sourceName", "a"}, {"newName", "b/c"}});
  ASSERT_EQ(renamed.status, 200) << renamed.body;
  EXPECT_NE(renamed.headers.Get("etag"), etag);
  EXPECT_EQ(Get("a").status, 404);
  const Response get = Get("b%2Fc");
  EXPECT_EQ(BodyOf(get), "bytes");
  EXPECT_EQ(get.headers.Get("opc-meta-mode"), "0644");
  EXPECT_EQ(get.headers.Get("etag"), renamed.headers.Get("etag"));
  const json listed =
      json::parse(caller_.Call("GET", fmt::format("{}/o?fields=timeCreated", kBucket)).body);
  EXPECT_EQ(listed.at("objects").at(0).at("timeCreated"), "2026-01-05T10:20:30.000Z");
}

TEST_F(OciActions, RenameOverwritesUnlessToldNotTo) {
  Put("a", "new");
  Put("b", "old");
  EXPECT_EQ(CodeOf(Act("renameObject",
                       {{"sourceName", "a"}, {"newName", "b"}, {"newObjIfNoneMatchETag", "*"}})),
            "IfNoneMatchFailed");
  EXPECT_EQ(BodyOf(Get("b")), "old");
  EXPECT_EQ(Act("renameObject", {{"sourceName", "a"}, {"newName", "b"}}).status, 200);
  EXPECT_EQ(BodyOf(Get("b")), "new");
}

TEST_F(OciActions, RenameHonoursTheETagsOfBothEnds) {
  const std::string a = Put("a", "1");
  const std::string b = Put("b", "2");
  const json names{{"sourceName", "a"}, {"newName", "b"}};
  const auto with = [&](const char* member, const std::string& etag) {
    json details = names;
    details[member] = etag;
    return Act("renameObject", details);
  };
  EXPECT_EQ(CodeOf(with("srcObjIfMatchETag", b)), "IfMatchFailed");
  EXPECT_EQ(CodeOf(with("newObjIfMatchETag", a)), "IfMatchFailed");
  EXPECT_EQ(with("newObjIfMatchETag", b).status, 200);
}

TEST_F(OciActions, RenameRefusesWhatCannotBeRenamed) {
  Put("a", "1");
  EXPECT_EQ(CodeOf(Act("renameObject", {{"sourceName", "a"}, {"newName", "a"}})),
            "SourceNameSameAsNewName");
  EXPECT_EQ(CodeOf(Act("renameObject", {{"sourceName", "none"}, {"newName", "b"}})),
            "ObjectNotFound");
  EXPECT_EQ(CodeOf(Act("renameObject", {{"sourceName", "a"}})), "MissingParameter");
}

TEST_F(OciActions, CopyInheritsMetadataAndReportsAWorkRequest) {
  Put("a", "bytes", {{"opc-meta-mode", "0644"}});
  const json work = Copy({{"destinationBucket", "other"}, {"destinationObjectName", "copy"}});
  EXPECT_EQ(work.at("status"), "COMPLETED");
  EXPECT_EQ(work.at("operationType"), "COPY_OBJECT");
  const Response copy = caller_.Call("GET", "/n/localnamespace/b/other/o/copy");
  EXPECT_EQ(BodyOf(copy), "bytes");
  EXPECT_EQ(copy.headers.Get("opc-meta-mode"), "0644");
}

TEST_F(OciActions, CopyOntoItselfReplacesMetadata) {
  const std::string before = Put("a", "bytes", {{"opc-meta-mode", "0644"}});
  Copy(
      {{"destinationObjectName", "a"}, {"destinationObjectMetadata", {{"opc-meta-mtime", "2.5"}}}});
  const Response get = Get("a");
  EXPECT_EQ(BodyOf(get), "bytes");
  EXPECT_EQ(get.headers.Get("opc-meta-mtime"), "2.5");
  EXPECT_EQ(get.headers.Find("opc-meta-mode"), nullptr);
  EXPECT_NE(get.headers.Get("etag"), before);
}

TEST_F(OciActions, CopyThatFailsSaysWhyInItsErrors) {
  Put("a", "1");
  const json work = Copy({{"destinationObjectName", "a"}, {"sourceObjectIfMatchETag", "other"}});
  EXPECT_EQ(work.at("status"), "FAILED");
  const std::string path = "/workRequests/" + work.at("id").get<std::string>();
  EXPECT_EQ(json::parse(caller_.Call("GET", path + "/errors").body).at(0).at("code"),
            "IfMatchFailed");
  EXPECT_EQ(CodeOf(caller_.Call("DELETE", path)), "NotCancelable");
  EXPECT_EQ(caller_.Call("GET", "/workRequests/none").status, 404);
}

TEST_F(OciActions, CopyOutlivesItsSource) {
  Put("a", "bytes");
  Copy({{"destinationObjectName", "b"}});
  caller_.Call("DELETE", fmt::format("{}/o/a", kBucket));
  EXPECT_EQ(BodyOf(Get("b")), "bytes");
}

TEST_F(OciActions, BatchDeleteAnswersForEachObject) {
  Put("a", "1");
  Put("b", "2");
  const Response response =
      Act("batchDeleteObjects", {{"objects",
                                  {{{"objectName", "a"}},
                                   {{"objectName", "b"}, {"ifMatch", "other"}},
                                   {{"objectName", "none"}}}}});
  ASSERT_EQ(response.status, 200);
  const json body = json::parse(response.body);
  ASSERT_EQ(body.at("deleted").size(), 1U);
  EXPECT_EQ(body.at("deleted").at(0).at("objectName"), "a");
  ASSERT_EQ(body.at("failed").size(), 2U);
  EXPECT_EQ(body.at("failed").at(0).at("statusCode"), 412);
  EXPECT_EQ(body.at("failed").at(1).at("statusCode"), 404);
  EXPECT_EQ(Get("a").status, 404);
  EXPECT_EQ(Get("b").status, 200);
}

TEST_F(OciActions, BatchDeleteLeavesOutWhatWasDeletedWhenAsked) {
  Put("a", "1");
  const json objects = json::array({json{{"objectName", "a"}}});
  const Response response =
      Act("batchDeleteObjects", {{"objects", objects}, {"isSkipDeletedResult", true}});
  EXPECT_EQ(json::parse(response.body).at("deleted"), json::array());
  EXPECT_EQ(Get("a").status, 404);
}

TEST_F(OciActions, BatchDeleteTakesAThousandAndNoMore) {
  json objects = json::array();
  for (int i = 0; i < 1000; ++i) objects.push_back({{"objectName", std::to_string(i)}});
  EXPECT_EQ(Act("batchDeleteObjects", {{"objects", objects}}).status, 200);
  objects.push_back({{"objectName", "one more"}});
  EXPECT_EQ(CodeOf(Act("batchDeleteObjects", {{"objects", objects}})), "InvalidParameter");
}

TEST_F(OciActions, StorageTierCanBeChanged) {
  Put("a", "1");
  EXPECT_EQ(
      Act("updateObjectStorageTier", {{"objectName", "a"}, {"storageTier", "InfrequentAccess"}})
          .status,
      200);
  EXPECT_EQ(Get("a").headers.Get("storage-tier"), "InfrequentAccess");
  EXPECT_EQ(
      CodeOf(Act("updateObjectStorageTier", {{"objectName", "a"}, {"storageTier", "Lukewarm"}})),
      "InvalidParameter");
}

}  // namespace
}  // namespace skybridge::localcloud
