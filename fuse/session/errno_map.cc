#include "fuse/session/errno_map.h"

#include <cerrno>

namespace skybridge::fuse {

int ErrnoOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidName:
      return EINVAL;
    case ErrorCode::kNameTooLong:
      return ENAMETOOLONG;
    case ErrorCode::kNotFound:
      return ENOENT;
    // Not ENOENT: a mount whose container is gone must not look like an empty directory.
    case ErrorCode::kContainerNotFound:
      return EIO;
    case ErrorCode::kAlreadyExists:
      return EEXIST;
    case ErrorCode::kNotDirectory:
      return ENOTDIR;
    case ErrorCode::kIsDirectory:
      return EISDIR;
    case ErrorCode::kNotEmpty:
      return ENOTEMPTY;
    // The version that the program has open, or changed, is no longer the store's.
    case ErrorCode::kPreconditionFailed:
      return ESTALE;
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kPermissionDenied:
      return EACCES;
    case ErrorCode::kReadOnly:
      return EROFS;
    case ErrorCode::kLocked:
      return EBUSY;
    // Retries are exhausted when these reach us.
    case ErrorCode::kThrottled:
    case ErrorCode::kUnavailable:
    case ErrorCode::kUnreachable:
      return EIO;
    case ErrorCode::kTimedOut:
      return ETIMEDOUT;
    case ErrorCode::kCancelled:
      return EINTR;
    case ErrorCode::kTooLarge:
      return EFBIG;
    case ErrorCode::kNoSpace:
      return ENOSPC;
    case ErrorCode::kNoDescriptors:
      return EMFILE;
    case ErrorCode::kNotSupported:
      return ENOTSUP;
    case ErrorCode::kCorrupt:
      return EIO;
    case ErrorCode::kConflict:
      return EBUSY;
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
      return EIO;
  }
  return EIO;
}

}  // namespace skybridge::fuse
