#include "fuse/names/repeated_directories.h"

#include <algorithm>

namespace skybridge::fuse {

void RepeatedDirectories::AddPage(const std::vector<ObjectInfo>& entries) {
  std::string_view last;
  for (const ObjectInfo& entry : entries) {
    last = std::max(last, entry.key.name());
    if (entry.kind == NodeKind::kDirectory) names_.emplace(entry.key.name());
  }
  // "name/" is behind: no later name begins so.
  std::erase_if(names_, [last](const std::string& name) { return name + "/" < last; });
}

}  // namespace skybridge::fuse
