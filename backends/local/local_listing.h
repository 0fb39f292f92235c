// LocalListing: one listing in progress: a walk in bytewise order of full paths that stops after
// each page.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backends/local/local_tree.h"
#include "backends/object_store.h"

namespace skybridge {

// Not safe from many threads.
class LocalListing {
 public:
  // `hidden`: the name that is not shown, in whatever directory: the unfinished files of a store
  // whose root lies below this one are no data.
  LocalListing(const LocalTree& tree, const ListRequest& request, std::string hidden);

  // Reads the directories down to the first entry after `request.continuation`.
  Status Start();
  Result<ListPage> NextPage();

 private:
  struct Level {
    ObjectKey directory;
    FileDescriptor handle;
    std::vector<LocalName> names;
    std::size_t next = 0;
  };

  Status Enter(const ObjectKey& directory);
  // One that may not be read is named on the page.
  Status EnterOrName(const ObjectKey& directory, ListPage& page);
  Status SkipTo(std::string_view after);

  const LocalTree& tree_;
  const ListRequest request_;
  const std::string hidden_;
  const std::size_t page_size_;
  std::vector<Level> levels_;  // from the listed directory down to the one being read
  std::vector<std::string> hidden_names_;
};

}  // namespace skybridge
