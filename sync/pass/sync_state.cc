#include "sync/pass/sync_state.h"

#include <utility>

namespace skybridge {

void SyncState::AddFailure(std::string path, Error error) {
  MutexLock lock(mutex_);
  ++failed_count_;
  if (failed_.size() < kMaxReportedFailures) failed_.push_back({std::move(path), std::move(error)});
}

SyncSummary SyncState::Counts() const {
  SyncSummary counts;
  counts.files_copied = files_copied;
  counts.bytes_copied = bytes_of_copied;
  counts.attributes_updated = attributes_updated;
  counts.unchanged = unchanged;
  counts.directories_made = directories_made;
  counts.extra_at_destination = extra;
  counts.vanished = vanished;
  counts.hidden_names = hidden_names;
  counts.elapsed = clock_.Now() - started_;
  MutexLock lock(mutex_);
  counts.failed_count = failed_count_;
  return counts;
}

SyncSummary SyncState::Summary() const {
  SyncSummary summary = Counts();
  MutexLock lock(mutex_);
  summary.failed = failed_;
  return summary;
}

SyncProgress SyncState::Progress(std::uint64_t bytes_done) const {
  SyncProgress progress;
  progress.so_far = Counts();
  progress.objects_listed = objects_listed;
  progress.objects_done = objects_done;
  progress.bytes_to_copy = bytes_to_copy;
  progress.bytes_done = bytes_done;
  progress.listing_done = listing_done;
  const double seconds = std::chrono::duration<double>(progress.so_far.elapsed).count();
  if (seconds > 0) progress.bytes_per_second = static_cast<double>(bytes_done) / seconds;
  if (progress.listing_done && progress.bytes_per_second > 0) {
    const std::uint64_t left =
        progress.bytes_to_copy > bytes_done ? progress.bytes_to_copy - bytes_done : 0;
    progress.time_left = std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(static_cast<double>(left) / progress.bytes_per_second));
  }
  return progress;
}

}  // namespace skybridge
