#include "backends/azure/flat_listing.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "core/encoding.h"

namespace skybridge::azure {
namespace {

// Not a character that percent-encoding leaves.
constexpr char kSeparator = ' ';

// The marker "dir". A blob with bytes is no marker: bytes are content.
bool IsNamedMarker(const ListedBlob& blob) {
  return !blob.is_prefix && !blob.name.ends_with('/') && blob.size_bytes == 0 && blob.metadata &&
         IsFolderMarker(*blob.metadata);
}

bool IsDirectory(const ListedBlob& blob) {
  return blob.is_prefix || IsSlashMarker(blob) || IsNamedMarker(blob);
}

// Nothing for the marker of the listed directory itself, and for names that no key can hold, which
// are counted.
std::optional<ObjectInfo> ToEntry(const BlobClient& blobs, const BlobListQuery& query,
                                  const ListedBlob& blob, ListPage& page) {
  const std::string prefix = blobs.names().ChildPrefix(query.directory);
  // Content of a directory below, which the service should have folded.
  const bool is_deeper =
      query.one_level && !IsDirectory(blob) && blob.name.ends_with('/') && blob.name != prefix;
  const bool is_directory = is_deeper || IsDirectory(blob);
  if (is_directory && blob.name == prefix) return std::nullopt;
  auto key = blobs.names().FlatKeyOf(blob.name, is_directory);
  if (!key) {
    page.Hide(blob.name);
    return std::nullopt;
  }
  if (is_deeper) return ObjectInfo{.key = *std::move(key), .kind = NodeKind::kDirectory};
  return blobs.Describe(*std::move(key), blob, is_directory);
}

}  // namespace

bool IsSlashMarker(const ListedBlob& blob) {
  return !blob.is_prefix && blob.name.ends_with('/') && blob.size_bytes == 0;
}

ListPage ToLevelPage(const BlobClient& blobs, const BlobListQuery& query, BlobListPage listed) {
  ListPage page{.entries = {}, .continuation = std::move(listed.next_marker)};
  std::map<std::string, std::size_t> directories;  // path to index
  for (const ListedBlob& blob : listed.entries) {
    auto entry = ToEntry(blobs, query, blob, page);
    if (!entry) continue;
    if (entry->kind == NodeKind::kDirectory) {
      const auto [known, is_new] = directories.emplace(entry->key.path, page.entries.size());
      if (!is_new) {
        if (entry->attributes) page.entries[known->second] = *std::move(entry);
        continue;
      }
    }
    page.entries.push_back(*std::move(entry));
  }
  return page;
}

Result<SortedPage::Continuation> SortedPage::Parse(const std::string& text) {
  Continuation continuation;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(kSeparator));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    std::string decoded = TRY(PercentDecode(word));
    if (continuation.marker.empty()) {
      continuation.marker = std::move(decoded);
    } else {
      continuation.held_paths.push_back(std::move(decoded));
    }
  }
  return continuation;
}

void SortedPage::Hold(ObjectInfo directory) {
  std::string path = directory.key.path + "/";
  held_.insert_or_assign(std::move(path), std::move(directory));
}

// Every held directory that comes before an entry of the sort key `path` takes its place; before a
// file, so does a directory of the same sort key.
void SortedPage::Release(const std::string& path, bool is_file, ListPage& page) {
  const auto is_before = [&](const std::string& held) {
    return held < path || (is_file && held == path);
  };
  while (!held_.empty() && is_before(held_.begin()->first)) {
    page.entries.push_back(std::move(held_.extract(held_.begin()).mapped()));
  }
}

ListPage SortedPage::Convert(const BlobListQuery& query, const BlobListPage& listed) {
  ListPage page;
  for (const ListedBlob& blob : listed.entries) {
    auto entry = ToEntry(blobs_, query, blob, page);
    if (!entry) continue;
    const bool is_named = IsNamedMarker(blob);
    const bool is_file = entry->kind != NodeKind::kDirectory;
    const std::string path = is_file || is_named ? entry->key.path : entry->key.path + "/";
    Release(path, is_file, page);
    if (is_named) {
      Hold(*std::move(entry));
      continue;
    }
    if (!is_file) {
      // The same directory has both kinds of marker: ours tells its attributes.
      if (const auto ours = held_.extract(path)) *entry = ours.mapped();
    }
    page.entries.push_back(*std::move(entry));
  }
  if (listed.next_marker.empty()) {
    while (!held_.empty()) page.entries.push_back(std::move(held_.extract(held_.begin()).mapped()));
    return page;
  }
  page.continuation = PercentEncode(listed.next_marker);
  for (const auto& [path, directory] : held_)
    page.continuation += kSeparator + PercentEncode(directory.key.path);
  return page;
}

}  // namespace skybridge::azure
