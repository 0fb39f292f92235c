#include "backends/azure/names.h"

#include <algorithm>

#include <fmt/format.h>

#include "backends/key_check.h"
#include "core/encoding.h"
#include "core/utf8.h"

namespace skybridge::azure {
namespace {

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

Status CheckPart(std::string_view part) {
  if (part.ends_with('.')) {
    return Fail(ErrorCode::kInvalidName,
                fmt::format("'{}': Azure drops a '.' at the end of a name", part));
  }
  if (std::any_of(part.begin(), part.end(), IsControl)) {
    return Fail(ErrorCode::kInvalidName, "a name with control characters, which Azure refuses");
  }
  if (!IsUtf8(part)) {
    return Fail(ErrorCode::kInvalidName, "a name that is not UTF-8, which Azure refuses");
  }
  if (part.starts_with(kUploadPrefix)) {
    return Fail(ErrorCode::kInvalidName,
                fmt::format("'{}': names with '{}' are reserved", part, kUploadPrefix));
  }
  return {};
}

// 1024 characters (Azure REST: Naming and Referencing Containers, Blobs, and Metadata) in UTF-8.
constexpr std::size_t kMaxBlobNameBytes = std::size_t{4} * 1024;

bool IsShown(std::string_view name, bool empty_parts) {
  if (name.size() > kMaxBlobNameBytes || name.find('\0') != std::string_view::npos) return false;
  while (true) {
    const auto slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if ((part.empty() && !empty_parts) || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

}  // namespace

Names::Names(const Options& options)
    : container_(options.container),
      root_(options.root),
      container_blob_url_(options.blob_endpoint + "/" + options.container),
      container_dfs_url_(options.dfs_endpoint + "/" + options.container) {}

std::string Names::BlobName(const ObjectKey& key) const {
  if (root_.empty()) return std::string(key.flat_name());
  return key.is_root() ? root_ : root_ + "/" + std::string(key.flat_name());
}

std::string Names::ChildPrefix(const ObjectKey& directory) const {
  if (directory.is_root() && root_.empty()) return {};
  return BlobName(directory) + "/";
}

std::optional<std::string_view> Names::BelowRoot(std::string_view blob_name) const {
  if (root_.empty()) return blob_name;
  if (!blob_name.starts_with(root_ + "/")) return std::nullopt;
  return blob_name.substr(root_.size() + 1);
}

std::optional<ObjectKey> Names::KeyOf(std::string_view blob_name) const {
  auto path = BelowRoot(blob_name);
  if (path && path->ends_with('/')) path->remove_suffix(1);
  if (!path || !IsShown(*path, /*empty_parts=*/false)) return std::nullopt;
  return ObjectKey(std::string(*path));
}

std::optional<ObjectKey> Names::FlatKeyOf(std::string_view blob_name, bool is_directory) const {
  auto name = BelowRoot(blob_name);
  if (name && is_directory && name->ends_with('/')) name->remove_suffix(1);
  if (!name || !IsShown(*name, /*empty_parts=*/true)) return std::nullopt;
  return ObjectKey::FromFlatName(*name);
}

std::string Names::BlobUrl(std::string_view blob_name) const {
  return container_blob_url_ + "/" + PercentEncodePath(blob_name);
}

std::string Names::DfsUrl(std::string_view blob_name) const {
  return container_dfs_url_ + "/" + PercentEncodePath(blob_name);
}

std::string Names::RenameSource(std::string_view blob_name) const {
  return "/" + container_ + "/" + PercentEncodePath(blob_name);
}

Status CheckAzureKey(const ObjectKey& key, const Capabilities& capabilities) {
  TRY_VOID(CheckKey(key, capabilities));
  std::string_view rest = key.path;
  for (;;) {
    const auto slash = rest.find('/');
    TRY_VOID(CheckPart(rest.substr(0, slash)));
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace skybridge::azure
