#include "backends/azure/error.h"

#include <gtest/gtest.h>

#include "core/time_text.h"

namespace skybridge::azure {
namespace {

const WallTime kNow = *ParseRfc3339("2026-01-05T10:20:30Z");

struct TableRow {
  int status;
  std::string code;
  ErrorCode meaning;
  bool retryable;
};

class AzureErrorTable : public ::testing::TestWithParam<TableRow> {};

TEST_P(AzureErrorTable, MapsStatusAndCode) {
  const TableRow& row = GetParam();
  EXPECT_EQ(MeaningOf(row.status, row.code), (Meaning{row.meaning, row.retryable}))
      << row.status << " " << row.code;
}

constexpr bool kRetry = true;
constexpr bool kFinal = false;

INSTANTIATE_TEST_SUITE_P(
    Requests, AzureErrorTable,
    ::testing::Values(
        TableRow{400, "InvalidUri", ErrorCode::kInvalidName, kFinal},
        TableRow{400, "InvalidResourceName", ErrorCode::kInvalidName, kFinal},
        TableRow{400, "InvalidInput", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "InvalidHeaderValue", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "InvalidQueryParameterValue", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "OutOfRangeInput", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "OutOfRangeQueryParameterValue", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "MissingRequiredHeader", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "MissingRequiredQueryParameter", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "UnsupportedHeader", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "UnsupportedQueryParameter", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "UnsupportedRestVersion", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "InvalidPropertyName", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "InvalidMetadata", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "MetadataTooLarge", ErrorCode::kTooLarge, kFinal},
        TableRow{400, "ContentLengthMustBeZero", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "UnsatisfiableCondition", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "AccountRequiresHttps", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "InvalidRenameDestinationPath", ErrorCode::kInvalidName, kFinal},
        TableRow{409, "InvalidRenameSourcePath", ErrorCode::kInvalidArgument, kFinal},
        TableRow{400, "PathIsTooDeep", ErrorCode::kNameTooLong, kFinal},
        TableRow{405, "UnsupportedHttpVerb", ErrorCode::kNotSupported, kFinal}));

INSTANTIATE_TEST_SUITE_P(
    StagedData, AzureErrorTable,
    ::testing::Values(TableRow{400, "InvalidFlushPosition", ErrorCode::kConflict, kFinal},
                      TableRow{409, "InvalidFlushOperation", ErrorCode::kConflict, kFinal},
                      TableRow{409, "InvalidAppendOperation", ErrorCode::kConflict, kFinal},
                      TableRow{400, "InvalidBlockList", ErrorCode::kConflict, kFinal},
                      TableRow{400, "InvalidBlobOrBlock", ErrorCode::kConflict, kRetry},
                      TableRow{400, "Md5Mismatch", ErrorCode::kCorrupt, kRetry},
                      TableRow{400, "Crc64Mismatch", ErrorCode::kCorrupt, kRetry}));

INSTANTIATE_TEST_SUITE_P(
    Identity, AzureErrorTable,
    ::testing::Values(
        TableRow{401, "NoAuthenticationInformation", ErrorCode::kUnauthenticated, kFinal},
        TableRow{401, "InvalidAuthenticationInfo", ErrorCode::kUnauthenticated, kFinal},
        TableRow{403, "AuthenticationFailed", ErrorCode::kUnauthenticated, kFinal},
        TableRow{403, "AuthorizationFailure", ErrorCode::kPermissionDenied, kFinal},
        TableRow{403, "AuthorizationPermissionMismatch", ErrorCode::kPermissionDenied, kFinal},
        TableRow{403, "AuthorizationServiceMismatch", ErrorCode::kPermissionDenied, kFinal},
        TableRow{403, "AuthorizationResourceTypeMismatch", ErrorCode::kPermissionDenied, kFinal},
        TableRow{403, "AuthorizationProtocolMismatch", ErrorCode::kPermissionDenied, kFinal},
        TableRow{403, "AuthorizationSourceIPMismatch", ErrorCode::kPermissionDenied, kFinal},
        TableRow{403, "InsufficientAccountPermissions", ErrorCode::kPermissionDenied, kFinal},
        TableRow{403, "KeyBasedAuthenticationNotPermitted", ErrorCode::kPermissionDenied, kFinal},
        TableRow{403, "AccountIsDisabled", ErrorCode::kPermissionDenied, kFinal}));

INSTANTIATE_TEST_SUITE_P(
    Existence, AzureErrorTable,
    ::testing::Values(
        TableRow{404, "PathNotFound", ErrorCode::kNotFound, kFinal},
        TableRow{404, "BlobNotFound", ErrorCode::kNotFound, kFinal},
        TableRow{404, "ResourceNotFound", ErrorCode::kNotFound, kFinal},
        TableRow{404, "SourcePathNotFound", ErrorCode::kNotFound, kFinal},
        TableRow{404, "RenameDestinationParentPathNotFound", ErrorCode::kNotFound, kFinal},
        TableRow{404, "FilesystemNotFound", ErrorCode::kContainerNotFound, kFinal},
        TableRow{404, "ContainerNotFound", ErrorCode::kContainerNotFound, kFinal},
        TableRow{409, "PathAlreadyExists", ErrorCode::kAlreadyExists, kFinal},
        TableRow{409, "BlobAlreadyExists", ErrorCode::kAlreadyExists, kFinal},
        TableRow{409, "ResourceAlreadyExists", ErrorCode::kAlreadyExists, kFinal},
        TableRow{409, "FilesystemAlreadyExists", ErrorCode::kAlreadyExists, kFinal},
        TableRow{409, "ContainerAlreadyExists", ErrorCode::kAlreadyExists, kFinal},
        TableRow{409, "DirectoryNotEmpty", ErrorCode::kNotEmpty, kFinal},
        TableRow{409, "DirectoryIsNotEmpty", ErrorCode::kNotEmpty, kFinal},
        TableRow{409, "PathConflict", ErrorCode::kIsDirectory, kFinal},
        TableRow{409, "ResourceTypeMismatch", ErrorCode::kIsDirectory, kFinal},
        TableRow{409, "InvalidSourceOrDestinationResourceType", ErrorCode::kIsDirectory, kFinal},
        TableRow{409, "InvalidDestinationPath", ErrorCode::kNotDirectory, kFinal}));

INSTANTIATE_TEST_SUITE_P(
    HeldOrBusy, AzureErrorTable,
    ::testing::Values(
        TableRow{409, "LeaseAlreadyPresent", ErrorCode::kLocked, kFinal},
        TableRow{409, "LeaseIdMismatchWithLeaseOperation", ErrorCode::kLocked, kFinal},
        TableRow{409, "LeaseIsBreakingAndCannotBeAcquired", ErrorCode::kLocked, kFinal},
        TableRow{409, "LeaseIsBreakingAndCannotBeChanged", ErrorCode::kLocked, kFinal},
        TableRow{409, "LeaseIsBrokenAndCannotBeRenewed", ErrorCode::kLocked, kFinal},
        TableRow{409, "LeaseIsAlreadyBroken", ErrorCode::kLocked, kFinal},
        TableRow{409, "LeaseNotPresentWithLeaseOperation", ErrorCode::kLocked, kFinal},
        TableRow{412, "LeaseIdMissing", ErrorCode::kLocked, kFinal},
        TableRow{412, "LeaseIdMismatch", ErrorCode::kLocked, kFinal},
        TableRow{412, "LeaseIdMismatchWithBlobOperation", ErrorCode::kLocked, kFinal},
        TableRow{412, "LeaseLost", ErrorCode::kLocked, kFinal},
        TableRow{412, "LeaseNotPresentWithBlobOperation", ErrorCode::kLocked, kFinal},
        TableRow{409, "SourcePathIsBeingDeleted", ErrorCode::kConflict, kRetry},
        TableRow{409, "DestinationPathIsBeingDeleted", ErrorCode::kConflict, kRetry},
        TableRow{409, "FilesystemBeingDeleted", ErrorCode::kConflict, kRetry},
        TableRow{409, "ContainerBeingDeleted", ErrorCode::kConflict, kRetry},
        TableRow{409, "InternalOperationAbortError", ErrorCode::kConflict, kRetry}));

INSTANTIATE_TEST_SUITE_P(
    Limits, AzureErrorTable,
    ::testing::Values(TableRow{409, "BlobOperationNotSupported", ErrorCode::kNotSupported, kFinal},
                      TableRow{409, "FeatureNotYetSupportedForHierarchicalNamespaceAccounts",
                               ErrorCode::kNotSupported, kFinal},
                      TableRow{409, "InvalidBlobType", ErrorCode::kNotSupported, kFinal},
                      TableRow{409, "BlobArchived", ErrorCode::kConflict, kFinal},
                      TableRow{409, "BlobBeingRehydrated", ErrorCode::kConflict, kFinal},
                      TableRow{409, "BlobImmutableDueToPolicy", ErrorCode::kReadOnly, kFinal},
                      TableRow{409, "BlobImmutableDueToLegalHold", ErrorCode::kReadOnly, kFinal},
                      TableRow{409, "BlockCountExceedsLimit", ErrorCode::kTooLarge, kFinal},
                      TableRow{413, "RequestBodyTooLarge", ErrorCode::kTooLarge, kFinal}));

INSTANTIATE_TEST_SUITE_P(
    Conditions, AzureErrorTable,
    ::testing::Values(
        TableRow{412, "ConditionNotMet", ErrorCode::kPreconditionFailed, kFinal},
        TableRow{412, "SourceConditionNotMet", ErrorCode::kPreconditionFailed, kFinal},
        TableRow{412, "TargetConditionNotMet", ErrorCode::kPreconditionFailed, kFinal},
        TableRow{304, "", ErrorCode::kPreconditionFailed, kFinal}));

INSTANTIATE_TEST_SUITE_P(
    ServiceTrouble, AzureErrorTable,
    ::testing::Values(TableRow{500, "InternalError", ErrorCode::kUnavailable, kRetry},
                      TableRow{500, "OperationTimedOut", ErrorCode::kTimedOut, kRetry},
                      TableRow{503, "ServerBusy", ErrorCode::kThrottled, kRetry}));

INSTANTIATE_TEST_SUITE_P(
    StatusAlone, AzureErrorTable,
    ::testing::Values(TableRow{400, "", ErrorCode::kInvalidArgument, kFinal},
                      TableRow{401, "", ErrorCode::kUnauthenticated, kFinal},
                      TableRow{403, "", ErrorCode::kPermissionDenied, kFinal},
                      TableRow{404, "", ErrorCode::kNotFound, kFinal},
                      TableRow{405, "", ErrorCode::kNotSupported, kFinal},
                      TableRow{408, "", ErrorCode::kTimedOut, kRetry},
                      TableRow{409, "NeverHeardOf", ErrorCode::kConflict, kFinal},
                      TableRow{412, "", ErrorCode::kPreconditionFailed, kFinal},
                      TableRow{413, "", ErrorCode::kTooLarge, kFinal},
                      TableRow{416, "InvalidRange", ErrorCode::kInvalidArgument, kFinal},
                      TableRow{429, "", ErrorCode::kThrottled, kRetry},
                      TableRow{500, "", ErrorCode::kUnavailable, kRetry},
                      TableRow{501, "", ErrorCode::kNotSupported, kFinal},
                      TableRow{502, "", ErrorCode::kUnavailable, kRetry},
                      TableRow{503, "", ErrorCode::kUnavailable, kRetry},
                      TableRow{504, "", ErrorCode::kUnavailable, kRetry},
                      TableRow{505, "", ErrorCode::kNotSupported, kFinal},
                      TableRow{507, "", ErrorCode::kNoSpace, kFinal},
                      TableRow{302, "", ErrorCode::kUnavailable, kFinal}));

HttpResponse Reply(int status, std::string body,
                   std::vector<std::pair<std::string, std::string>> headers = {}) {
  HttpResponse response{.status = status, .body = std::move(body)};
  for (auto& [name, value] : headers) response.headers.Add(std::move(name), std::move(value));
  return response;
}

TEST(AzureError, ReadsJsonBodyOfDfs) {
  const ServiceError error = ParseServiceError(Reply(
      404,
      R"({"error":{"code":"PathNotFound","message":"The specified path does not exist.\nRequestId:1\nTime:2026-01-05T10:20:30.1234567Z"}})"));
  EXPECT_EQ(error.code, "PathNotFound");
  EXPECT_EQ(error.message, "The specified path does not exist.");
}

TEST(AzureError, ReadsXmlBodyOfBlobBehindAByteOrderMark) {
  const ServiceError error = ParseServiceError(
      Reply(400,
            "\xEF\xBB\xBF<?xml version=\"1.0\" "
            "encoding=\"utf-8\"?>\n<Error><Code>InvalidHeaderValue</Code><Message>The "
            "value isn&apos;t "
            "right.\nRequestId:1\nTime:2</Message><HeaderName>x-ms-version</HeaderName></Error>"));
  EXPECT_EQ(error.code, "InvalidHeaderValue");
  EXPECT_EQ(error.message, "The value isn't right. (header x-ms-version)");
}

TEST(AzureError, TrustsTheHeaderBeforeTheBody) {
  const ServiceError error =
      ParseServiceError(Reply(409, R"({"error":{"code":"Other","message":"m"}})",
                              {{"x-ms-error-code", "PathAlreadyExists"}}));
  EXPECT_EQ(error.code, "PathAlreadyExists");
  EXPECT_EQ(error.message, "m");
}

TEST(AzureError, UnderstandsHeadWithoutBody) {
  const Error error = MakeError("head 'a'", Reply(404, "", {{"x-ms-request-id", "r1"}}), kNow);
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_EQ(error.remote.http_status, 404);
  EXPECT_EQ(error.remote.request_id, "r1");
}

TEST(AzureError, SurvivesTheHtmlPageOfAProxy) {
  const Error error =
      MakeError("get 'a'", Reply(502, "<html><body><p>Bad gateway</body></html>"), kNow);
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_TRUE(error.retryable);
}

TEST(AzureError, KnowsTheServiceByItsHeaders) {
  const auto is_from_service = [](std::string_view name, std::string_view value) {
    HttpHeaders headers;
    headers.Add(std::string(name), std::string(value));
    return IsFromService(headers);
  };
  EXPECT_TRUE(is_from_service("X-Ms-Request-Id", "1"));
  EXPECT_TRUE(is_from_service("Server", "Windows-Azure-HDFS/1.0 Microsoft-HTTPAPI/2.0"));
  EXPECT_TRUE(is_from_service("Server", "Azurite-Blob/3.35.0"));
  EXPECT_FALSE(is_from_service("Server", "nginx"));
}

TEST(AzureError, SaysHowFarTheClockIsOffWhenASignatureIsRefused) {
  const auto reply = Reply(
      403, "",
      {{"x-ms-error-code", "AuthenticationFailed"}, {"Date", "Mon, 05 Jan 2026 11:20:30 GMT"}});
  const Error error = MakeError("get 'a'", reply, kNow);
  EXPECT_EQ(error.code, ErrorCode::kUnauthenticated);
  EXPECT_NE(error.message.find("clock is 60 minutes behind"), std::string::npos) << error.message;
}

TEST(AzureError, DoesNotBlameTheClockWhenItIsRight) {
  const auto reply = Reply(
      403, "",
      {{"x-ms-error-code", "AuthenticationFailed"}, {"Date", "Mon, 05 Jan 2026 10:21:30 GMT"}});
  EXPECT_EQ(MakeError("get 'a'", reply, kNow).message.find("clock"), std::string::npos);
}

TEST(AzureError, HonoursRetryAfterInEverySpelling) {
  using std::chrono::milliseconds;
  const auto of = [](std::string name, std::string value) {
    return RetryAfter(Reply(503, "", {{std::move(name), std::move(value)}}).headers, kNow);
  };
  EXPECT_EQ(of("Retry-After", "7"), milliseconds(7000));
  EXPECT_EQ(of("Retry-After", "Mon, 05 Jan 2026 10:20:40 GMT"), milliseconds(10000));
  EXPECT_EQ(of("Retry-After", "Mon, 05 Jan 2026 10:20:00 GMT"), milliseconds(0));
  EXPECT_EQ(of("retry-after-ms", "250"), milliseconds(250));
  EXPECT_EQ(of("x-ms-retry-after-ms", "125"), milliseconds(125));
  EXPECT_EQ(of("Retry-After", "soon"), std::nullopt);
  EXPECT_EQ(of("Other", "1"), std::nullopt);
}

}  // namespace
}  // namespace skybridge::azure
