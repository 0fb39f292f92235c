// What the threads of one pass count together, and the snapshots that progress is made of.
#pragma once

#include <atomic>

#include "core/mutex.h"
#include "sync/pass/decision.h"
#include "sync/pass/sync.h"

namespace skybridge {

// Safe from many threads.
class SyncState {
 public:
  explicit SyncState(const Clock& clock) : clock_(clock), started_(clock.Now()) {}

  std::atomic<std::uint64_t> files_copied{0};
  std::atomic<std::uint64_t> bytes_of_copied{0};
  std::atomic<std::uint64_t> attributes_updated{0};
  std::atomic<std::uint64_t> unchanged{0};
  std::atomic<std::uint64_t> directories_made{0};
  std::atomic<std::uint64_t> extra{0};
  std::atomic<std::uint64_t> vanished{0};
  std::atomic<std::uint64_t> made_way{0};
  std::atomic<std::uint64_t> hidden_names{0};
  std::atomic<std::uint64_t> owners_left_out{0};
  std::atomic<std::uint64_t> xattrs_left_out{0};
  std::atomic<std::uint64_t> objects_listed{0};
  std::atomic<std::uint64_t> objects_done{0};
  std::atomic<std::uint64_t> bytes_to_copy{0};
  std::atomic<bool> listing_done{false};

  // A decision is known; its copy is to come.
  void Plan(const Decision& decision);
  // A decision is carried out, or would have been.
  void Count(const Decision& decision, std::uint64_t bytes_copied);
  void AddFailure(std::string path, Error error);
  SyncSummary Summary() const;
  // `bytes_done`: what the transfers have moved by now.
  SyncProgress Progress(std::uint64_t bytes_done) const;

 private:
  SyncSummary Counts() const;

  const Clock& clock_;
  const MonotonicTime started_;
  mutable Mutex mutex_;  // guards what follows
  std::uint64_t failed_count_ GUARDED_BY(mutex_) = 0;
  std::vector<SyncFailure> failed_ GUARDED_BY(mutex_);
};

}  // namespace skybridge
