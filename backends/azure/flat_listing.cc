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

bool IsSlashlessMarker(const ListedBlob& blob) {
  return !blob.is_prefix && !blob.name.ends_with('/') && blob.size_bytes == 0 && blob.metadata &&
         IsFolderMarker(*blob.metadata);
}

bool IsDirectory(const ListedBlob& blob) {
  return blob.is_prefix || blob.name.ends_with('/') || IsSlashlessMarker(blob);
}

// Nothing for the marker of the listed directory itself, and for names that no key can hold, which
// are counted.
std::optional<ObjectInfo> ToEntry(const BlobClient& blobs, const BlobListQuery& query,
                                  const ListedBlob& blob, ListPage& page) {
  if (blob.name == blobs.names().ChildPrefix(query.directory)) return std::nullopt;
  auto key = blobs.names().KeyOf(blob.name);
  if (!key) {
    ++page.hidden_names;
    return std::nullopt;
  }
  return blobs.Describe(*std::move(key), blob, IsDirectory(blob));
}

}  // namespace

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

// Every held directory that sorts before `before` takes its place.
void SortedPage::Release(const std::string& before, ListPage& page) {
  while (!held_.empty() && held_.begin()->first < before) {
    page.entries.push_back(std::move(held_.extract(held_.begin()).mapped()));
  }
}

ListPage SortedPage::Convert(const BlobListQuery& query, const BlobListPage& listed) {
  ListPage page;
  for (const ListedBlob& blob : listed.entries) {
    auto entry = ToEntry(blobs_, query, blob, page);
    if (!entry) continue;
    if (IsSlashlessMarker(blob)) {
      Hold(*std::move(entry));
      continue;
    }
    const std::string path =
        entry->kind == NodeKind::kDirectory ? entry->key.path + "/" : entry->key.path;
    Release(path, page);
    held_.erase(path);  // the same directory has both kinds of marker
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
