// What every operation of the OCI double shares: the parsed request, failures, response builders
// and small checks. Source of shapes and codes: OCI API reference "Object Storage Service API" and
// recorded exchanges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "core/clock.h"
#include "tests/localcloud/service.h"

namespace skybridge::localcloud::oci {

// An answer that is not a success: {"code": ..., "message": ...} with this status.
struct OciFailure {
  int status = 500;
  std::string code;
  std::string message;
  HttpHeaders headers = {};
};

template <class T>
using Outcome = tl::expected<T, OciFailure>;

inline tl::unexpected<OciFailure> Refuse(int status, std::string code, std::string message) {
  return tl::unexpected<OciFailure>(OciFailure{status, std::move(code), std::move(message)});
}

// The parameters after '?', percent-decoded; a raw '+' stays a plus, as some clients send it
// unencoded.
class OciQuery {
 public:
  static Outcome<OciQuery> Parse(std::string_view raw_query);
  // The first value of that name; nullptr if there is none.
  const std::string* Find(std::string_view name) const;
  std::string_view Get(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

// One authenticated request and the resource it names. `object` is percent-decoded once.
struct OciCall {
  const Request& request;
  WallTime now;
  std::string namespace_name = {};
  std::string bucket = {};
  std::string object = {};  // also the upload's object; the secret's OCID; the work request's id
  OciQuery query = {};
  std::string user = {};  // who signed: the user's OCID, or the whole key id where it holds none
};

std::string LowerCase(std::string_view text);  // ASCII

// 128 random bits in the form of a version 4 UUID: ETags, version ids, upload ids.
std::string NewUuid();

Response EmptyResponse(int status);
Response JsonResponse(int status, std::string json);
Response FailureResponse(const OciFailure& failure);
// The error code that the service has for `status` of an operation ("oci.get_object"). Source: OCI
// documentation: API Errors; Object Storage API reference, the errors of each operation.
std::string CodeOf(int status, std::string_view operation);

// A JSON string with its quotes; bytes that are not UTF-8 are replaced.
std::string JsonString(std::string_view text);

// Query parameter `name` as a number of at least `low` and at most `high`; `otherwise` if absent.
Outcome<std::int64_t> NumberParameter(const OciQuery& query, std::string_view name,
                                      std::int64_t low, std::int64_t high, std::int64_t otherwise,
                                      std::string_view code);

// 1 to 1024 bytes of UTF-8 without NUL, CR and LF (OCI documentation: Managing Objects, object
// names).
std::optional<OciFailure> CheckObjectName(std::string_view name);

// If-Match and If-None-Match as a write sees them. `current` is the target's ETag, nullptr if it
// does not exist.
struct WriteConditions {
  std::string if_match;       // "" if absent; quotes are dropped
  std::string if_none_match;  // "" or "*"
};
Outcome<WriteConditions> ReadWriteConditions(const HttpHeaders& headers);
std::optional<OciFailure> CheckWriteConditions(const WriteConditions& conditions,
                                               const std::string* current);

// The value without one pair of surrounding quotes: OCI's ETags have none, some clients add them.
std::string_view Unquoted(std::string_view etag);

}  // namespace skybridge::localcloud::oci

// Yields the value of an Outcome, or returns its failure to our caller. Do not nest.
#define OCI_TRY(expr)                                                \
  __extension__({                                                    \
    auto oci_outcome_ = (expr);                                      \
    if (!oci_outcome_) {                                             \
      return tl::unexpected<skybridge::localcloud::oci::OciFailure>( \
          std::move(oci_outcome_).error());                          \
    }                                                                \
    *std::move(oci_outcome_);                                        \
  })

// Returns the failure of a std::optional<OciFailure> to our caller, if there is one.
#define OCI_CHECK(expr)                                                                        \
  do {                                                                                         \
    if (auto oci_failure_ = (expr)) {                                                          \
      return tl::unexpected<skybridge::localcloud::oci::OciFailure>(*std::move(oci_failure_)); \
    }                                                                                          \
  } while (false)
