// The one error type of skybridge. You need it wherever something outside our own code can fail.
//
// `code` decides behaviour (retry, errno, exit status); `message` is for people and is never
// matched.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace skybridge {

enum class ErrorCode {
  kInvalidArgument,     // the request can never succeed as it is
  kInvalidName,         // a name that the store or the file system cannot hold
  kNameTooLong,         // a name or path over the store's limit
  kNotFound,            // no such object or directory
  kContainerNotFound,   // no such file system, container or bucket, or not visible to us
  kAlreadyExists,       // the target exists and must not
  kNotDirectory,        // a part of the path is a file
  kIsDirectory,         // the target is a directory
  kNotEmpty,            // the directory has children
  kPreconditionFailed,  // If-Match differs: another client changed the object
  kUnauthenticated,     // the credentials are wrong, missing or expired
  kPermissionDenied,    // the credentials are known and do not allow this
  kReadOnly,            // nobody can write to the target
  kLocked,              // another client or process holds a lease or lock
  kThrottled,           // slow down (429, 503); `retry_after` may say how long
  kUnavailable,         // no connection, no complete reply, or a 5xx: may have been carried out
  kUnreachable,         // no caller got an answer for a named time: callers stop retrying
  kTimedOut,            // one of our deadlines passed: may have been carried out
  kCancelled,           // the process is stopping, or the program interrupted the call
  kTooLarge,            // over a limit on size or number of parts
  kNoSpace,             // a named bound was reached: local disk, staging, quota
  kNoDescriptors,       // this process, or the machine, has no file descriptor left
  kNotSupported,        // the store cannot do this at all
  kCorrupt,             // a digest, length or format does not agree with what it must be
  kConflict,            // the store's state forbids this now (409 without a better word)
  kIo,                  // the local system failed: disk, descriptor, memory map
  kInternal,            // our own invariant broke
};

// The stable lower-case word for a code, as printed in logs and --json output ("not_found").
std::string_view ErrorCodeName(ErrorCode code);

// What the remote service said, where it said anything. Empty or zero where it did not.
struct RemoteFacts {
  int http_status = 0;
  std::string service_code;  // e.g. "PathNotFound", "ObjectNotFound"
  std::string request_id;    // x-ms-request-id or opc-request-id
  // Nothing came back at all: no name, no connection, or no byte of a reply in time.
  bool silent = false;
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;     // operation, key and reason; no secrets
  bool retryable = false;  // the same request may succeed later
  RemoteFacts remote = {};
  std::optional<std::chrono::milliseconds> retry_after = {};  // the server's own wish
  // The call had changed something before it failed, whatever the code says of the rest of it
  // (backends/after_acting.h). kUnavailable and kTimedOut may always have.
  bool may_have_acted = false;

  // The message ends with what to do about it: nobody need add a remedy.
  bool has_remedy = false;

  // Adds what to do about it, or what it may be, after a semicolon.
  void Advise(std::string_view remedy);

  // The service is out of reach: it gave no answer at network level. A refusal, a failed TLS
  // handshake or half a reply are answers.
  bool IsOutOfReach() const { return code == ErrorCode::kUnreachable || remote.silent; }

  // "not_found: get 'a/b': the path is missing (404 PathNotFound, request 5f0e...)".
  std::string ToString() const;
};

// An error made from errno; maps ENOENT, ENOSPC, EACCES and the like to their codes.
Error ErrorFromErrno(int errno_value, std::string message);

}  // namespace skybridge
