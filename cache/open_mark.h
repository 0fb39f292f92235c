// OpenMark: a file that is there while a process has a cache open. Who finds one knows that the
// process before was killed: what it did last is not in the cache.
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
  ~OpenMark();  // takes it away
  OpenMark(const OpenMark&) = delete;
  OpenMark& operator=(const OpenMark&) = delete;

  bool was_there() const { return was_there_; }

 private:
  OpenMark(std::string path, bool was_there) : path_(std::move(path)), was_there_(was_there) {}

  const std::string path_;
  const bool was_there_;
};

}  // namespace skybridge::cache
