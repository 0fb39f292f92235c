#include "backends/upload_list.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/encoding.h"

namespace skybridge {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".uploads";
// A file without open uploads is emptied when it has grown beyond this.
constexpr off_t kMaxIdleBytes = 64 << 10;

std::string Hex(std::string_view text) { return HexEncode(AsBytes(text)); }

std::string RandomName() {
  std::array<std::byte, 8> random{};
  if (::getentropy(random.data(), random.size()) != 0) std::abort();
  return fmt::format("{}-{}{}", ::getpid(), HexEncode(random), kSuffix);
}

Status WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Fail(ErrorFromErrno(errno, "write the list of uploads"));
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

bool IsLinked(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && status.st_nlink > 0;
}

std::string ReadWhole(int fd) {
  std::string text;
  std::array<char, 1 << 14> buffer{};
  for (;;) {
    const ssize_t count =
        ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

// The uploads that were begun and have no end, by id.
std::map<std::string, ObjectKey> OpenUploads(const std::string& text) {
  std::map<std::string, ObjectKey> open;
  const std::size_t whole = text.rfind('\n');
  if (whole == std::string::npos) return open;
  std::istringstream lines(text.substr(0, whole));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string sign, upload, key;
    words >> sign >> upload >> key;
    const auto id = HexDecode(upload);
    const auto path = HexDecode(key);
    if (!id) continue;
    if (sign == "+" && path) open.emplace(*id, ObjectKey(*path));
    if (sign == "-") open.erase(*id);
  }
  return open;
}

}  // namespace

UploadList::~UploadList() {
  MutexLock lock(mutex_);
  if (file_ && open_.empty()) ::unlink((directory_ + "/" + name_).c_str());
}

// A sweeper may lock and remove the new file before it is locked here: then another is made.
Status UploadList::MakeFile() {
  std::error_code error;
  if (!file_) fs::create_directories(fs::path(directory_).parent_path(), error);
  if (!file_ && ::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST)
    return Fail(ErrorFromErrno(errno, fmt::format("make '{}'", directory_)));
  while (!file_) {
    name_ = RandomName();
    const std::string path = directory_ + "/" + name_;
    FileDescriptor file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
    if (!file) return Fail(ErrorFromErrno(errno, fmt::format("make '{}'", path)));
    const bool locked = ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
    if (!locked || !IsLinked(file.get())) continue;
    const FileDescriptor directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0)
      return Fail(ErrorFromErrno(errno, fmt::format("sync '{}'", directory_)));
    file_ = std::move(file);
  }
  return {};
}

Status UploadList::Add(const UploadId& upload, const ObjectKey& key) {
  MutexLock lock(mutex_);
  TRY_VOID(MakeFile());
  TRY_VOID(WriteAll(file_.get(), fmt::format("+ {} {}\n", Hex(upload.value), Hex(key.path))));
  if (::fdatasync(file_.get()) != 0) return Fail(ErrorFromErrno(errno, "sync the list of uploads"));
  open_.emplace(upload.value, key);
  return {};
}

void UploadList::Remove(const UploadId& upload) {
  MutexLock lock(mutex_);
  if (open_.erase(upload.value) == 0) return;
  // Without its end the upload is aborted once more by the next sweep, which does no harm.
  (void)WriteAll(file_.get(), fmt::format("- {}\n", Hex(upload.value)));
  struct stat status {};
  if (open_.empty() && ::fstat(file_.get(), &status) == 0 && status.st_size > kMaxIdleBytes)
    (void)::ftruncate(file_.get(), 0);
}

UploadList::Swept UploadList::Sweep(
    const std::function<Status(const AbortUploadRequest&)>& abort) const {
  Swept swept;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    if (!entry.path().filename().string().ends_with(kSuffix)) continue;
    const FileDescriptor file(::open(entry.path().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    // Its process lives.
    if (!file || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) continue;
    std::size_t failed = 0;
    for (const auto& [upload, key] : OpenUploads(ReadWhole(file.get()))) {
      const bool freed = abort({.upload = UploadId{upload}, .key = key}).has_value();
      ++(freed ? swept.freed : failed);
    }
    swept.failed += failed;
    if (failed == 0) ::unlink(entry.path().c_str());
  }
  return swept;
}

}  // namespace skybridge
