// Names: between keys of the store, names of blobs and URLs. The container's root directory may be
// a directory of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "backends/azure/options.h"
#include "backends/object_store.h"

namespace skybridge::azure {

// Uploads in progress live beside their target under this name and a nonce, hidden from listings.
inline constexpr std::string_view kUploadPrefix = ".skybridge-upload-";

// Immutable; safe from many threads. A blob's name is its path below the container, without a
// leading '/'.
class Names {
 public:
  explicit Names(const Options& options);

  // "" for the container's own root, and for a key whose blob would have no name.
  std::string BlobName(const ObjectKey& key) const;
  // What all names below a directory begin with: "root/dir/"; "" for the container's own root.
  std::string ChildPrefix(const ObjectKey& directory) const;
  // Of a hierarchical account: the key of a blob or prefix name (with or without a trailing '/');
  // nothing if no key can hold it.
  std::optional<ObjectKey> KeyOf(std::string_view blob_name) const;
  // Of a flat account. A directory's name may end in the '/' of its prefix or marker; any other '/'
  // is part of the key. Nothing for parts "." and "..", which no URL can name.
  std::optional<ObjectKey> FlatKeyOf(std::string_view blob_name, bool is_directory) const;

  // Percent-encoded, without query.
  std::string BlobUrl(std::string_view blob_name) const;
  std::string DfsUrl(std::string_view blob_name) const;
  const std::string& container_blob_url() const { return container_blob_url_; }
  const std::string& container_dfs_url() const { return container_dfs_url_; }
  // "/container/encoded/path", for x-ms-rename-source.
  std::string RenameSource(std::string_view blob_name) const;

 private:
  std::optional<std::string_view> BelowRoot(std::string_view blob_name) const;

  const std::string container_;
  const std::string root_;
  const std::string container_blob_url_;
  const std::string container_dfs_url_;
};

// CheckKey, and what Azure does not keep as it is written: a part that ends in '.' (the service
// drops the dot) and control characters. Also refuses the hidden names of uploads. Errors:
// kInvalidName, kNameTooLong. Source: Azure REST: Naming and Referencing Containers, Blobs, and
// Metadata.
Status CheckAzureKey(const ObjectKey& key, const Capabilities& capabilities);

// Strictly below.
inline bool IsBelow(const ObjectKey& key, const ObjectKey& directory) {
  return key.is_below(directory);
}

}  // namespace skybridge::azure
