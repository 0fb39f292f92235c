#include "backends/oci/error.h"

#include <gtest/gtest.h>

#include "core/time_text.h"

namespace skybridge::oci {
namespace {

struct Row {
  int status;
  std::string code;
  ErrorCode expected;
  bool retryable;
};

HttpResponse Answer(int status, const std::string& code) {
  HttpResponse response;
  response.status = status;
  response.headers.Add("opc-request-id", "iad-1:abc");
  if (!code.empty()) response.body = R"({"code":")" + code + R"(","message":"because"})";
  return response;
}

class OciErrorTable : public ::testing::TestWithParam<Row> {};

TEST_P(OciErrorTable, MapsStatusAndCode) {
  const Row& row = GetParam();
  const Error error = ErrorFromResponse("get 'a'", Answer(row.status, row.code), WallTime{});
  EXPECT_EQ(error.code, row.expected) << ErrorCodeName(error.code);
  EXPECT_EQ(error.retryable, row.retryable);
  EXPECT_EQ(error.remote.http_status, row.status);
  EXPECT_EQ(error.remote.service_code, row.code);
}

INSTANTIATE_TEST_SUITE_P(
    AllRows, OciErrorTable,
    ::testing::Values(
        Row{400, "InvalidParameter", ErrorCode::kInvalidArgument, false},
        Row{400, "InvalidObjectName", ErrorCode::kInvalidName, false},
        Row{400, "UnmatchedContentMD5", ErrorCode::kCorrupt, true},
        Row{400, "UnmatchedContentCrc32c", ErrorCode::kCorrupt, true},
        Row{400, "UnmatchedContentCRC32C", ErrorCode::kCorrupt, true},
        Row{400, "ContentChecksumMismatch", ErrorCode::kCorrupt, true},
        Row{400, "InvalidUploadPart", ErrorCode::kInvalidArgument, false},
        Row{400, "MetadataTooLarge", ErrorCode::kTooLarge, false},
        Row{400, "LimitExceeded", ErrorCode::kNoSpace, false},
        Row{400, "QuotaExceeded", ErrorCode::kNoSpace, false},
        Row{400, "StorageLimitExceeded", ErrorCode::kNoSpace, false},
        Row{400, "StorageQuotaExceeded", ErrorCode::kNoSpace, false},
        Row{400, "InsufficientServicePermissions", ErrorCode::kPermissionDenied, false},
        Row{400, "RelatedResourceNotAuthorizedOrNotFound", ErrorCode::kPermissionDenied, false},
        Row{400, "CannotParseRequest", ErrorCode::kInvalidArgument, false},
        Row{400, "MissingParameter", ErrorCode::kInvalidArgument, false},
        Row{400, "InvalidJSON", ErrorCode::kInvalidArgument, false},
        Row{400, "InvalidBucketName", ErrorCode::kInvalidArgument, false},
        Row{400, "InvalidMetadata", ErrorCode::kInvalidArgument, false},
        Row{400, "InvalidLimit", ErrorCode::kInvalidArgument, false},
        Row{400, "InvalidContentMD5", ErrorCode::kInvalidArgument, false},
        Row{400, "InvalidUploadPartOrder", ErrorCode::kInvalidArgument, false},
        Row{400, "InvalidUploadPartNumber", ErrorCode::kInvalidArgument, false},
        Row{400, "SourceNameSameAsNewName", ErrorCode::kInvalidArgument, false},
        Row{400, "IfMatchDisallowed", ErrorCode::kInvalidArgument, false},
        Row{400, "IfNoneMatchDisallowed", ErrorCode::kInvalidArgument, false},
        Row{400, "NoCondMultEntities", ErrorCode::kInvalidArgument, false},
        Row{403, "NotAllowed", ErrorCode::kPermissionDenied, false},
        Row{403, "SignUpRequired", ErrorCode::kPermissionDenied, false},
        Row{403, "Forbidden", ErrorCode::kPermissionDenied, false},
        Row{404, "PreauthenticatedRequestNotFound", ErrorCode::kUnauthenticated, false},
        Row{409, "RestoreInProgress", ErrorCode::kConflict, false},
        Row{409, "Conflict", ErrorCode::kConflict, false},
        Row{409, "InvalidatedRetryToken", ErrorCode::kConflict, false},
        Row{409, "RequestAlreadyExists", ErrorCode::kAlreadyExists, false},
        Row{412, "NoEtagMatch", ErrorCode::kPreconditionFailed, false},
        Row{412, "LimitTooHigh", ErrorCode::kInvalidArgument, false},
        Row{428, "IfMatchRequired", ErrorCode::kInvalidArgument, false},
        Row{501, "MethodNotImplemented", ErrorCode::kNotSupported, false},
        Row{304, "", ErrorCode::kPreconditionFailed, false},
        Row{401, "NotAuthenticated", ErrorCode::kUnauthenticated, false},
        Row{403, "NotAuthorized", ErrorCode::kPermissionDenied, false},
        Row{403, "BucketIsReadonly", ErrorCode::kReadOnly, false},
        Row{404, "ObjectNotFound", ErrorCode::kNotFound, false},
        Row{404, "", ErrorCode::kNotFound, false},
        Row{404, "UploadNotFound", ErrorCode::kNotFound, false},
        Row{404, "BucketNotFound", ErrorCode::kContainerNotFound, false},
        Row{404, "NamespaceNotFound", ErrorCode::kContainerNotFound, false},
        Row{404, "NotAuthorizedOrNotFound", ErrorCode::kContainerNotFound, false},
        Row{405, "MethodNotAllowed", ErrorCode::kNotSupported, false},
        Row{406, "", ErrorCode::kNotSupported, false},
        Row{408, "RequestTimeout", ErrorCode::kTimedOut, true},
        Row{409, "ConcurrentObjectUpdate", ErrorCode::kConflict, true},
        Row{409, "IncorrectState", ErrorCode::kConflict, true},
        Row{409, "LockConflict", ErrorCode::kLocked, true},
        Row{409, "BucketAlreadyExists", ErrorCode::kAlreadyExists, false},
        Row{409, "NotAuthorizedOrResourceAlreadyExists", ErrorCode::kAlreadyExists, false},
        Row{409, "BucketNotEmpty", ErrorCode::kNotEmpty, false},
        Row{409, "NotRestored", ErrorCode::kConflict, false},
        Row{411, "ContentLengthRequired", ErrorCode::kInvalidArgument, false},
        Row{412, "IfMatchFailed", ErrorCode::kPreconditionFailed, false},
        Row{412, "", ErrorCode::kPreconditionFailed, false},
        Row{412, "IfNoneMatchFailed", ErrorCode::kAlreadyExists, false},
        Row{413, "RequestEntityTooLarge", ErrorCode::kTooLarge, false},
        Row{415, "", ErrorCode::kNotSupported, false},
        Row{416, "InvalidRange", ErrorCode::kInvalidArgument, false},
        Row{422, "ETagMD5Mismatch", ErrorCode::kCorrupt, false},
        Row{429, "TooManyRequests", ErrorCode::kThrottled, true},
        Row{500, "InternalServerError", ErrorCode::kUnavailable, true},
        Row{501, "NotImplemented", ErrorCode::kNotSupported, false},
        Row{502, "", ErrorCode::kUnavailable, true},
        Row{503, "ServiceUnavailable", ErrorCode::kThrottled, true},
        Row{504, "", ErrorCode::kUnavailable, true}, Row{599, "", ErrorCode::kUnavailable, true}));

TEST(OciError, KeepsWhatTheServiceSaid) {
  const HttpResponse response = Answer(404, "ObjectNotFound");
  const Error error = ErrorFromResponse("get 'a'", response, WallTime{});
  EXPECT_EQ(error.ToString(),
            "not_found: get 'a': because (404 ObjectNotFound, request iad-1:abc)");
}

TEST(OciError, ToleratesBodiesThatAreNotJson) {
  HttpResponse response;
  response.status = 502;
  response.body = "<html>Bad Gateway</html>";
  const Error error = ErrorFromResponse("get 'a'", response, WallTime{});
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(error.message, "get 'a': HTTP 502");
}

TEST(OciError, AGatewaysBusyIsNotTheServicesSlowDown) {
  HttpResponse response;
  response.status = 503;
  EXPECT_EQ(ErrorFromResponse("put 'a'", response, WallTime{}).code, ErrorCode::kUnavailable);
}

TEST(OciError, ReadsRetryAfterInBothForms) {
  const WallTime now = ParseHttpDate("Mon, 05 Jan 2026 10:20:30 GMT").value();
  HttpResponse response = Answer(429, "TooManyRequests");
  EXPECT_FALSE(ErrorFromResponse("x", response, now).retry_after);
  response.headers.Set("Retry-After", "7");
  EXPECT_EQ(ErrorFromResponse("x", response, now).retry_after, std::chrono::seconds(7));
  response.headers.Set("Retry-After", "Mon, 05 Jan 2026 10:20:45 GMT");
  EXPECT_EQ(ErrorFromResponse("x", response, now).retry_after, std::chrono::seconds(15));
  response.headers.Set("Retry-After", "soon");
  EXPECT_FALSE(ErrorFromResponse("x", response, now).retry_after);
}

}  // namespace
}  // namespace skybridge::oci
