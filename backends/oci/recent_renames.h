// RecentRenames: which objects were moved where of late, as they were before. A rename's second
// attempt finds its source gone; only this tells whether the object at the destination is the one
// that the first attempt moved.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <utility>

#include "backends/object_store.h"
#include "core/mutex.h"

namespace skybridge::oci {

// Beyond kMaxEntries the oldest is forgotten (its retry then reports kNotFound). Safe from many
// threads.
class RecentRenames {
 public:
  static constexpr std::size_t kMaxEntries = 1024;

  void Remember(const ObjectKey& destination, const ObjectInfo& source) {
    MutexLock lock(mutex_);
    entries_.emplace_back(destination, source);
    if (entries_.size() > kMaxEntries) entries_.pop_front();
  }

  // What was moved from `source` to `destination`; forgets it.
  std::optional<ObjectInfo> Take(const ObjectKey& source, const ObjectKey& destination) {
    MutexLock lock(mutex_);
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      if (entry->first != destination || entry->second.key != source) continue;
      ObjectInfo found = std::move(entry->second);
      entries_.erase(std::next(entry).base());
      return found;
    }
    return std::nullopt;
  }

 private:
  Mutex mutex_;
  std::list<std::pair<ObjectKey, ObjectInfo>> entries_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::oci
