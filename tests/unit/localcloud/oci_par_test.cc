// Pre-authenticated requests of the OCI double: who may do what through which URL, and for how
// long.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/localcloud/oci_caller.h"

namespace skybridge::localcloud {
namespace {

using nlohmann::json;

constexpr std::string_view kBucketPath = "/n/localnamespace/b/lake";

class OciPar : public ::testing::Test {
 protected:
  json Create(const json& details) {
    json body = {{"name", "for partners"}, {"timeExpires", "2026-01-06T00:00:00Z"}};
    body.update(details);
    const Response made = caller_.Call("POST", std::string(kBucketPath) + "/p", body.dump());
    EXPECT_EQ(made.status, 200) << BodyOf(made);
    return json::parse(BodyOf(made), nullptr, false);
  }
  std::string AccessTo(std::string_view access_type, std::string_view object = "",
                       std::string_view listing = "Deny") {
    json details = {{"accessType", access_type}, {"bucketListingAction", listing}};
    if (!object.empty()) details["objectName"] = object;
    return Create(details).at("accessUri");
  }
  // Nobody signs.
  Response Send(const std::string& method, const std::string& target, const std::string& body = {},
                const OciCaller::Headers& headers = {}) {
    Request request = OciCaller::MakeRequest(method, target, body);
    if (method == "PUT") request.headers.Add("content-length", std::to_string(body.size()));
    for (const auto& [name, value] : headers) request.headers.Add(name, value);
    return caller_.service().Handle(request);
  }
  void Put(const std::string& name, const std::string& content) {
    ASSERT_EQ(caller_.Call("PUT", std::string(kBucketPath) + "/o/" + name, content).status, 200);
  }

