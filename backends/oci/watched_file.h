// WatchedFile: whether a file was written since it was last read, told by its modification time.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "core/mutex.h"

namespace skybridge::oci {

// Safe from many threads. One stat a question: nothing beside a signature.
class WatchedFile {
 public:
  explicit WatchedFile(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  using Written = std::optional<std::filesystem::file_time_type>;

  // When the file was last written. Ask before reading it: what is written while it is read counts
  // as a change.
  Written LastWritten() const {
    std::error_code error;
    const auto time = std::filesystem::last_write_time(path_, error);
    if (error) return std::nullopt;
    return time;
  }
  // What was written then has been read, and could be used.
  void NoteRead(Written written) {
    MutexLock lock(mutex_);
    read_ = written;
  }
  // A file that cannot be looked at has not changed: what was read from it may still serve.
  bool HasChanged() const {
    const Written written = LastWritten();
    MutexLock lock(mutex_);
    return written && written != read_;
  }

 private:
  const std::string path_;
  mutable Mutex mutex_;
  Written read_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::oci
