// CacheDirectory: takes a directory for one process: makes it (0700), checks it, locks it until
// destroyed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"

namespace skybridge::cache {

class CacheDirectory {
 public:
  // Errors: kLocked ("in use by process N"), kReadOnly, kNoSpace (less than `need_free_bytes`
  // left), kPermissionDenied (owned by somebody else, or open to others and not ours to close),
  // kIo, kInvalidArgument (not a directory).
  static Result<std::unique_ptr<CacheDirectory>> Take(const std::string& path,
                                                      std::uint64_t need_free_bytes);
  virtual ~CacheDirectory() = default;
  virtual const std::string& path() const = 0;
};

}  // namespace skybridge::cache
