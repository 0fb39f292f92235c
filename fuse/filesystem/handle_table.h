// HandleTable: open files and directories by the number that the kernel carries for us. Numbers are
// never used again.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

#include "core/mutex.h"

namespace skybridge::fuse {

// Safe from many threads. A handle that a request still works with lives on after Remove (hence
// shared_ptr).
template <class T>
class HandleTable {
 public:
  std::uint64_t Add(std::shared_ptr<T> handle) {
    MutexLock lock(mutex_);
    const std::uint64_t id = next_id_++;
    handles_.emplace(id, std::move(handle));
    return id;
  }

  // nullptr if there is no such handle.
  std::shared_ptr<T> Find(std::uint64_t id) const {
    MutexLock lock(mutex_);
    const auto found = handles_.find(id);
    return found == handles_.end() ? nullptr : found->second;
  }

  std::shared_ptr<T> Remove(std::uint64_t id) {
    MutexLock lock(mutex_);
    const auto node = handles_.extract(id);
    return node.empty() ? nullptr : std::move(node.mapped());
  }

 private:
  mutable Mutex mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<T>> handles_ GUARDED_BY(mutex_);
  std::uint64_t next_id_ GUARDED_BY(mutex_) = 1;
};

}  // namespace skybridge::fuse
