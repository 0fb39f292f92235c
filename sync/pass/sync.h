// Sync: one pass that makes a destination hold what a source holds. Copies what is new or changed,
// brings attributes over, keeps empty directories and symbolic links. Deletes nothing: what is only
// at the destination is counted. One exception: a file of the destination makes way for a directory
// of the source, and an empty directory for a file.
//
// Memory does not grow with the number of objects. Only what differs costs requests beyond the two
// listings, except where a listing has no attributes (OCI): there each candidate costs one HEAD.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.h"
#include "sync/pass/step_log.h"
#include "sync/side.h"
#include "sync/transfer/transfer.h"

namespace skybridge {

struct SyncOptions {
  SyncSide source;
  SyncSide destination;
  Clock& clock;
  bool dry_run = false;             // says what it would do, changes nothing
  bool destination_is_new = false;  // its root was made for this pass
  // Told each step that changes something: in a dry run in the order of the listings; else when it
  // is carried out. Not called at the same time twice.
  StepFunction on_step = {};
  std::size_t file_jobs = 16;  // objects looked at or copied at the same time
  std::size_t part_jobs = 32;  // parts of large objects in flight
  std::uint64_t memory_bytes = std::uint64_t{256} << 20;  // of the buffers of all copies together
  TransferLimits transfer = {};
  std::chrono::nanoseconds call_timeout = std::chrono::minutes(5);
  std::chrono::nanoseconds progress_interval = std::chrono::seconds(1);
  std::string temp_directory = {};  // for sorting; empty: the system's
  std::stop_token stop = {};
};

struct SyncFailure {
  std::string path;
  Error error;
};

inline constexpr std::size_t kMaxReportedFailures = 1000;

struct SyncSummary {
  std::uint64_t files_copied = 0;  // links too; in a dry run: that would be copied
  std::uint64_t bytes_copied = 0;
  std::uint64_t attributes_updated = 0;  // content was equal
  std::uint64_t unchanged = 0;           // files and links
  std::uint64_t directories_made = 0;
  std::uint64_t made_way = 0;  // at the destination, removed for something of another kind
  std::uint64_t extra_at_destination = 0;  // not deleted
  std::uint64_t vanished = 0;              // listed at the source, gone before they could be copied
  std::uint64_t hidden_names = 0;     // at the source; no path can show them, they are not copied
  std::uint64_t owners_left_out = 0;  // the destination cannot keep the owner or group of these
  std::uint64_t xattrs_left_out = 0;  // the same of extended attributes and foreign metadata
  std::uint64_t failed_count = 0;
  std::vector<SyncFailure> failed;  // the first kMaxReportedFailures
  std::chrono::nanoseconds elapsed{0};

  // Everything that the source shows is at the destination.
  bool complete() const { return failed_count == 0 && hidden_names == 0; }
};

struct SyncProgress {
  SyncSummary so_far;                // without `failed`
  std::uint64_t objects_listed = 0;  // of the source
  std::uint64_t objects_done = 0;
  std::uint64_t bytes_to_copy = 0;  // of what is known to be copied so far, done or not
  std::uint64_t bytes_done = 0;     // arrived at the destination
  bool listing_done = false;        // the totals are final
  double bytes_per_second = 0;      // since the start
  std::optional<std::chrono::nanoseconds> time_left =
      {};  // once there is a rate and the totals are final
};
// Called from a thread of the pass, never at the same time twice, and once more at the end.
using ProgressFunction = std::function<void(const SyncProgress&)>;

// One object's failure does not stop the others, unless all would meet it too (RootCheck). Errors
// (the pass itself could not be carried through): that one, those of either listing, kCancelled.
// What was copied until then stays; no half object does.
Result<SyncSummary> Sync(const SyncOptions& options, const ProgressFunction& progress = {});

}  // namespace skybridge
