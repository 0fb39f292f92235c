// Locations as users write them: URIs of both clouds, `remote:path`, and directories. Parsing only:
// nothing is contacted.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "core/ids.h"
#include "core/result.h"

namespace skybridge {

// A file system (container) of an Azure storage account, and a directory in it.
//
//   abfss://FILESYSTEM@ACCOUNT.dfs.SUFFIX/PATH   also abfs, wasbs, wasb (with .blob.); all use TLS
//   https://ACCOUNT.dfs.SUFFIX/FILESYSTEM/PATH   also .blob.; the path is percent-decoded
//   http://HOST:PORT/ACCOUNT/CONTAINER/PATH      an emulator ("path style")
//
// Both endpoints are known for each form: Azure's host names differ in one label only.
struct AzureUri {
  std::string account;
  std::string container;
  ObjectKey path;
  // "https://contoso.dfs.core.windows.net", without trailing slash; path style includes /ACCOUNT.
  std::string dfs_endpoint;
  std::string blob_endpoint;  // empty where the configuration says that it cannot be reached

  bool operator==(const AzureUri&) const = default;
};

// A bucket of OCI Object Storage and a prefix in it: oci://BUCKET@NAMESPACE/PATH, or
// oci://BUCKET@NAMESPACE.REGION/PATH (the HDFS connector's spelling with a region).
struct OciUri {
  std::string bucket;
  std::string name_space;
  std::string region;  // empty where the URI has none
  ObjectKey path;

  bool operator==(const OciUri&) const = default;
};

// file:///DIR or a plain path; may be relative.
struct LocalDirectory {
  std::string path;

  bool operator==(const LocalDirectory&) const = default;
};

// `name:path`, where `name` is a remote of the configuration.
struct RemotePath {
  std::string remote;
  ObjectKey path;

  bool operator==(const RemotePath&) const = default;
};

using Uri = std::variant<AzureUri, OciUri, LocalDirectory>;
using Location = std::variant<AzureUri, OciUri, LocalDirectory, RemotePath>;

// Accepts the URI forms above only. Errors: kInvalidArgument, saying what is wrong and what is
// allowed. The query of a URI is never repeated in a message: it may be a SAS token.
Result<Uri> ParseUri(std::string_view text);
// A URI, `remote:path`, or a directory ("data", "./a:b", "/srv/x").
Result<Location> ParseLocation(std::string_view text);
// The same, but a word without ':' and '/' is a remote: for arguments that are never relative
// directories.
Result<Location> ParseRemoteLocation(std::string_view text);

// A path that a user wrote, as a key: slashes at both ends are dropped.
// Errors: kInvalidArgument for "//", "." and ".." parts and control bytes.
Result<ObjectKey> ParseKey(std::string_view path);

// Letters, digits, '-', '_', '.', beginning with a letter or digit; 64 bytes at most.
bool IsRemoteName(std::string_view name);

// Canonical text ("abfss://raw@contoso.dfs.core.windows.net/a"), for messages and as a mount's
// source.
std::string ToString(const AzureUri& uri);
std::string ToString(const OciUri& uri);
std::string ToString(const LocalDirectory& directory);
std::string ToString(const RemotePath& path);
std::string ToString(const Uri& uri);
std::string ToString(const Location& location);

}  // namespace skybridge
