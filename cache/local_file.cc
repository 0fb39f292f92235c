#include "cache/local_file.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

namespace skybridge::cache {

namespace {

Status MakeWithParents(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT) return Fail(ErrorFromErrno(errno, "make directory '" + path + "'"));
  const std::string parent = std::filesystem::path(path).parent_path().string();
  if (parent.empty() || parent == path)
    return Fail(ErrorFromErrno(ENOENT, "make directory '" + path + "'"));
  TRY_VOID(MakeWithParents(parent));
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return Fail(ErrorFromErrno(errno, "make directory '" + path + "'"));
}

}  // namespace

Status MakePrivateDirectory(const std::string& path) {
  TRY_VOID(MakeWithParents(path));
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0)
    return Fail(ErrorFromErrno(errno, "look at '" + path + "'"));
  if (S_ISLNK(info.st_mode)) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + path + "' is a symbolic link; name the directory itself");
  }
  if (!S_ISDIR(info.st_mode))
    return Fail(ErrorCode::kInvalidArgument, "'" + path + "' is not a directory");
  if (info.st_uid != ::geteuid()) {
    return Fail(ErrorCode::kPermissionDenied, "'" + path + "' belongs to another user (uid " +
                                                  std::to_string(info.st_uid) +
                                                  "); choose a directory of your own");
  }
  if ((info.st_mode & 0022U) != 0) {
    return Fail(ErrorCode::kPermissionDenied,
                "other users may write to '" + path +
                    "'; choose a directory of your own, or one that is not there yet");
  }
  return {};
}

namespace {

#ifdef RWF_DONTCACHE
constexpr int kDontCache = RWF_DONTCACHE;
#else
constexpr int kDontCache =
    0x80;  // linux/fs.h from 6.14 on; Debian 12's headers are older than the kernels it runs on
#endif
// Below this, starting to write back at once costs more than it saves.
constexpr std::size_t kLeastDropBytes = 128 << 10;

// preadv2 or pwritev2, without the flag where the kernel or the file system does not know it.
template <class Call>
ssize_t Transfer(const Call& call, std::size_t size, PageCache pages) {
  static std::atomic<bool> can_drop{true};
  if (pages == PageCache::kDrop && size >= kLeastDropBytes &&
      can_drop.load(std::memory_order_relaxed)) {
    const ssize_t n = call(kDontCache);
    if (n >= 0 || (errno != EOPNOTSUPP && errno != EINVAL)) return n;
    can_drop.store(false, std::memory_order_relaxed);
  }
  return call(0);
}

}  // namespace

Result<std::size_t> ReadAt(int fd, std::uint64_t offset_bytes, std::span<std::byte> into,
                           PageCache pages) {
  std::size_t done = 0;
  while (done < into.size()) {
    const iovec piece{into.data() + done, into.size() - done};
    const ssize_t n = Transfer(
        [&](int flags) {
          return ::preadv2(fd, &piece, 1, static_cast<off_t>(offset_bytes + done), flags);
        },
        piece.iov_len, pages);
    if (n == 0) break;
    if (n < 0) {
      if (errno == EINTR) continue;
      return Fail(ErrorFromErrno(errno, "read a local cache file"));
    }
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Status WriteAt(int fd, std::uint64_t offset_bytes, ByteSpan bytes, PageCache pages) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const iovec piece{const_cast<std::byte*>(bytes.data() + done), bytes.size() - done};
    const ssize_t n = Transfer(
        [&](int flags) {
          return ::pwritev2(fd, &piece, 1, static_cast<off_t>(offset_bytes + done), flags);
        },
        piece.iov_len, pages);
    if (n < 0) {
      if (errno == EINTR) continue;
      return Fail(ErrorFromErrno(errno, "write a local cache file"));
    }
    done += static_cast<std::size_t>(n);
  }
  return {};
}

Result<std::uint64_t> FreeBytes(int fd) {
  struct statvfs info {};
  if (::fstatvfs(fd, &info) != 0)
    return Fail(ErrorFromErrno(errno, "ask the disk for its free space"));
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

Result<std::uint64_t> DiskBytes(int fd) {
  struct statvfs info {};
  if (::fstatvfs(fd, &info) != 0) return Fail(ErrorFromErrno(errno, "ask the disk for its size"));
  return static_cast<std::uint64_t>(info.f_blocks) * info.f_frsize;
}

Status WriteSynced(const std::string& path, std::string_view text) {
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return Fail(ErrorFromErrno(errno, "make '" + path + "'"));
  TRY_VOID(WriteAt(file.get(), 0, AsBytes(text)));
  if (::fsync(file.get()) != 0) return Fail(ErrorFromErrno(errno, "sync '" + path + "'"));
  return {};
}

Status ReplaceSynced(const std::string& path, std::string_view text) {
  const std::string aside = path + ".new";
  TRY_VOID(WriteSynced(aside, text));
  if (::rename(aside.c_str(), path.c_str()) != 0)
    return Fail(ErrorFromErrno(errno, "rename '" + aside + "'"));
  return SyncDirectoryOf(path);
}

Status SyncDirectoryOf(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  const FileDescriptor file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file || ::fsync(file.get()) != 0)
    return Fail(ErrorFromErrno(errno, "sync '" + directory + "'"));
  return {};
}

}  // namespace skybridge::cache
