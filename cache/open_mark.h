// OpenMark: a file that exists while a process has a cache open. A process that finds one at its
// start knows that the one before was killed, and that the cache lacks its last changes.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"

namespace skybridge::cache {

// Only while the cache's directory is locked.
class OpenMark {
 public:
  // On disk when this returns. Errors: kIo, kNoSpace, kReadOnly.
  static Result<std::unique_ptr<OpenMark>> Set(const std::string& path);
  ~OpenMark();  // removes the file
  OpenMark(const OpenMark&) = delete;
  OpenMark& operator=(const OpenMark&) = delete;

  bool was_there() const { return was_there_; }
  // The file stays: what this process did last is not in the cache either.
  void Leave() { stays_ = true; }

 private:
  OpenMark(std::string path, bool was_there) : path_(std::move(path)), was_there_(was_there) {}

  const std::string path_;
  const bool was_there_;
  bool stays_ = false;
};

}  // namespace skybridge::cache
