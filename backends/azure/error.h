// What Azure Storage says when it refuses, and what that means to us. The one table from status and
// code to ErrorCode.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "backends/http_transport.h"
#include "core/clock.h"
#include "core/error.h"

namespace skybridge::azure {

// The facts of a reply that is not a success. Empty where the service said nothing (HEAD, 304).
struct ServiceError {
  std::string code;                   // "PathNotFound"
  std::string message;                // its first line, without request id and time
  std::string authentication_detail;  // why a signature or a token was refused
};

// Trusts x-ms-error-code first, then the body: JSON of DFS, XML of Blob. A proxy's HTML page yields
// nothing.
ServiceError ParseServiceError(const HttpResponse& response);

// What a status and a service code mean. Codes are those of the Azure REST references "Common REST
// API error codes", "Blob service error codes" and "Data Lake Storage Gen2: error codes"; an
// unknown code falls back to its status.
struct Meaning {
  ErrorCode code = ErrorCode::kInternal;
  bool retryable = false;

  bool operator==(const Meaning&) const = default;
};
Meaning MeaningOf(int status, std::string_view service_code);

// Retry-After, retry-after-ms and x-ms-retry-after-ms (backends/retry_after.h).
std::optional<std::chrono::milliseconds> RetryAfter(const HttpHeaders& headers, WallTime now);

// Whether Azure Storage itself answered: each of its replies carries headers of the family x-ms-
// (x-ms-request-id, x-ms-version; Azure REST: each operation's "Response headers"). The emulator
// refuses what it does not know without them, and is known by its Server.
bool IsFromService(const HttpHeaders& headers);

// `what` names operation and key ("get 'a/b'"). A refused signature is compared with the reply's
// Date: when our clock is off, the message says by how much.
Error MakeError(std::string_view what, const HttpResponse& response, WallTime now);

}  // namespace skybridge::azure
