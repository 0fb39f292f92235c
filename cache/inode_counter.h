// InodeCounter: numbers that were never given out before, also across crashes and lost caches.
//
// A small file beside the database holds the end of the block of numbers that may be in use; it is
// synced before the first number of a block is given out. A crash wastes what was left of a block,
// and never repeats a number. The file outlives the database, which may be emptied at any time.
//
// While the disk is full, numbers are given out without the file. They are safe as long as nothing
// that names them is on disk either: the owner calls Settle before it writes such things.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/ids.h"
#include "core/mutex.h"
#include "core/result.h"

namespace skybridge::cache {

// Safe from many threads.
class InodeCounter {
 public:
  static constexpr std::uint64_t kLease = 10'000;
  static constexpr std::uint64_t kFirst = 16;  // below: none, root, and room for fixed nodes

  // Starts at the file's number; a missing file is a new cache (`is_new`).
  // Errors: kCorrupt if the file does not hold a number; kIo, kNoSpace.
  static Result<std::unique_ptr<InodeCounter>> Open(const std::string& path);

  bool is_new() const { return is_new_; }
  Result<InodeNumber> Next();
  // The newest number given out (or that may have been, by an earlier process).
  std::uint64_t last() const;
  // Every number given out so far is covered by the file. Errors: kIo, kNoSpace.
  Status Settle();
  // Numbers up to and including this one are never given out.
  Status SkipTo(std::uint64_t number);

 private:
  InodeCounter(std::string path, std::uint64_t next, bool is_new)
      : path_(std::move(path)), is_new_(is_new), next_(next), lease_end_(next) {}
  // Covers the numbers below `end` by the file.
  Status Lease(std::uint64_t end) REQUIRES(mutex_);

  const std::string path_;
  const bool is_new_;
  mutable Mutex mutex_;
  std::uint64_t next_ GUARDED_BY(mutex_);
  std::uint64_t lease_end_ GUARDED_BY(mutex_);  // numbers below it may be given out
  bool settled_ GUARDED_BY(mutex_) = true;      // the file covers them
};

}  // namespace skybridge::cache
