// Small helpers over the local file system: whole reads and writes at an offset, private
// directories, free space.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/encoding.h"
#include "core/file_descriptor.h"
#include "core/result.h"

namespace skybridge::cache {

// Makes `path` and its parents (mode 0700), or takes a directory that is there, with its mode as it
// is. Errors: kInvalidArgument (not a directory, or a symbolic link), kPermissionDenied (belongs to
// another user, or other users may write to it), and errno's own.
Status MakePrivateDirectory(const std::string& path);

// Whether the kernel keeps transferred data in its page cache. Large data that is not read again
// soon should not be kept: on a virtual machine the allocation of its pages costs several times the
// copy, and it evicts useful pages. Kernels from 6.14 on support this (RWF_DONTCACHE); on others,
// and for small pieces, kDrop works as kKeep.
enum class PageCache { kKeep, kDrop };

// Reads from `offset_bytes` until `into` is full or the file ends; returns the bytes read.
Result<std::size_t> ReadAt(int fd, std::uint64_t offset_bytes, std::span<std::byte> into,
                           PageCache pages = PageCache::kKeep);
Status WriteAt(int fd, std::uint64_t offset_bytes, ByteSpan bytes,
               PageCache pages = PageCache::kKeep);

// Replaces the file by `text`, on disk when this returns. A process that is killed meanwhile may
// leave a part of it.
Status WriteSynced(const std::string& path, std::string_view text);
// The same, written aside (`path`.new) and renamed: whatever happens, the file holds what it held
// before or all of `text`.
Status ReplaceSynced(const std::string& path, std::string_view text);
// The file's name is on disk when this returns.
Status SyncDirectoryOf(const std::string& path);

// What an unprivileged program may still write on the disk that holds `fd`.
Result<std::uint64_t> FreeBytes(int fd);
// The size of that disk, free or not.
Result<std::uint64_t> DiskBytes(int fd);

}  // namespace skybridge::cache
