// OwnVersions: what the stores said of files that this mount itself has written of late. Whoever
// moves such a version, or gives it other attributes, need not ask what it is; and it has nothing
// that this mount would not know of (a content type, say).
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "backends/object_store.h"
#include "core/clock.h"
#include "core/mutex.h"

namespace skybridge::fuse {

// Beyond kMaxEntries the oldest is forgotten (and asked for again). Safe from many threads.
class OwnVersions {
 public:
  static constexpr std::size_t kMaxEntries = 1024;

  // `info`: the reply to the write that made the version, at `key` of the store.
  void Remember(const ObjectStore& store, const ObjectKey& key, ObjectInfo info) {
    info.key = key;
    MutexLock lock(mutex_);
    Place place{&store, key.path};
    if (const auto known = by_place_.find(place); known != by_place_.end()) {
      known->second->second = {.info = std::move(info)};
      by_age_.splice(by_age_.end(), by_age_, known->second);
      return;
    }
    by_age_.emplace_back(place, Version{.info = std::move(info)});
    by_place_.emplace(std::move(place), std::prev(by_age_.end()));
    if (by_age_.size() <= kMaxEntries) return;
    by_place_.erase(by_age_.front().first);
    by_age_.pop_front();
  }

  // The version was made by a publication of content that ended `at`.
  void RememberWritten(const ObjectStore& store, const ObjectKey& key, const ObjectInfo& info,
                       MonotonicTime at) {
    Remember(store, key, info);
    MutexLock lock(mutex_);
    const auto known = by_place_.find({&store, key.path});
    if (known != by_place_.end()) known->second->second.written_at = at;
  }
  // When this mount published the content of that version; nothing if it did not, or not of late.
  std::optional<MonotonicTime> WrittenAt(const ObjectStore& store, const ObjectKey& key,
                                         const ETag& etag) const {
    MutexLock lock(mutex_);
    const auto known = by_place_.find({&store, key.path});
    if (known == by_place_.end() || known->second->second.info.etag != etag) return std::nullopt;
    return known->second->second.written_at;
  }

  // Nothing: another version than the one that was remembered, or none was.
  std::optional<ObjectInfo> Find(const ObjectStore& store, const ObjectKey& key,
                                 const ETag& etag) const {
    MutexLock lock(mutex_);
    const auto known = by_place_.find({&store, key.path});
    if (known == by_place_.end() || known->second->second.info.etag != etag) return std::nullopt;
    return known->second->second.info;
  }

 private:
  using Place = std::pair<const ObjectStore*, std::string>;
  struct Version {
    ObjectInfo info;
    std::optional<MonotonicTime> written_at = {};
  };
  using Entries = std::list<std::pair<Place, Version>>;

  mutable Mutex mutex_;  // guards what follows
  Entries by_age_ GUARDED_BY(mutex_);
  std::map<Place, Entries::iterator> by_place_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
