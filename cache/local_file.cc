#include "cache/local_file.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace skybridge::cache {

namespace {

Status MakeWithParents(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT) return Fail(ErrorFromErrno(errno, "make directory '" + path + "'"));
  const std::string parent = std::filesystem::path(path).parent_path().string();
  if (parent.empty() || parent == path) return Fail(ErrorFromErrno(ENOENT, "make directory '" + path + "'"));
  TRY_VOID(MakeWithParents(parent));
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return Fail(ErrorFromErrno(errno, "make directory '" + path + "'"));
}

}  // namespace

Status MakePrivateDirectory(const std::string& path) {
  TRY_VOID(MakeWithParents(path));
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return Fail(ErrorFromErrno(errno, "look at '" + path + "'"));
  if (!S_ISDIR(info.st_mode)) return Fail(ErrorCode::kInvalidArgument, "'" + path + "' is not a directory");
  if (info.st_uid != ::geteuid()) {
    return Fail(ErrorCode::kPermissionDenied, "'" + path + "' belongs to another user (uid " +
                                                  std::to_string(info.st_uid) + "); choose a directory of your own");
  }
  if ((info.st_mode & 0077U) != 0 && ::chmod(path.c_str(), 0700) != 0) {
    return Fail(ErrorFromErrno(errno, "close '" + path + "' to other users"));
  }
  return {};
}

Result<std::size_t> ReadAt(int fd, std::uint64_t offset_bytes, std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t n =
        ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset_bytes + done));
    if (n == 0) break;
    if (n < 0) {
      if (errno == EINTR) continue;
      return Fail(ErrorFromErrno(errno, "read a local cache file"));
    }
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Status WriteAt(int fd, std::uint64_t offset_bytes, ByteSpan bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n =
        ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset_bytes + done));
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
  if (::fstatvfs(fd, &info) != 0) return Fail(ErrorFromErrno(errno, "ask the disk for its free space"));
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

}  // namespace skybridge::cache
