#include "core/error.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace skybridge {

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kInvalidName:
      return "invalid_name";
    case ErrorCode::kNameTooLong:
      return "name_too_long";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kContainerNotFound:
      return "container_not_found";
    case ErrorCode::kAlreadyExists:
      return "already_exists";
    case ErrorCode::kNotDirectory:
      return "not_directory";
    case ErrorCode::kIsDirectory:
      return "is_directory";
    case ErrorCode::kNotEmpty:
      return "not_empty";
    case ErrorCode::kPreconditionFailed:
      return "precondition_failed";
    case ErrorCode::kUnauthenticated:
      return "unauthenticated";
    case ErrorCode::kPermissionDenied:
      return "permission_denied";
    case ErrorCode::kReadOnly:
      return "read_only";
    case ErrorCode::kLocked:
      return "locked";
    case ErrorCode::kThrottled:
      return "throttled";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kUnreachable:
      return "unreachable";
    case ErrorCode::kTimedOut:
      return "timed_out";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kTooLarge:
      return "too_large";
    case ErrorCode::kNoSpace:
      return "no_space";
    case ErrorCode::kNoDescriptors:
      return "no_descriptors";
    case ErrorCode::kNotSupported:
      return "not_supported";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

void Error::Advise(std::string_view remedy) {
  message += fmt::format("; {}", remedy);
  has_remedy = true;
}

std::string Error::ToString() const {
  std::string text = fmt::format("{}: {}", ErrorCodeName(code), message);
  if (remote.http_status != 0) {
    text += fmt::format(" ({}", remote.http_status);
    if (!remote.service_code.empty()) text += " " + remote.service_code;
    if (!remote.request_id.empty()) text += ", request " + remote.request_id;
    text += ")";
  }
  return text;
}

namespace {

ErrorCode CodeFromErrno(int errno_value) {
  switch (errno_value) {
    case ENOENT:
      return ErrorCode::kNotFound;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case ENOTDIR:
      return ErrorCode::kNotDirectory;
    case EISDIR:
      return ErrorCode::kIsDirectory;
    case ENOTEMPTY:
      return ErrorCode::kNotEmpty;
    case EACCES:
    case EPERM:
      return ErrorCode::kPermissionDenied;
    case EROFS:
      return ErrorCode::kReadOnly;
    case EBUSY:
    case ETXTBSY:
      return ErrorCode::kLocked;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kNoSpace;
    case EMFILE:
    case ENFILE:
      return ErrorCode::kNoDescriptors;
    case EFBIG:
      return ErrorCode::kTooLarge;
    case ENAMETOOLONG:
      return ErrorCode::kNameTooLong;
    case EINVAL:
      return ErrorCode::kInvalidArgument;
    case EOPNOTSUPP:
    case ENOSYS:
      return ErrorCode::kNotSupported;
    case EINTR:
      return ErrorCode::kCancelled;
    case ETIMEDOUT:
      return ErrorCode::kTimedOut;
    default:
      return ErrorCode::kIo;
  }
}

}  // namespace

Error ErrorFromErrno(int errno_value, std::string message) {
  // strerrordesc_np is the thread-safe spelling of strerror in glibc.
  const char* reason = strerrordesc_np(errno_value);
  message += ": ";
  message += reason != nullptr ? reason : fmt::format("errno {}", errno_value);
  return Error{.code = CodeFromErrno(errno_value), .message = std::move(message)};
}

}  // namespace skybridge
