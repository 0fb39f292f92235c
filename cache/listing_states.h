// ListingStates: the listing states of recently used directories, in memory, because every lookup
// needs that of its directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>

#include "cache/inode_codec.h"
#include "core/ids.h"
#include "core/mutex.h"

namespace skybridge::cache {

// Safe from many threads. At the bound all states are dropped; the caller reads them from the
// database again.
class ListingStates {
 public:
  static constexpr std::size_t kMax = 4096;

  // The state if it is known, and the epoch to pass to Keep after reading the database.
  std::pair<std::optional<ListingState>, std::uint64_t> Find(InodeNumber directory) const {
    MutexLock lock(mutex_);
    const auto found = states_.find(directory);
    if (found == states_.end()) return {std::nullopt, epoch_};
    return {found->second, epoch_};
  }

  // Keeps what was read, unless Forget was called since then: the value that was read may be older
  // than that change.
  void Keep(InodeNumber directory, const ListingState& state, std::uint64_t epoch) {
    MutexLock lock(mutex_);
    if (epoch != epoch_) return;
    if (states_.size() >= kMax) states_.clear();
    states_.insert_or_assign(directory, state);
  }

  // Called after the database got another state.
  void Forget(InodeNumber directory) {
    MutexLock lock(mutex_);
    ++epoch_;
    states_.erase(directory);
  }

 private:
  mutable Mutex mutex_;
  std::unordered_map<InodeNumber, ListingState> states_ GUARDED_BY(mutex_);
  std::uint64_t epoch_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skybridge::cache
