// Turns pages of blobs of a flat account into pages of a tree: markers and prefixes become
// directories.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "backends/azure/blob_client.h"
#include "backends/object_store.h"

namespace skybridge::azure {

// The marker "dir/" of another tool. With bytes it is a file of that name.
bool IsSlashMarker(const ListedBlob& blob);

// One level. A directory that has a marker ("dir") and is a prefix ("dir/") comes once on a page.
ListPage ToLevelPage(const BlobClient& blobs, const BlobListQuery& query, BlobListPage page);

// A recursive listing is sorted by full path, directories as "path/". The blobs are, but the marker
// "dir" comes before "dir-1" while the directory belongs after it: it is held back, over the end of
// a page if need be. What is held back begins the name of the blob that is read: no more directories
// than a name has bytes.
class SortedPage {
 public:
  // What a continuation holds: the service's marker, and the directories held back.
  struct Continuation {
    std::string marker;
    std::vector<std::string> held_paths;
  };
  static Result<Continuation> Parse(const std::string& text);

  explicit SortedPage(const BlobClient& blobs) : blobs_(blobs) {}
  // A directory that the page before held back.
  void Hold(ObjectInfo directory);
  ListPage Convert(const BlobListQuery& query, const BlobListPage& listed);

 private:
  void Release(const std::string& path, bool is_file, ListPage& page);

  const BlobClient& blobs_;
  std::map<std::string, ObjectInfo> held_;  // by path with '/'
};

}  // namespace skybridge::azure
