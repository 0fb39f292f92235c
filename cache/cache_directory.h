// CacheDirectory: takes a directory for one process: makes it or checks that it is ours, and locks
// it until destroyed.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/result.h"

namespace skybridge::cache {

class CacheDirectory {
 public:
  struct Request {
    std::string path;
    // A process that has just unmounted still holds the lock for a moment: waits this long for it,
    // with `clock`. Without a clock it does not wait.
    std::chrono::milliseconds wait{0};
    Clock* clock = nullptr;
    std::stop_token stop = {};
  };

  // Makes the directory and its parents with mode 0700, or takes one that is there: an empty one, or
  // one that this function has marked before (a file "skybridge-cache"). The mode of a directory
  // that was there stays as it is. Symbolic links are not followed.
  // Errors: kLocked ("in use by process N"); kInvalidArgument (not a directory, or a symbolic link);
  // kNotEmpty (holds what is not ours); kPermissionDenied (belongs to another user, or other users
  // may write to it); kReadOnly, kNoSpace, kIo.
  static Result<std::unique_ptr<CacheDirectory>> Take(const Request& request);
  // The same at once, and with so much free: RequireFree's errors too.
  static Result<std::unique_ptr<CacheDirectory>> Take(const std::string& path,
                                                      std::uint64_t need_free_bytes);
  virtual ~CacheDirectory() = default;
  virtual const std::string& path() const = 0;
  // The size of its disk, free or not. Errors: kIo.
  virtual Result<std::uint64_t> DiskBytes() const = 0;
  // Errors: kNoSpace (less than `bytes` are free on its disk), kIo.
  virtual Status RequireFree(std::uint64_t bytes) const = 0;
};

}  // namespace skybridge::cache
