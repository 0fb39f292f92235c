#include "backends/identity_failure.h"

namespace skybridge {
namespace {

// Whether the code means the same for an identity and for an object.
bool IsNotAboutObjects(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kThrottled:
    case ErrorCode::kUnavailable:
    case ErrorCode::kUnreachable:
    case ErrorCode::kTimedOut:
    case ErrorCode::kCancelled:
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
      return true;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidName:
    case ErrorCode::kNameTooLong:
    case ErrorCode::kNotFound:
    case ErrorCode::kContainerNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kNotDirectory:
    case ErrorCode::kIsDirectory:
    case ErrorCode::kNotEmpty:
    case ErrorCode::kPreconditionFailed:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kReadOnly:
    case ErrorCode::kLocked:
    case ErrorCode::kTooLarge:
    case ErrorCode::kNoSpace:
    case ErrorCode::kNoDescriptors:
    case ErrorCode::kNotSupported:
    case ErrorCode::kCorrupt:
    case ErrorCode::kConflict:
      return false;
  }
  return false;
}

// A refusal means what it says, whoever refuses: a proxy that wants to know us first, too.
bool IsRefusal(const Error& error) {
  return error.code == ErrorCode::kPermissionDenied || error.remote.http_status == 407;
}

bool IsFromAStranger(const RemoteFacts& remote) {
  return remote.http_status != 0 && remote.service_code.empty() && remote.request_id.empty();
}

}  // namespace

Error AsIdentityFailure(Error error) {
  if (IsNotAboutObjects(error.code)) return error;
  const bool may_pass = error.retryable || (IsFromAStranger(error.remote) && !IsRefusal(error));
  error.code = may_pass ? ErrorCode::kUnavailable : ErrorCode::kUnauthenticated;
  error.retryable = may_pass;
  return error;
}

}  // namespace skybridge
