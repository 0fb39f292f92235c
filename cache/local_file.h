// Small RAII and helpers over the local file system: descriptors, whole reads and writes, private directories.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "core/encoding.h"
#include "core/result.h"

namespace skybridge::cache {

// Owns a file descriptor.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() { Close(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void Close();

 private:
  int fd_ = -1;
};

// Makes `path` and its parents (mode 0700) or takes what is there, closing it to others when it is ours.
// Errors: kInvalidArgument (not a directory), kPermissionDenied (owned by somebody else), and errno's own.
Status MakePrivateDirectory(const std::string& path);

// Reads from `offset_bytes` until `into` is full or the file ends; returns the bytes read.
Result<std::size_t> ReadAt(int fd, std::uint64_t offset_bytes, std::span<std::byte> into);
Status WriteAt(int fd, std::uint64_t offset_bytes, ByteSpan bytes);

// What an unprivileged program may still write on the disk that holds `fd`.
Result<std::uint64_t> FreeBytes(int fd);

}  // namespace skybridge::cache
