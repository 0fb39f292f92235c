#include "cache/cache_directory.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/local_file.h"
#include "core/units.h"

namespace skybridge::cache {
namespace {

constexpr const char* kLockName = "/lock";
constexpr std::string_view kMarkName = "skybridge-cache";
constexpr std::string_view kMarkText =
    "This directory belongs to skybridge, which makes and removes files in it.\n";
constexpr std::chrono::milliseconds kLockPoll{50};

class LockedDirectory final : public CacheDirectory {
 public:
  LockedDirectory(std::string path, FileDescriptor lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  const std::string& path() const override { return path_; }

  Result<std::uint64_t> DiskBytes() const override { return cache::DiskBytes(lock_.get()); }
  Status RequireFree(std::uint64_t bytes) const override {
    const std::uint64_t free_bytes = TRY(FreeBytes(lock_.get()));
    if (free_bytes >= bytes) return {};
    return Fail(ErrorCode::kNoSpace, fmt::format("'{}' has {} free, {} are needed", path_,
                                                 FormatBytes(free_bytes), FormatBytes(bytes)));
  }

 private:
  std::string path_;
  FileDescriptor lock_;  // flock(2) ends with the descriptor, also when the process is killed
};

// A file system's own directory for lost files does not make it somebody's.
bool IsOfTheFileSystem(const std::string& name) { return name == "lost+found"; }

// Empty, or marked as ours.
Status RequireOurs(const std::string& path) {
  struct stat mark {};
  const std::string mark_path = fmt::format("{}/{}", path, kMarkName);
  if (::lstat(mark_path.c_str(), &mark) == 0 && S_ISREG(mark.st_mode) &&
      mark.st_uid == ::geteuid()) {
    return {};
  }
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(path, failure)) {
    const std::string name = entry.path().filename().string();
    if (IsOfTheFileSystem(name)) continue;
    return Fail(ErrorCode::kNotEmpty,
                fmt::format("'{}' holds files that are not skybridge's, such as '{}'; choose an "
                            "empty directory, or one that is not there yet",
                            path, name));
  }
  if (failure) return Fail(ErrorFromErrno(failure.value(), "list '" + path + "'"));
  TRY_VOID(WriteSynced(mark_path, kMarkText));
  return SyncDirectoryOf(mark_path);
}

std::string HolderOf(int lock) {
  std::array<std::byte, 32> text{};
  const Result<std::size_t> size = ReadAt(lock, 0, text);
  if (!size || *size == 0) return "another process";
  std::string pid(reinterpret_cast<const char*>(text.data()), *size);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return "process " + pid;
}

Status TryLock(int lock, const std::string& path) {
  if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return Fail(ErrorFromErrno(errno, "lock '" + path + "'"));
  return Fail(ErrorCode::kLocked, fmt::format("'{}' is in use by {}", path, HolderOf(lock)));
}

Status TakeLock(int lock, const CacheDirectory::Request& request) {
  Status locked = TryLock(lock, request.path);
  if (!locked && request.clock != nullptr) {
    const MonotonicTime until = request.clock->Now() + request.wait;
    while (!locked && locked.error().code == ErrorCode::kLocked && request.clock->Now() < until &&
           request.clock->SleepUntil(request.clock->Now() + kLockPoll, request.stop)) {
      locked = TryLock(lock, request.path);
    }
  }
  TRY_VOID(std::move(locked));
  // Who holds it is a help for people: a full disk does not matter.
  if (::ftruncate(lock, 0) == 0) {
    static_cast<void>(WriteAt(lock, 0, AsBytes(std::to_string(::getpid()) + "\n")));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<CacheDirectory>> CacheDirectory::Take(const Request& request) {
  const std::string& path = request.path;
  TRY_VOID(MakePrivateDirectory(path));
  TRY_VOID(RequireOurs(path));
  FileDescriptor lock(
      ::open((path + kLockName).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return Fail(ErrorFromErrno(errno, "open '" + path + kLockName + "'"));
  TRY_VOID(TakeLock(lock.get(), request));
  return std::make_unique<LockedDirectory>(path, std::move(lock));
}

Result<std::unique_ptr<CacheDirectory>> CacheDirectory::Take(const std::string& path,
                                                             std::uint64_t need_free_bytes) {
  std::unique_ptr<CacheDirectory> directory = TRY(Take({.path = path}));
  TRY_VOID(directory->RequireFree(need_free_bytes));
  return directory;
}

}  // namespace skybridge::cache
