#include "cache/cache_directory.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "cache/local_file.h"

namespace skybridge::cache {
namespace {

constexpr const char* kLockName = "/lock";

class LockedDirectory final : public CacheDirectory {
 public:
  LockedDirectory(std::string path, FileDescriptor lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  const std::string& path() const override { return path_; }

 private:
  std::string path_;
  FileDescriptor lock_;  // flock(2) ends with the descriptor, also when the process is killed
};

std::string HolderOf(int lock) {
  std::array<std::byte, 32> text{};
  const Result<std::size_t> size = ReadAt(lock, 0, text);
  if (!size || *size == 0) return "another process";
  std::string pid(reinterpret_cast<const char*>(text.data()), *size);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return "process " + pid;
}

Status TakeLock(int lock, const std::string& path) {
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Fail(ErrorFromErrno(errno, "lock '" + path + "'"));
    return Fail(ErrorCode::kLocked, fmt::format("'{}' is in use by {}", path, HolderOf(lock)));
  }
  if (::ftruncate(lock, 0) != 0)
    return Fail(ErrorFromErrno(errno, "write '" + path + kLockName + "'"));
  return WriteAt(lock, 0, AsBytes(std::to_string(::getpid()) + "\n"));
}

}  // namespace

Result<std::unique_ptr<CacheDirectory>> CacheDirectory::Take(const std::string& path,
                                                             std::uint64_t need_free_bytes) {
  TRY_VOID(MakePrivateDirectory(path));
  FileDescriptor lock(
      ::open((path + kLockName).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return Fail(ErrorFromErrno(errno, "open '" + path + kLockName + "'"));
  TRY_VOID(TakeLock(lock.get(), path));
  const std::uint64_t free_bytes = TRY(FreeBytes(lock.get()));
  if (free_bytes < need_free_bytes) {
    return Fail(ErrorCode::kNoSpace, fmt::format("'{}' has {} bytes free, {} are needed", path,
                                                 free_bytes, need_free_bytes));
  }
  return std::make_unique<LockedDirectory>(path, std::move(lock));
}

}  // namespace skybridge::cache
