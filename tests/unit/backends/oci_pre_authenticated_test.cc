#include "backends/oci/pre_authenticated.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/oci/replies.h"
#include "backends/oci/requests.h"

namespace skybridge::oci {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Result<PreAuthenticatedUrl> Parse(std::string_view url) {
  return ParsePreAuthenticatedUrl(Secret(url));
}

BucketAddress Address() {
  return {.endpoint = "https://host", .name_space = "ns", .bucket = "b", .access = "/p/S3cret"};
}

TEST(OciPreAuthenticatedUrl, IsTakenApart) {
  const auto url =
      Parse("https://objectstorage.us-ashburn-1.oraclecloud.com/p/S3-cr_et/n/ns/b/my%20lake/o/");
  ASSERT_TRUE(url) << url.error().ToString();
  EXPECT_EQ(url->endpoint, "https://objectstorage.us-ashburn-1.oraclecloud.com");
  EXPECT_EQ(url->access.Reveal(), "/p/S3-cr_et");
  EXPECT_EQ(url->name_space, "ns");
  EXPECT_EQ(url->bucket, "my lake");
  EXPECT_TRUE(Parse("https://ns.objectstorage.eu-frankfurt-1.oci.customer-oci.com/p/x/n/ns/b/b/o"));
}

TEST(OciPreAuthenticatedUrl, WhatIsNoneIsRefusedWithoutBeingRepeated) {
  for (const char* text :
       {"", "S3cret", "https://host", "https://host/", "https:///p/S3cret/n/ns/b/b/o/",
        "ftp://host/p/S3cret/n/ns/b/b/o/", "https://host/p/S3cret/n/ns/o/",
        "https://host/p//n/ns/b/b/o/", "https://host/p/S3cret/n/ns/b//o/",
        "https://host/p/S3cret/n/ns/b/b/o/?x=y", "https://host/p/S3cret/n/ns/b/b/o/ x",
        "https://host/p/S3cret?x/n/ns/b/b/o/", "https://user@host/p/S3cret/n/ns/b/b/o/",
        "https://host/p/S3cret/n/ns/b/%zz/o/"}) {
    const auto url = Parse(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(url.error().message, Not(HasSubstr("S3cret")));
  }
}

TEST(OciPreAuthenticatedUrl, OfASingleObjectIsRefusedWithTheKindThatHelps) {
  const auto url = Parse("https://host/p/S3cret/n/ns/b/b/o/report.csv");
  ASSERT_FALSE(url);
  EXPECT_THAT(url.error().message, HasSubstr("AnyObjectRead"));
  EXPECT_THAT(url.error().message, Not(HasSubstr("report")));
}

TEST(OciPreAuthenticatedRequests, GoBelowTheSecretPath) {
  EXPECT_EQ(MakeHeadObject(Address(), "a/b", std::nullopt).http.url,
            "https://host/p/S3cret/n/ns/b/b/o/a%2Fb");
  EXPECT_THAT(MakeListObjects(Address(), {.prefix = "in/"}).http.url,
              HasSubstr("https://host/p/S3cret/n/ns/b/b/o/?fields="));
}

TEST(OciPreAuthenticatedRequests, UploadsInPartsAreAPutAndTheirOwnPath) {
  const Call start = MakeCreateUpload(Address(), {.name = "big", .metadata = {{"k", "v"}}});
  EXPECT_EQ(start.http.method, "PUT");
  EXPECT_EQ(start.http.url, "https://host/p/S3cret/n/ns/b/b/o/big");
  EXPECT_EQ(start.http.headers.Get("opc-multipart"), "true");
  EXPECT_EQ(start.http.headers.Get("opc-meta-k"), "v");
  const std::string path = "/p/Other/n/ns/b/b/u/big/id/7/";
  EXPECT_EQ(
      MakeUploadPart(Address(), {.name = "big", .upload_id = path, .part_number = 3}).http.url,
      "https://host" + path + "3");
  const Call commit = MakeCommitUpload(Address(), {.name = "big", .upload_id = path});
  EXPECT_EQ(commit.http.method + " " + commit.http.url, "POST https://host" + path);
  EXPECT_EQ(commit.json, "");
  const Call abort = MakeAbortUpload(Address(), "big", path);
  EXPECT_EQ(abort.http.method + " " + abort.http.url, "DELETE https://host" + path);
}

TEST(OciPreAuthenticatedRequests, APathThatLeadsElsewhereIsNotFollowed) {
  EXPECT_EQ(ParseAccessUri(R"({"accessUri":"/p/x/n/ns/b/b/u/o/id/7/"})").value(),
            "/p/x/n/ns/b/b/u/o/id/7/");
  for (const char* body : {"", "{}", R"({"accessUri":"https://elsewhere/p/x/"})",
                           R"({"accessUri":"@elsewhere/"})", R"({"accessUri":"/p/x/?y=/"})"}) {
    EXPECT_FALSE(ParseAccessUri(body)) << body;
  }
}

}  // namespace
}  // namespace skybridge::oci
