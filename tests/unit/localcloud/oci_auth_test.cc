// Who may call the OCI double: signatures, what they must cover, and clocks.
#include <chrono>

#include <gtest/gtest.h>

#include "core/digest.h"
#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/unit/localcloud/oci_caller.h"

namespace skybridge::localcloud {
namespace {

constexpr char kBucket[] = "/n/localnamespace/b/lake";

OciServiceOptions WithBucket() { return {.buckets = {"lake"}}; }

Request SignedList(OciCaller& caller) {
  Request request = OciCaller::MakeRequest("GET", std::string(kBucket) + "/o?prefix=a%2Fb");
  caller.Sign(request, kPlainSignature);
  return request;
}

Request RenameWithoutSignature() {
  Request request = OciCaller::MakeRequest("POST", std::string(kBucket) + "/actions/renameObject",
                                           R"({"sourceName":"a","newName":"b"})");
  request.headers.Add("content-length", std::to_string(request.body.size()));
  request.headers.Add("content-type", "application/json");
  request.headers.Add("x-content-sha256", Base64Encode(Sha256(AsBytes(request.body))));
  return request;
}

TEST(OciAuth, AcceptsASignedRequest) {
  OciCaller caller(WithBucket());
  EXPECT_EQ(caller.service().Handle(SignedList(caller)).status, 200);
}

TEST(OciAuth, RefusesARequestWithoutASignature) {
  OciCaller caller(WithBucket());
  const Response response = caller.service().Handle(OciCaller::MakeRequest("GET", "/n"));
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(CodeOf(response), "NotAuthenticated");
  EXPECT_EQ(response.operation, "oci.get_namespace");
}

TEST(OciAuth, RefusesATargetOtherThanTheSignedOne) {
  OciCaller caller(WithBucket());
  Request request = SignedList(caller);
  request.raw_target += "c";
  EXPECT_EQ(caller.service().Handle(request).status, 401);
}

TEST(OciAuth, RefusesAnUnknownKeyId) {
  OciCaller caller(WithBucket());
  caller.service().authenticator().Revoke(caller.key_id());
  EXPECT_EQ(caller.service().Handle(SignedList(caller)).status, 401);
}

TEST(OciAuth, AcceptsXDateInsteadOfDateAndNamesInAnyCase) {
  OciCaller caller(WithBucket());
  Request request = OciCaller::MakeRequest("GET", "/n");
  request.headers.Add("x-date", FormatHttpDate(caller.clock().WallNow()));
  caller.Sign(request, "x-date (request-target) host");
  std::string authorization(request.headers.Get("authorization"));
  authorization.replace(authorization.find("x-date"), 6, "X-Date");
  request.headers.Set("authorization", authorization);
  EXPECT_EQ(caller.service().Handle(request).status, 200);
}

TEST(OciAuth, RefusesAClockMoreThanFiveMinutesOff) {
  OciCaller caller(WithBucket());
  const Request request = SignedList(caller);
  caller.clock().Advance(std::chrono::minutes(5));
  EXPECT_EQ(caller.service().Handle(request).status, 200);
  caller.clock().Advance(std::chrono::seconds(1));
  EXPECT_EQ(caller.service().Handle(request).status, 401);
}

TEST(OciAuth, JudgesTimesByTheSkewThatARuleAsksFor) {
  OciCaller caller(WithBucket());
  Request request = SignedList(caller);
  request.clock_skew = std::chrono::minutes(6);
  EXPECT_EQ(caller.service().Handle(request).status, 401);
}

TEST(OciAuth, NeedsTheBodyCoveredByThePostOfAnAction) {
  OciCaller caller(WithBucket());
  Request request = RenameWithoutSignature();
  caller.Sign(request, kPlainSignature);
  EXPECT_EQ(caller.service().Handle(request).status, 401);
  caller.Sign(request, kBodySignature);
  EXPECT_EQ(CodeOf(caller.service().Handle(request)), "ObjectNotFound");
}

TEST(OciAuth, RefusesABodyThatIsNotTheSignedOne) {
  OciCaller caller(WithBucket());
  Request request = RenameWithoutSignature();
  caller.Sign(request, kBodySignature);
  request.body.back() = ' ';
  EXPECT_EQ(caller.service().Handle(request).status, 401);
}

TEST(OciAuth, ExemptsPutObjectFromCoveringItsBody) {
  OciCaller caller(WithBucket());
  Request request = OciCaller::MakeRequest("PUT", std::string(kBucket) + "/o/a", "hello");
  request.headers.Add("content-length", "5");
  caller.Sign(request, kPlainSignature);
  EXPECT_EQ(caller.service().Handle(request).status, 200);
}

TEST(OciAuth, AnswersAHeadThatIsRefusedWithoutABody) {
  OciCaller caller(WithBucket());
  const Response response =
      caller.service().Handle(OciCaller::MakeRequest("HEAD", std::string(kBucket) + "/o/a"));
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(BodyOf(response), "");
}

TEST(OciAuth, ServesAnybodyWhereSignaturesAreNotRequired) {
  OciCaller caller({.buckets = {"lake"}, .require_signatures = false});
  EXPECT_EQ(caller.service().Handle(OciCaller::MakeRequest("GET", "/n")).body,
            "\"localnamespace\"");
}

}  // namespace
}  // namespace skybridge::localcloud
