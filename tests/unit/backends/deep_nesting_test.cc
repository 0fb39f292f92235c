// Answers that nest deeper than any stack: each is refused or understood, none ends the program.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backends/azure/azure_cli.h"
#include "backends/azure/blob_list.h"
#include "backends/azure/error.h"
#include "backends/azure/oauth.h"
#include "backends/azure/path_list.h"
#include "backends/oci/error.h"
#include "backends/oci/replies.h"
#include "backends/oci/token_claims.h"
#include "backends/oci/token_exchange.h"
#include "backends/oci/vault.h"
#include "core/encoding.h"
#include "tests/support/deep_nesting.h"

namespace skybridge {
namespace {

using testing::DeepNesting;

// A value of JSON.
const std::string& Deep() {
  static const std::string text = DeepNesting(R"([{"a":)", "}]", "1");
  return text;
}

TEST(DeepNesting, InAMemberOfAPathListMakesItNoListing) {
  for (const char* member : {"name", "isDirectory", "contentLength", "etag", "lastModified"}) {
    const auto page = azure::ParsePathList(
        R"({"paths":[{"name":"a",")" + std::string(member) + "\":" + Deep() + "}]}", "");
    ASSERT_FALSE(page) << member;
    EXPECT_EQ(page.error().code, ErrorCode::kCorrupt) << member;
  }
  const auto unknown = azure::ParsePathList(
      R"({"paths":[{"name":"a","contentLength":"1","new":)" + Deep() + "}]}", "");
  EXPECT_TRUE(unknown) << "what nobody asks for does no harm";
}

TEST(DeepNesting, InABlobListIsNoName) {
  const std::string deep = DeepNesting("<a>", "</a>");
  const auto list = [](const std::string& entry) {
    return azure::ParseBlobList("<EnumerationResults><Blobs><Blob>" + entry +
                                "</Blob></Blobs></EnumerationResults>");
  };
  EXPECT_EQ(list("<Name>" + deep + "</Name>").error().code, ErrorCode::kCorrupt);
  const std::string length = "<Content-Length>1</Content-Length>";
  EXPECT_TRUE(list("<Name>b</Name><Metadata>" + deep + "</Metadata><Properties>" + length +
                   "</Properties>"));
  EXPECT_TRUE(list("<Name>b</Name><Properties>" + deep + length + "</Properties>"));
}

TEST(DeepNesting, InAnErrorOfAzureLeavesItsStatus) {
  std::vector<std::string> bodies = {
      "<Error><Code>" + DeepNesting("<a>", "</a>") + "</Code></Error>",
      DeepNesting("<Error>", "</Error>")};
  bodies.push_back(R"({"error":)" + Deep() + "}");
  bodies.push_back(R"({"error":{"code":)" + Deep() + "}}");
  for (const std::string& body : bodies) {
    const Error error = azure::MakeError("get 'a'", {.status = 404, .body = body}, WallTime{});
    EXPECT_EQ(error.code, ErrorCode::kNotFound);
    EXPECT_EQ(error.remote.service_code, "");
  }
}

TEST(DeepNesting, InATokenReplyOfAzureIsNoToken) {
  for (const int status : {200, 400}) {
    EXPECT_FALSE(azure::ParseTokenReply(
        {.status = status,
         .body = R"({"access_token":"t","error":)" + Deep() + R"(,"expires_in":)" + Deep() + "}"},
        MonotonicTime{}, WallTime{}));
  }
  EXPECT_FALSE(azure::ParseCliToken(R"({"accessToken":"t","expires_on":)" + Deep() + "}",
                                    MonotonicTime{}, WallTime{}));
}

TEST(DeepNesting, InAnAnswerOfOciIsNotUnderstood) {
  const Error error = oci::ErrorFromResponse(
      "get 'a'", {.status = 404, .body = R"({"code":)" + Deep() + R"(,"message":)" + Deep() + "}"},
      WallTime{});
  EXPECT_EQ(error.remote.service_code, "");
  EXPECT_FALSE(oci::ParseNamespace(Deep()));
  EXPECT_FALSE(oci::ParseListing(R"({"objects":[)" + DeepNesting("[", "]") + "]}"));
  const auto listing = oci::ParseListing(R"({"objects":[{"size":1,"name":)" + Deep() +
                                         R"(}],"prefixes":[)" + Deep() + "]}");
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->objects.at(0).name, "");
  EXPECT_TRUE(listing->prefixes.empty());
  EXPECT_FALSE(oci::ParseFailedDeletes(R"({"failed":[)" + Deep() + "]}"));
  EXPECT_FALSE(oci::ParseWorkState(R"({"status":)" + Deep() + "}"));
  EXPECT_EQ(oci::ParseWorkErrors("[" + Deep() + "]").code, "");
}

TEST(DeepNesting, InATokenOrSecretOfOciIsNone) {
  EXPECT_FALSE(oci::ParseTokenReply(R"({"token":)" + Deep() + "}", "sign in"));
  EXPECT_FALSE(oci::ParseSecretBundle(R"({"secretBundleContent":{"content":)" + Deep() + "}}"));
  const std::string claims =
      Base64UrlEncode(AsBytes(R"({"exp":)" + Deep() + R"(,"tenant":)" + Deep() + "}"));
  EXPECT_EQ(oci::ParseTokenClaims("e30." + claims + ".c2ln").expires, std::nullopt);
}

}  // namespace
}  // namespace skybridge
