#include "backends/azure/error.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include "backends/retry_after.h"
#include "core/time_text.h"

namespace skybridge::azure {
namespace {

struct Row {
  std::string_view service_code;
  Meaning meaning;
};

constexpr Meaning Final(ErrorCode code) { return {.code = code, .retryable = false}; }
constexpr Meaning Later(ErrorCode code) { return {.code = code, .retryable = true}; }

// By service code: the same code means the same whatever status carries it.
constexpr Row kByCode[] = {
    // Requests that can never succeed as they are.
    {"InvalidUri", Final(ErrorCode::kInvalidName)},
    {"InvalidResourceName", Final(ErrorCode::kInvalidName)},
    {"InvalidInput", Final(ErrorCode::kInvalidArgument)},
    {"InvalidHeaderValue", Final(ErrorCode::kInvalidArgument)},
    {"InvalidQueryParameterValue", Final(ErrorCode::kInvalidArgument)},
    {"OutOfRangeInput", Final(ErrorCode::kInvalidArgument)},
    {"OutOfRangeQueryParameterValue", Final(ErrorCode::kInvalidArgument)},
    {"MissingRequiredHeader", Final(ErrorCode::kInvalidArgument)},
    {"MissingRequiredQueryParameter", Final(ErrorCode::kInvalidArgument)},
    {"UnsupportedHeader", Final(ErrorCode::kInvalidArgument)},
    {"UnsupportedQueryParameter", Final(ErrorCode::kInvalidArgument)},
    {"UnsupportedRestVersion", Final(ErrorCode::kInvalidArgument)},
    {"InvalidPropertyName", Final(ErrorCode::kInvalidArgument)},
    {"InvalidMetadata", Final(ErrorCode::kInvalidArgument)},
    {"MetadataTooLarge", Final(ErrorCode::kTooLarge)},
    {"ContentLengthMustBeZero", Final(ErrorCode::kInvalidArgument)},
    {"UnsatisfiableCondition", Final(ErrorCode::kInvalidArgument)},
    {"AccountRequiresHttps", Final(ErrorCode::kInvalidArgument)},
    {"InvalidRenameSourcePath", Final(ErrorCode::kInvalidArgument)},
    {"InvalidRenameDestinationPath", Final(ErrorCode::kInvalidName)},
    {"PathIsTooDeep", Final(ErrorCode::kNameTooLong)},
    // State of staged data: somebody else has written to it, or an attempt of ours. Who gets this
    // looks (kConflict) before anything is concluded.
    {"InvalidFlushPosition", Final(ErrorCode::kConflict)},
    {"InvalidFlushOperation", Final(ErrorCode::kConflict)},
    {"InvalidAppendOperation", Final(ErrorCode::kConflict)},
    {"InvalidBlockList", Final(ErrorCode::kConflict)},
    {"InvalidBlobOrBlock", Later(ErrorCode::kConflict)},
    // The body did not arrive as it was sent: send the same bytes again.
    {"Md5Mismatch", Later(ErrorCode::kCorrupt)},
    {"Crc64Mismatch", Later(ErrorCode::kCorrupt)},
    // Who we are.
    {"NoAuthenticationInformation", Final(ErrorCode::kUnauthenticated)},
    {"InvalidAuthenticationInfo", Final(ErrorCode::kUnauthenticated)},
    {"AuthenticationFailed", Final(ErrorCode::kUnauthenticated)},
    {"AuthorizationFailure", Final(ErrorCode::kPermissionDenied)},
    {"AuthorizationPermissionMismatch", Final(ErrorCode::kPermissionDenied)},
    {"AuthorizationServiceMismatch", Final(ErrorCode::kPermissionDenied)},
    {"AuthorizationResourceTypeMismatch", Final(ErrorCode::kPermissionDenied)},
    {"AuthorizationProtocolMismatch", Final(ErrorCode::kPermissionDenied)},
    {"AuthorizationSourceIPMismatch", Final(ErrorCode::kPermissionDenied)},
    {"InsufficientAccountPermissions", Final(ErrorCode::kPermissionDenied)},
    {"KeyBasedAuthenticationNotPermitted", Final(ErrorCode::kPermissionDenied)},
    {"AccountIsDisabled", Final(ErrorCode::kPermissionDenied)},
    // What is not there.
    {"PathNotFound", Final(ErrorCode::kNotFound)},
    {"BlobNotFound", Final(ErrorCode::kNotFound)},
    {"ResourceNotFound", Final(ErrorCode::kNotFound)},
    {"SourcePathNotFound", Final(ErrorCode::kNotFound)},
    {"RenameDestinationParentPathNotFound", Final(ErrorCode::kNotFound)},
    {"FilesystemNotFound", Final(ErrorCode::kContainerNotFound)},
    {"ContainerNotFound", Final(ErrorCode::kContainerNotFound)},
    {"UnsupportedHttpVerb", Final(ErrorCode::kNotSupported)},
    // What is there.
    {"PathAlreadyExists", Final(ErrorCode::kAlreadyExists)},
    {"BlobAlreadyExists", Final(ErrorCode::kAlreadyExists)},
    {"ResourceAlreadyExists", Final(ErrorCode::kAlreadyExists)},
    {"FilesystemAlreadyExists", Final(ErrorCode::kAlreadyExists)},
    {"ContainerAlreadyExists", Final(ErrorCode::kAlreadyExists)},
    {"DirectoryNotEmpty", Final(ErrorCode::kNotEmpty)},
    {"DirectoryIsNotEmpty", Final(ErrorCode::kNotEmpty)},
    {"PathConflict", Final(ErrorCode::kIsDirectory)},
    {"ResourceTypeMismatch", Final(ErrorCode::kIsDirectory)},
    {"InvalidSourceOrDestinationResourceType", Final(ErrorCode::kIsDirectory)},
    {"InvalidDestinationPath", Final(ErrorCode::kNotDirectory)},
    // Held or busy.
    {"LeaseAlreadyPresent", Final(ErrorCode::kLocked)},
    {"LeaseIdMissing", Final(ErrorCode::kLocked)},
    {"LeaseIdMismatch", Final(ErrorCode::kLocked)},
    {"LeaseIdMismatchWithBlobOperation", Final(ErrorCode::kLocked)},
    {"LeaseIdMismatchWithLeaseOperation", Final(ErrorCode::kLocked)},
    {"LeaseIsBreakingAndCannotBeAcquired", Final(ErrorCode::kLocked)},
    {"LeaseIsBreakingAndCannotBeChanged", Final(ErrorCode::kLocked)},
    {"LeaseIsBrokenAndCannotBeRenewed", Final(ErrorCode::kLocked)},
    {"LeaseIsAlreadyBroken", Final(ErrorCode::kLocked)},
    {"LeaseLost", Final(ErrorCode::kLocked)},
    {"LeaseNotPresentWithBlobOperation", Final(ErrorCode::kLocked)},
    {"LeaseNotPresentWithLeaseOperation", Final(ErrorCode::kLocked)},
    {"SourcePathIsBeingDeleted", Later(ErrorCode::kConflict)},
    {"DestinationPathIsBeingDeleted", Later(ErrorCode::kConflict)},
    {"FilesystemBeingDeleted", Later(ErrorCode::kConflict)},
    {"ContainerBeingDeleted", Later(ErrorCode::kConflict)},
    {"InternalOperationAbortError", Later(ErrorCode::kConflict)},
    // What this account or object cannot do.
    {"BlobOperationNotSupported", Final(ErrorCode::kNotSupported)},
    {"FeatureNotYetSupportedForHierarchicalNamespaceAccounts", Final(ErrorCode::kNotSupported)},
    {"InvalidBlobType", Final(ErrorCode::kNotSupported)},
    // The object is whole, and can be read again later: busy, not broken.
    {"BlobArchived", Final(ErrorCode::kConflict)},
    {"BlobBeingRehydrated", Final(ErrorCode::kConflict)},
    // By nobody, whatever their rights: other credentials would not help.
    {"BlobImmutableDueToPolicy", Final(ErrorCode::kReadOnly)},
    {"BlobImmutableDueToLegalHold", Final(ErrorCode::kReadOnly)},
    {"BlockCountExceedsLimit", Final(ErrorCode::kTooLarge)},
    {"RequestBodyTooLarge", Final(ErrorCode::kTooLarge)},
    // Conditions.
    {"ConditionNotMet", Final(ErrorCode::kPreconditionFailed)},
    {"SourceConditionNotMet", Final(ErrorCode::kPreconditionFailed)},
    {"TargetConditionNotMet", Final(ErrorCode::kPreconditionFailed)},
    // The service's own trouble. OperationTimedOut may have succeeded.
    {"InternalError", Later(ErrorCode::kUnavailable)},
    {"OperationTimedOut", Later(ErrorCode::kTimedOut)},
    {"ServerBusy", Later(ErrorCode::kThrottled)},
};

Meaning MeaningOfStatus(int status) {
  switch (status) {
    case 304:
    case 412:
      return Final(ErrorCode::kPreconditionFailed);
    case 401:
      return Final(ErrorCode::kUnauthenticated);
    case 403:
      return Final(ErrorCode::kPermissionDenied);
    case 404:
      return Final(ErrorCode::kNotFound);
    case 405:
    case 501:
    case 505:
      return Final(ErrorCode::kNotSupported);
    case 408:
      return Later(ErrorCode::kTimedOut);
    case 409:
      return Final(ErrorCode::kConflict);
    case 413:
      return Final(ErrorCode::kTooLarge);
    case 429:
      return Later(ErrorCode::kThrottled);
    case 507:
      return Final(ErrorCode::kNoSpace);
    default:
      break;
  }
  // A bare 5xx (also 503 of a gateway, without ServerBusy) may have been carried out.
  if (status >= 500) return Later(ErrorCode::kUnavailable);
  if (status >= 400) return Final(ErrorCode::kInvalidArgument);
  return Final(
      ErrorCode::kUnavailable);  // an unexpected 1xx, 2xx or redirection: not Azure Storage
}

// The service appends "\nRequestId:...\nTime:..." to each message.
std::string FirstLine(std::string_view text) {
  while (!text.empty() && (text.front() == '\n' || text.front() == '\r' || text.front() == ' '))
    text.remove_prefix(1);
  return std::string(text.substr(0, text.find_first_of("\r\n")));
}

std::string JsonText(const nlohmann::json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

ServiceError ParseJson(std::string_view body) {
  const auto document = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return {};
  const auto error = document.find("error");
  if (error == document.end() || !error->is_object()) return {};
  std::string detail = JsonText(*error, "AuthenticationErrorDetail");
  if (detail.empty()) detail = JsonText(document, "AuthenticationErrorDetail");
  return {.code = JsonText(*error, "code"),
          .message = FirstLine(JsonText(*error, "message")),
          .authentication_detail = std::move(detail)};
}

ServiceError ParseXml(std::string_view body) {
  pugi::xml_document document;
  if (!document.load_buffer(body.data(), body.size())) return {};
  const pugi::xml_node error = document.child("Error");
  std::string message = FirstLine(error.child_value("Message"));
  if (const std::string_view header = error.child_value("HeaderName"); !header.empty()) {
    message += fmt::format(" (header {})", header);
  }
  return {.code = error.child_value("Code"),
          .message = std::move(message),
          .authentication_detail = FirstLine(error.child_value("AuthenticationErrorDetail"))};
}

// Empty unless a signature was refused while the two clocks disagree by more than Azure's quarter
// of an hour allows, with a margin for the time that the exchange itself took.
std::string ClockSkewHint(const HttpResponse& response, std::string_view service_code,
                          WallTime now) {
  if (response.status != 403 || service_code != "AuthenticationFailed") return {};
  const auto server = ParseHttpDate(response.headers.Get("Date"));
  if (!server) return {};
  const auto skew = std::chrono::duration_cast<std::chrono::minutes>(now - *server).count();
  constexpr long long kNoticeableMinutes = 10;
  if (skew > -kNoticeableMinutes && skew < kNoticeableMinutes) return {};
  return fmt::format("this machine's clock is {} minutes {} the service's", skew > 0 ? skew : -skew,
                     skew > 0 ? "ahead of" : "behind");
}

}  // namespace

ServiceError ParseServiceError(const HttpResponse& response) {
  constexpr std::string_view kBom = "\xEF\xBB\xBF";
  std::string_view body = response.body;
  if (body.starts_with(kBom)) body.remove_prefix(kBom.size());
  const auto start = body.find_first_not_of(" \r\n\t");
  ServiceError error;
  if (start != std::string_view::npos && body[start] == '{') error = ParseJson(body);
  if (start != std::string_view::npos && body[start] == '<') error = ParseXml(body);
  if (const std::string* code = response.headers.Find("x-ms-error-code");
      code != nullptr && !code->empty()) {
    error.code = *code;
  }
  return error;
}

Meaning MeaningOf(int status, std::string_view service_code) {
  const auto* const row = std::find_if(std::begin(kByCode), std::end(kByCode), [&](const Row& r) {
    return r.service_code == service_code;
  });
  return row != std::end(kByCode) ? row->meaning : MeaningOfStatus(status);
}

std::optional<std::chrono::milliseconds> RetryAfter(const HttpHeaders& headers, WallTime now) {
  for (const std::string_view name : {"retry-after-ms", "x-ms-retry-after-ms"}) {
    if (const auto wish = ParseRetryAfterMs(headers.Get(name))) return wish;
  }
  return ParseRetryAfter(headers.Get("Retry-After"), now);
}

bool IsFromService(const HttpHeaders& headers) {
  const std::string_view server = headers.Get("Server");
  if (server.starts_with("Windows-Azure-") || server.starts_with("Azurite-")) return true;
  constexpr std::string_view kFamily = "x-ms-";
  return std::any_of(headers.begin(), headers.end(), [&](const auto& field) {
    return SameHeaderName(std::string_view(field.first).substr(0, kFamily.size()), kFamily);
  });
}

Error MakeError(std::string_view what, const HttpResponse& response, WallTime now) {
  const ServiceError service = ParseServiceError(response);
  const Meaning meaning = MeaningOf(response.status, service.code);
  std::string message = fmt::format(
      "{}: {}", what,
      service.message.empty() ? "the service gave no reason" : std::string_view(service.message));
  if (!service.authentication_detail.empty()) message += " " + service.authentication_detail;
  Error error{.code = meaning.code,
              .message = std::move(message),
              .retryable = meaning.retryable,
              .remote = {.http_status = response.status,
                         .service_code = service.code,
                         .request_id = std::string(response.headers.Get("x-ms-request-id"))},
              .retry_after = RetryAfter(response.headers, now)};
  const std::string skew = ClockSkewHint(response, service.code, now);
  if (!skew.empty()) error.Advise(skew);
  return error;
}

}  // namespace skybridge::azure
