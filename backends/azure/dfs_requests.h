// Requests of the Data Lake (DFS) protocol as pure functions: nothing here is signed or sent. URLs
// are encoded and have no query.
#pragma once

#include <optional>
#include <string>

#include "backends/azure/options.h"
#include "backends/http_transport.h"
#include "backends/object_store.h"
#include "backends/posix_metadata.h"

namespace skybridge::azure {

// Azure Data Lake REST: Filesystem - Get Properties: x-ms-namespace-enabled says whether the
// namespace is hierarchical.
HttpRequest MakeHeadFilesystemRequest(std::string container_url);
// Azure Data Lake REST: Path - Get Properties, of the root. 400 on accounts without hierarchical
// namespace.
HttpRequest MakeRootAccessControlRequest(const std::string& container_url);

// Azure Data Lake REST: Path - List. 5000 entries a page is the service's most.
struct ListPathsParams {
  std::string container_url;
  std::string directory;  // decoded, without slashes at its ends; "" for the root
  bool one_level = true;
  std::string continuation;
  std::uint32_t max_results = 0;  // 0: as many as the service gives
};
HttpRequest MakeListPathsRequest(const ListPathsParams& params);

// Azure Data Lake REST: Path - Update, setProperties. Replaces all of them. Content
// headers that are sent replace those of the path; others stay.
struct SetPropertiesParams {
  std::string url;
  MetadataMap properties;
  ContentHeaders content = {};
  std::optional<ETag> if_match;
};
HttpRequest MakeSetPropertiesRequest(const SetPropertiesParams& params);

// Azure Data Lake REST: Path - Get Properties, getAccessControl. Needs no right on the path itself,
// only to walk to it.
HttpRequest MakeGetAccessRequest(const std::string& url);

// Azure Data Lake REST: Path - Update, setAccessControl. ETag and Last-Modified stay. Empty fields
// are not sent and stay as they are: only a super-user may set an owner.
HttpRequest MakeSetAccessRequest(const std::string& url, const AccessControl& access);

// Azure Data Lake REST: Path - Create. Only where nothing has that name; parents come into being.
struct CreatePathParams {
  std::string url;
  NodeKind kind = NodeKind::kFile;
  MetadataMap properties;
};
HttpRequest MakeCreatePathRequest(const CreatePathParams& params);

// Azure Data Lake REST: Path - Update, append. Staged: nobody sees it before the flush.
struct AppendParams {
  std::string url;
  std::uint64_t position_bytes = 0;
  ByteSpan body;  // not empty
  Checksum checksum = Checksum::kCrc64;
};
HttpRequest MakeAppendRequest(const AppendParams& params);

// Azure Data Lake REST: Path - Update, flush, the last one of a file: staged bytes past
// `size_bytes` are dropped.
struct FlushParams {
  std::string url;
  std::uint64_t size_bytes = 0;
  ContentHeaders content = {};
};
HttpRequest MakeFlushRequest(const FlushParams& params);

// Azure Data Lake REST: Path - Create, rename. Always mode=legacy: the default would move a
// directory *into* an existing one. The ETag stays with the content. Properties replace all those
// of the source; without any, these are kept.
struct RenamePathParams {
  std::string url;     // the destination
  std::string source;  // "/container/encoded/path"
  MetadataMap properties = {};
  std::optional<ETag> source_if_match;
  Conditions conditions;
};
HttpRequest MakeRenamePathRequest(const RenamePathParams& params);

// Azure Data Lake REST: Path - Delete. A file: without `recursive`, which a directory requires, so
// that one is refused. A directory: recursive=false, so that its children are safe.
struct DeletePathParams {
  std::string url;
  NodeKind kind = NodeKind::kFile;
  std::optional<ETag> if_match;
};
HttpRequest MakeDeletePathRequest(const DeletePathParams& params);

}  // namespace skybridge::azure
