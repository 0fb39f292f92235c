// FileDescriptor: an open file that closes itself.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "core/result.h"

namespace skybridge {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() { Reset(); }

  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  void Reset();  // closes now

 private:
  int fd_ = -1;
};

// Reads until `size` bytes or the end of the file; interrupted calls are repeated. Errors: from
// errno, with `label`.
Result<std::size_t> ReadUpTo(int fd, char* into, std::size_t size, const std::string& label);

}  // namespace skybridge
