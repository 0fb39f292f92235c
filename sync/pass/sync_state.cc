#include "sync/pass/sync_state.h"

#include <utility>

namespace skybridge {

void SyncState::Plan(const Decision& decision) {
  if (decision.step == Step::kCopy) bytes_to_copy += decision.source->size_bytes;
}

void SyncState::Count(const Decision& decision, std::uint64_t bytes_copied) {
  switch (decision.step) {
    case Step::kLeave:
      if (decision.reason == Reason::kOnlyAtDestination) {
        ++extra;
      } else if (decision.kind != NodeKind::kDirectory) {
        ++unchanged;
      }
      return;
    case Step::kCopy:
      ++files_copied;
      bytes_of_copied += bytes_copied;
      return;
    case Step::kSetAttributes:
      ++attributes_updated;
      return;
    case Step::kMakeDirectory:
      ++directories_made;
      return;
    case Step::kMakeWay:
      ++made_way;
      return;
    case Step::kVanished:
      ++vanished;
      return;
    case Step::kRefuse:
      return;  // AddFailure counts it
  }
}

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
  counts.made_way = made_way;
  counts.hidden_names = hidden_names;
  counts.owners_left_out = owners_left_out;
  counts.xattrs_left_out = xattrs_left_out;
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
