// Small helpers over the local file system: whole reads and writes at an offset, private directories, free space.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/encoding.h"
#include "core/file_descriptor.h"
#include "core/result.h"

namespace skybridge::cache {

// Makes `path` and its parents (mode 0700) or takes what is there, closing it to others when it is ours.
// Errors: kInvalidArgument (not a directory), kPermissionDenied (owned by somebody else), and errno's own.
Status MakePrivateDirectory(const std::string& path);

// Reads from `offset_bytes` until `into` is full or the file ends; returns the bytes read.
Result<std::size_t> ReadAt(int fd, std::uint64_t offset_bytes, std::span<std::byte> into);
Status WriteAt(int fd, std::uint64_t offset_bytes, ByteSpan bytes);

// What an unprivileged program may still write on the disk that holds `fd`.
Result<std::uint64_t> FreeBytes(int fd);

}  // namespace skybridge::cache
