// What OCI Object Storage answers, as plain values. Tolerant: unknown members are ignored, absent
// ones get defaults; only what cannot be used at all is kCorrupt. All pure and safe from many
// threads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/http_transport.h"
#include "backends/object_store.h"

namespace skybridge::oci {

// {"code","message"}; both empty when the body is something else.
struct ServiceError {
  std::string code;
  std::string message;
};
ServiceError ParseServiceError(std::string_view body);

// GetNamespace answers a JSON string.
Result<std::string> ParseNamespace(std::string_view body);

struct ListedObject {
  std::string name;
  std::uint64_t size_bytes = 0;
  std::string etag;
  std::optional<Md5Digest>
      md5;  // none for an object of several parts: there the service gives another kind of value
  WallTime time_modified{};
};
// An empty object "dir/". With content it is a file, whatever its name.
inline bool IsMarker(const ListedObject& object) {
  return object.size_bytes == 0 && object.name.ends_with('/');
}
struct Listing {
  std::vector<ListedObject> objects;
  std::vector<std::string> prefixes;  // complete names, each with its trailing '/'
  std::string next_start_with;        // empty: the listing is complete
};
Result<Listing> ParseListing(std::string_view body);

// The headers of GET, HEAD, PUT, rename and commit that speak of the object.
struct ObjectFacts {
  std::string etag;
  WallTime last_modified{};
  WallTime told_at{};
  StoreDigests digests;
  std::map<std::string, std::string> metadata;  // without "opc-meta-", names in lower case
};
ObjectFacts ParseObjectFacts(const HttpHeaders& headers);

// "bytes a-b/total" or "bytes */total".
std::optional<std::uint64_t> TotalOfContentRange(std::string_view content_range);
std::optional<std::uint64_t> StartOfContentRange(std::string_view content_range);

Result<std::string> ParseUploadId(std::string_view body);
// Of an upload that was started through a pre-authenticated request: a path, and a secret.
Result<std::string> ParseAccessUri(std::string_view body);

struct FailedDelete {
  std::string name;
  int http_status = 0;
  std::string message;
};
Result<std::vector<FailedDelete>> ParseFailedDeletes(std::string_view body);

enum class WorkState { kRunning, kCompleted, kFailed };
Result<WorkState> ParseWorkState(std::string_view body);
// The first error of a failed work request; empty fields when there is none.
ServiceError ParseWorkErrors(std::string_view body);

}  // namespace skybridge::oci