  OciCaller caller_{OciServiceOptions{.buckets = {"lake"}}};
};

TEST_F(OciPar, TellsItsUrlOnceAndIsDescribedWithoutIt) {
  const json made = Create({{"accessType", "AnyObjectReadWrite"}, {"objectName", "in/"}});
  const std::string access = made.at("accessUri");
  EXPECT_EQ(access.substr(0, 3), "/p/");
  EXPECT_EQ(access.substr(access.size() - 3), "/o/") << "without the prefix";
  const std::string target = std::string(kBucketPath) + "/p/" + made.at("id").get<std::string>();
  const json described = json::parse(BodyOf(caller_.Call("GET", target)));
  EXPECT_FALSE(described.contains("accessUri"));
  EXPECT_EQ(described.at("objectName"), "in/");
  EXPECT_EQ(described.at("bucketListingAction"), "Deny");
  const json all = json::parse(BodyOf(caller_.Call("GET", std::string(kBucketPath) + "/p")));
  EXPECT_EQ(all.size(), 1U);
}

TEST_F(OciPar, IsRefusedWithoutAnEndToComeOrWithWhatItsKindCannot) {
  const auto refused = [&](const json& details) {
    json body = {
        {"name", "n"}, {"accessType", "AnyObjectRead"}, {"timeExpires", "2027-01-01T00:00:00Z"}};
    body.update(details);
    return caller_.Call("POST", std::string(kBucketPath) + "/p", body.dump()).status;
  };
  EXPECT_EQ(refused({{"timeExpires", "2025-01-01T00:00:00Z"}}), 400);
  EXPECT_EQ(refused({{"accessType", "Everything"}}), 400);
  EXPECT_EQ(refused({{"accessType", "ObjectRead"}}), 400) << "of no object";
  EXPECT_EQ(refused({{"accessType", "AnyObjectWrite"}, {"bucketListingAction", "ListObjects"}}),
            400);
  EXPECT_EQ(refused(json::object()), 200);
}

TEST_F(OciPar, ReadsAnyObjectButWritesNone) {
  Put("a%2Fb", "content");
  const std::string access = AccessTo("AnyObjectRead");
  EXPECT_EQ(BodyOf(Send("GET", access + "a%2Fb")), "content");
  EXPECT_EQ(Send("HEAD", access + "a%2Fb").status, 200);
  EXPECT_EQ(CodeOf(Send("GET", access + "none")), "ObjectNotFound");
  EXPECT_EQ(CodeOf(Send("PUT", access + "c", "x")), "NotAuthorizedOrNotFound");
  EXPECT_EQ(Send("DELETE", access + "a%2Fb").status, 404);
  EXPECT_EQ(CodeOf(Send("GET", access)), "NotAuthorizedOrNotFound") << "listing was not allowed";
}

TEST_F(OciPar, OneForWritingReadsNothing) {
  const std::string access = AccessTo("AnyObjectWrite");
  EXPECT_EQ(Send("PUT", access + "new", "x").status, 200);
  EXPECT_EQ(Send("GET", access + "new").status, 404);
  EXPECT_EQ(Send("DELETE", access + "new").status, 404);
}

TEST_F(OciPar, ListsWhereItWasAllowedAndOnlyBelowItsPrefix) {
  Put("in%2Fa", "1");
  Put("out", "2");
  const std::string access = AccessTo("AnyObjectRead", "in/", "ListObjects");
  const Response listed = Send("GET", access + "?prefix=in%2F");
  ASSERT_EQ(listed.status, 200);
  EXPECT_EQ(json::parse(BodyOf(listed)).at("objects").size(), 1U);
  EXPECT_EQ(Send("GET", access).status, 404);
  EXPECT_EQ(Send("GET", access + "in%2Fa").status, 200);
  EXPECT_EQ(Send("GET", access + "out").status, 404);
}

TEST_F(OciPar, OfOneObjectIsForThatObject) {
  Put("one", "1");
  Put("one2", "2");
  const std::string access = AccessTo("ObjectReadWrite", "one");
  EXPECT_EQ(BodyOf(Send("GET", access)), "1");
  EXPECT_EQ(Send("PUT", access, "new").status, 200);
  EXPECT_EQ(Send("GET", access + "2").status, 404);
}

TEST_F(OciPar, EndsAtItsTimeOrWhenItIsDeleted) {
  Put("a", "1");
  const json made = Create({{"accessType", "AnyObjectRead"}});
  const std::string access = made.at("accessUri");
  const std::string other = AccessTo("AnyObjectRead");
  const std::string target = std::string(kBucketPath) + "/p/" + made.at("id").get<std::string>();
  EXPECT_EQ(Send("GET", access + "a").status, 200);
  EXPECT_EQ(caller_.Call("DELETE", target).status, 204);
  EXPECT_EQ(Send("GET", access + "a").status, 401);
  EXPECT_EQ(caller_.Call("DELETE", target).status, 404);
  EXPECT_EQ(Send("GET", other + "a").status, 200);
  caller_.clock().Advance(std::chrono::hours(24));
  EXPECT_EQ(Send("GET", other + "a").status, 401);
}

TEST_F(OciPar, UploadsInPartsUnderASecretOfTheUploadsOwn) {
  const std::string access = AccessTo("AnyObjectReadWrite");
  const Response started =
      Send("PUT", access + "big%2Fone", "", {{"opc-multipart", "true"}, {"opc-meta-k", "v"}});
  ASSERT_EQ(started.status, 200);
  const std::string parts = json::parse(BodyOf(started)).at("accessUri");
  EXPECT_EQ(Send("PUT", parts + "2", "tail").status, 200);
  EXPECT_EQ(Send("PUT", parts + "1", "head ").status, 200);
  EXPECT_EQ(Send("GET", access + "big%2Fone").status, 404) << "before it is committed";
  EXPECT_EQ(Send("POST", parts, "", {{"if-match", "another"}}).status, 412);
  EXPECT_EQ(Send("POST", parts).status, 200);
  const Response whole = Send("GET", access + "big%2Fone");
  EXPECT_EQ(BodyOf(whole), "head tail");
  EXPECT_EQ(whole.headers.Get("opc-meta-k"), "v");
  EXPECT_EQ(Send("POST", parts).status, 401) << "the secret ended with the upload";
}

TEST_F(OciPar, AnUploadsSecretIsForItsStepsOnly) {
  const std::string access = AccessTo("AnyObjectReadWrite");
  const Response started = Send("PUT", access + "x", "", {{"opc-multipart", "true"}});
  const std::string parts = json::parse(BodyOf(started)).at("accessUri");
  EXPECT_EQ(Send("GET", parts).status, 404);
  EXPECT_EQ(Send("POST", parts + "1").status, 404);
  EXPECT_EQ(Send("DELETE", parts).status, 204);
  EXPECT_EQ(Send("PUT", parts + "1", "x").status, 401);
}

}  // namespace
}  // namespace skybridge::localcloud
