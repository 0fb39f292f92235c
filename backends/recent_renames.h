// RecentRenames: what was moved where of late, as it was before. The second attempt of a rename
// finds its source gone; only this tells whether what is at the destination is what the first
// attempt moved.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <utility>

#include "backends/object_store.h"
#include "core/mutex.h"

namespace skybridge {

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

  void Forget(const ObjectKey& source, const ObjectKey& destination) {
    MutexLock lock(mutex_);
    std::erase_if(entries_, [&](const auto& entry) {
      return entry.first == destination && entry.second.key == source;
    });
  }

  // What was moved from `source` to `destination` last.
  std::optional<ObjectInfo> Find(const ObjectKey& source, const ObjectKey& destination) const {
    MutexLock lock(mutex_);
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      if (entry->first == destination && entry->second.key == source) return entry->second;
    }
    return std::nullopt;
  }

 private:
  mutable Mutex mutex_;
  std::list<std::pair<ObjectKey, ObjectInfo>> entries_ GUARDED_BY(mutex_);
};

}  // namespace skybridge
