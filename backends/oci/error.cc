#include "backends/oci/error.h"

#include <span>
#include <utility>

#include "backends/identity_failure.h"
#include "backends/oci/replies.h"
#include "backends/retry_after.h"

namespace skybridge::oci {
namespace {

struct Row {
  int status;
  std::string_view code;  // empty: every other code of this status
  ErrorCode error;
  bool retryable = false;
};

// The first row that fits counts.
constexpr Row kRows[] = {
    {304, "", ErrorCode::kPreconditionFailed},  // If-None-Match: it is still that version
    {400, "InvalidObjectName", ErrorCode::kInvalidName},
    {400, "UnmatchedContentMD5", ErrorCode::kCorrupt, true},
    {400, "UnmatchedContentCrc32c", ErrorCode::kCorrupt, true},
    {400, "UnmatchedContentCRC32C", ErrorCode::kCorrupt, true},
    {400, "ContentChecksumMismatch", ErrorCode::kCorrupt, true},
    {400, "MetadataTooLarge", ErrorCode::kTooLarge},
    {400, "LimitExceeded", ErrorCode::kNoSpace},
    {400, "QuotaExceeded", ErrorCode::kNoSpace},
    {400, "StorageLimitExceeded", ErrorCode::kNoSpace},
    {400, "StorageQuotaExceeded", ErrorCode::kNoSpace},
    {400, "InsufficientServicePermissions", ErrorCode::kPermissionDenied},
    {400, "RelatedResourceNotAuthorizedOrNotFound", ErrorCode::kPermissionDenied},
    {400, "", ErrorCode::kInvalidArgument},
    {401, "", ErrorCode::kUnauthenticated},
    {403, "BucketIsReadonly", ErrorCode::kReadOnly},
    {403, "", ErrorCode::kPermissionDenied},
    {404, "BucketNotFound", ErrorCode::kContainerNotFound},
    {404, "NamespaceNotFound", ErrorCode::kContainerNotFound},
    {404, "NotAuthorizedOrNotFound", ErrorCode::kContainerNotFound},
    // The request that stands for who we are is gone, not an object.
    {404, "PreauthenticatedRequestNotFound", ErrorCode::kUnauthenticated},
    {404, "", ErrorCode::kNotFound},
    {405, "", ErrorCode::kNotSupported},
    {406, "", ErrorCode::kNotSupported},
    {408, "", ErrorCode::kTimedOut, true},
    {409, "ConcurrentObjectUpdate", ErrorCode::kConflict, true},
    {409, "IncorrectState", ErrorCode::kConflict, true},
    {409, "LockConflict", ErrorCode::kLocked, true},
    {409, "BucketAlreadyExists", ErrorCode::kAlreadyExists},
    {409, "NotAuthorizedOrResourceAlreadyExists", ErrorCode::kAlreadyExists},
    {409, "BucketNotEmpty", ErrorCode::kNotEmpty},
    {409, "RequestAlreadyExists", ErrorCode::kAlreadyExists},
    // NotRestored and RestoreInProgress too: the object is whole, and can be read again later.
    {409, "", ErrorCode::kConflict},
    {412, "IfNoneMatchFailed", ErrorCode::kAlreadyExists},
    {412, "LimitTooHigh", ErrorCode::kInvalidArgument},  // of a listing: no condition
    {412, "", ErrorCode::kPreconditionFailed},
    {413, "", ErrorCode::kTooLarge},
    {415, "", ErrorCode::kNotSupported},
    {422, "", ErrorCode::kCorrupt},
    {429, "", ErrorCode::kThrottled, true},
    {500, "", ErrorCode::kUnavailable, true},
    {501, "", ErrorCode::kNotSupported},
    {502, "", ErrorCode::kUnavailable, true},
    {503, "", ErrorCode::kThrottled, true},
    {504, "", ErrorCode::kUnavailable, true},
};

void Classify(int status, std::string_view code, Error& error) {
  for (const Row& row : std::span(kRows)) {
    if (row.status == status && (row.code.empty() || row.code == code)) {
      error.code = row.error;
      error.retryable = row.retryable;
      return;
    }
  }
  error.code = status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kInvalidArgument;
  error.retryable = status >= 500;
}

}  // namespace

Error ErrorFromStatus(std::string_view what, int http_status, std::string_view message) {
  Error error;
  error.message = std::string(what) + ": " +
                  (message.empty() ? "HTTP " + std::to_string(http_status) : std::string(message));
  error.remote.http_status = http_status;
  Classify(http_status, {}, error);
  return error;
}

bool IsFromService(const HttpHeaders& headers) { return headers.Find("opc-request-id") != nullptr; }

Error ErrorFromResponse(std::string_view what, const HttpResponse& response, WallTime now) {
  const ServiceError said = ParseServiceError(response.body);
  Error error = ErrorFromStatus(what, response.status, said.message);
  Classify(response.status, said.code, error);
  // A gateway's 503 is not the service's "slow down": the request may have been carried out.
  if (response.status == 503 && !IsFromService(response.headers))
    error.code = ErrorCode::kUnavailable;
  error.remote.service_code = said.code;
  error.remote.request_id = response.headers.Get("opc-request-id");
  error.retry_after = ParseRetryAfter(response.headers.Get("retry-after"), now);
  return error;
}

Error ErrorFromIssuer(std::string_view what, const HttpResponse& response, WallTime now) {
  Error error = ErrorFromResponse(what, response, now);
  const bool stranger = !IsFromService(response.headers) && error.remote.service_code.empty();
  if (stranger && IsMeaninglessFromStrangers(response.status))
    return StrangersAnswer(what, response);
  return AsIdentityFailure(std::move(error));
}

}  // namespace skybridge::oci
