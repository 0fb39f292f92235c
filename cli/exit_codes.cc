#include "cli/exit_codes.h"

namespace skybridge::cli {
namespace {

ExitCode ForRemote(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kPermissionDenied:
      return ExitCode::kAuthentication;
    case ErrorCode::kNotFound:
    case ErrorCode::kContainerNotFound:
      return ExitCode::kNotFound;
    case ErrorCode::kThrottled:
    case ErrorCode::kUnavailable:
    case ErrorCode::kUnreachable:
    case ErrorCode::kTimedOut:
      return ExitCode::kNetwork;
    case ErrorCode::kNoSpace:
    case ErrorCode::kNoDescriptors:
    case ErrorCode::kIo:
      return ExitCode::kLocalResource;
    case ErrorCode::kCancelled:
      return ExitCode::kInterrupted;
    case ErrorCode::kInternal:
      return ExitCode::kInternal;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidName:
    case ErrorCode::kNameTooLong:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kNotDirectory:
    case ErrorCode::kIsDirectory:
    case ErrorCode::kNotEmpty:
    case ErrorCode::kPreconditionFailed:
    case ErrorCode::kReadOnly:
    case ErrorCode::kLocked:
    case ErrorCode::kTooLarge:
    case ErrorCode::kNotSupported:
    case ErrorCode::kCorrupt:
    case ErrorCode::kConflict:
      return ExitCode::kIncomplete;
  }
  return ExitCode::kInternal;
}

}  // namespace

ExitCode ExitCodeFor(ErrorCode code, Phase phase) {
  if (code == ErrorCode::kCancelled) return ExitCode::kInterrupted;
  if (code == ErrorCode::kInternal) return ExitCode::kInternal;
  switch (phase) {
    case Phase::kConfiguration:
      return code == ErrorCode::kUnauthenticated ? ExitCode::kAuthentication
                                                 : ExitCode::kConfiguration;
    case Phase::kRemote:
      return ForRemote(code);
    case Phase::kLocal:
      return ExitCode::kLocalResource;
  }
  return ExitCode::kInternal;
}

}  // namespace skybridge::cli
