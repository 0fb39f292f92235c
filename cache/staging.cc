#include "cache/staging.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "cache/local_file.h"
#include "core/call_wait.h"
#include "core/log.h"
#include "core/mutex.h"
#include "core/range_set.h"

namespace skybridge::cache {
namespace {

// Room is reserved in grains so that a small write seldom looks at the books; the bound errs to the
// safe side.
constexpr std::uint64_t kGrainBytes = 64 << 10;

std::uint64_t RoundDown(std::uint64_t n) { return n / kGrainBytes * kGrainBytes; }
std::uint64_t RoundUp(std::uint64_t n) { return RoundDown(n + kGrainBytes - 1); }

// The books of one staging directory: reserved bytes against the bound and the disk.
class Room {
 public:
  // One per file.
  using FileId = std::uint64_t;
  static constexpr FileId kNobody = 0;

  Room(const Staging::Options& options, FileDescriptor directory)
      : options_(options),
        reserve_bytes_(std::min(options.reserve_bytes, options.capacity_bytes / 2)),
        directory_(std::move(directory)) {}

  FileId NewFile() {
    MutexLock lock(mutex_);
    return ++last_file_;
  }

  // `held_bytes`: what the file has reserved so far.
  Status Reserve(FileId file, std::uint64_t bytes, std::uint64_t held_bytes,
                 const CallContext& context) {
    if (bytes > options_.capacity_bytes) return Fail(Full(bytes));
    MutexLock lock(mutex_);
    Status waited;
    while (waited && !Fits(file, bytes)) {
      waiting_[file] = held_bytes;
      if (MayTakeReserve(file)) {
        reserve_owner_ = file;
        continue;
      }
      waited = WaitWithin(context, *options_.clock, released_, mutex_, "the wait for staging room");
    }
    waiting_.erase(file);
    if (!waited)
      return Fail(waited.error().code == ErrorCode::kTimedOut ? Full(bytes) : waited.error());
    used_bytes_ += bytes;
    return {};
  }

  void Release(std::uint64_t bytes) {
    MutexLock lock(mutex_);
    used_bytes_ -= bytes;
    released_.NotifyAll();
  }

  void EndFile(FileId file) {
    MutexLock lock(mutex_);
    if (reserve_owner_ == file) reserve_owner_ = kNobody;
  }

  std::uint64_t used_bytes() const {
    MutexLock lock(mutex_);
    return used_bytes_;
  }

 private:
  bool Fits(FileId file, std::uint64_t bytes) const REQUIRES(mutex_) {
    const std::uint64_t kept_back = file == reserve_owner_ ? 0 : reserve_bytes_;
    if (used_bytes_ + bytes > options_.capacity_bytes - kept_back) return false;
    const Result<std::uint64_t> free_bytes = FreeBytes(directory_.get());
    return free_bytes && *free_bytes >= bytes + options_.keep_free_bytes;
  }

  // The reserve changes its owner only while enough of it is left for a part, and not while its
  // owner waits. Of the files that wait, the one that holds the most goes first: what it frees is
  // more than what it leaves behind.
  bool MayTakeReserve(FileId file) const REQUIRES(mutex_) {
    if (reserve_bytes_ == 0 || reserve_owner_ == file || waiting_.contains(reserve_owner_))
      return false;
    if (used_bytes_ + reserve_bytes_ / 2 > options_.capacity_bytes) return false;
    const auto most = std::max_element(
        waiting_.begin(), waiting_.end(),
        [](const auto& left, const auto& right) { return left.second < right.second; });
    return most->second == waiting_.at(file);
  }

  Error Full(std::uint64_t bytes) const {
    return Error{
        .code = ErrorCode::kNoSpace,
        .message = fmt::format("staging '{}' has no room for {} more bytes (bound {} bytes)",
                               options_.directory, bytes, options_.capacity_bytes),
        .retryable = true};
  }

  const Staging::Options options_;
  const std::uint64_t reserve_bytes_;
  const FileDescriptor directory_;
  mutable Mutex mutex_;
  CondVar released_;
  std::uint64_t used_bytes_ GUARDED_BY(mutex_) = 0;
  FileId last_file_ GUARDED_BY(mutex_) = kNobody;
  FileId reserve_owner_ GUARDED_BY(mutex_) = kNobody;
  std::map<FileId, std::uint64_t> waiting_ GUARDED_BY(mutex_);  // with the bytes that they hold
};

class SparseFile final : public StagingFile {
 public:
  SparseFile(std::shared_ptr<Room> room, FileDescriptor file)
      : room_(std::move(room)), id_(room_->NewFile()), file_(std::move(file)) {}
  ~SparseFile() override {
    file_.Reset();
    room_->EndFile(id_);
    room_->Release(reserved_bytes());
  }

  Status Write(std::uint64_t offset_bytes, ByteSpan bytes, const CallContext& context) override {
    if (bytes.empty()) return {};
    TRY_VOID(Reserve({offset_bytes, bytes.size()}, context));
    return WriteAt(file_.get(), offset_bytes, bytes, PageCache::kDrop);
  }

  Status Read(std::uint64_t offset_bytes, std::span<std::byte> into) override {
    const std::size_t size = TRY(ReadAt(file_.get(), offset_bytes, into, PageCache::kDrop));
    std::fill(into.begin() + static_cast<std::ptrdiff_t>(size), into.end(), std::byte{0});
    return {};
  }

  Status Discard(ByteRange range) override {
    MutexLock lock(mutex_);
    range.length_bytes = std::min(range.length_bytes, UINT64_MAX - range.offset_bytes);
    range = Intersect(range, {0, end_bytes_});
    if (range.empty()) return {};
    TRY_VOID(PunchHole(range));
    FreeWholeGrains(range);
    return {};
  }

  Status LinkTo(const std::string& path) override {
    if (::fdatasync(file_.get()) != 0)
      return Fail(ErrorFromErrno(errno, "sync a staging file for '" + path + "'"));
    const std::string self = fmt::format("/proc/self/fd/{}", file_.get());
    if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0)
      return SyncDirectoryOf(path);
    if (errno == EEXIST) return {};
    // A file whose only name was removed (CreateByUnlinking) cannot get another one.
    if (errno != ENOENT) return Fail(ErrorFromErrno(errno, "link '" + path + "'"));
    return CopyTo(path);
  }

  std::uint64_t reserved_bytes() const override {
    MutexLock lock(mutex_);
    return grains_.total_bytes();
  }

 private:
  Status Reserve(ByteRange range, const CallContext& context) {
    const std::uint64_t begin = RoundDown(range.offset_bytes);
    const ByteRange wanted{begin, RoundUp(range.end_bytes()) - begin};
    {
      MutexLock lock(mutex_);
      end_bytes_ = std::max(end_bytes_, range.end_bytes());
      used_.Add(range);
      if (grains_.Contains(wanted)) return {};
    }
    // Waited for without the lock; what a parallel writer reserved meanwhile is given back.
    const std::uint64_t missing = MissingBytes(wanted);
    TRY_VOID(room_->Reserve(id_, missing, reserved_bytes(), context));
    MutexLock lock(mutex_);
    const std::uint64_t before = grains_.total_bytes();
    grains_.Add(wanted);
    const std::uint64_t taken = grains_.total_bytes() - before;
    if (taken < missing) room_->Release(missing - taken);
    return {};
  }

  Status CopyTo(const std::string& path) {
    const FileDescriptor copy(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!copy) return Fail(ErrorFromErrno(errno, "make '" + path + "'"));
    std::vector<ByteRange> ranges;
    {
      MutexLock lock(mutex_);
      ranges = used_.ranges();
    }
    std::vector<std::byte> bytes;
    for (const ByteRange& range : ranges) {
      for (std::uint64_t at = range.offset_bytes; at < range.end_bytes(); at += bytes.size()) {
        bytes.resize(std::min<std::uint64_t>(1 << 20, range.end_bytes() - at));
        TRY_VOID(Read(at, bytes));
        TRY_VOID(WriteAt(copy.get(), at, bytes));
      }
    }
    if (::fsync(copy.get()) != 0) return Fail(ErrorFromErrno(errno, "sync '" + path + "'"));
    return SyncDirectoryOf(path);
  }

  std::uint64_t MissingBytes(ByteRange wanted) const {
    MutexLock lock(mutex_);
    std::uint64_t missing = 0;
    for (const ByteRange& gap : grains_.Missing(wanted)) missing += gap.length_bytes;
    return missing;
  }

  Status PunchHole(ByteRange range) {
    if (::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    static_cast<off_t>(range.offset_bytes),
                    static_cast<off_t>(range.length_bytes)) == 0) {
      return {};
    }
    if (errno != EOPNOTSUPP) return Fail(ErrorFromErrno(errno, "free a range of a staging file"));
    // A file system without holes: the zeros stay true, the disk space stays taken.
    const std::vector<std::byte> zeros(kGrainBytes);
    for (std::uint64_t at = range.offset_bytes; at < range.end_bytes(); at += zeros.size()) {
      const std::size_t size = std::min<std::uint64_t>(zeros.size(), range.end_bytes() - at);
      TRY_VOID(WriteAt(file_.get(), at, ByteSpan(zeros).first(size)));
    }
    return {};
  }

  // A grain goes back when nothing in it is in use any more, however many calls that took.
  void FreeWholeGrains(ByteRange range) REQUIRES(mutex_) {
    used_.Remove(range);
    const std::uint64_t begin = RoundDown(range.offset_bytes);
    const ByteRange touched{begin, RoundUp(range.end_bytes()) - begin};
    const std::uint64_t before = grains_.total_bytes();
    for (const ByteRange& free : used_.Missing(touched)) {
      const std::uint64_t first = RoundUp(free.offset_bytes);
      const std::uint64_t last = RoundDown(free.end_bytes());
      if (first < last) grains_.Remove({first, last - first});
    }
    room_->Release(before - grains_.total_bytes());
  }

  const std::shared_ptr<Room> room_;  // shared: files may outlive the Staging that made them
  const Room::FileId id_;
  FileDescriptor file_;
  mutable Mutex mutex_;
  RangeSet used_ GUARDED_BY(mutex_);    // bytes written and not discarded
  RangeSet grains_ GUARDED_BY(mutex_);  // grains reserved for them
  std::uint64_t end_bytes_ GUARDED_BY(mutex_) = 0;
};

class DiskStaging final : public Staging {
 public:
  DiskStaging(const Options& options, FileDescriptor directory)
      : options_(options), room_(std::make_shared<Room>(options, std::move(directory))) {}

  Result<std::unique_ptr<StagingFile>> Create() override {
    Result<FileDescriptor> file = MakeFile();
    if (!file && file.error().code == ErrorCode::kNotFound) {
      TRY_VOID(MakePrivateDirectory(options_.directory));
      Log(LogLevel::kWarning, "staging directory '{}' was removed; it was made again",
          options_.directory);
      file = MakeFile();
    }
    if (!file) return Fail(std::move(file).error());
    return std::make_unique<SparseFile>(room_, *std::move(file));
  }
  std::uint64_t used_bytes() const override { return room_->used_bytes(); }
  std::uint64_t capacity_bytes() const override { return options_.capacity_bytes; }

 private:
  Result<FileDescriptor> MakeFile() {
    FileDescriptor file(::open(options_.directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (file) return file;
    return CreateByUnlinking();
  }

  // For file systems without O_TMPFILE.
  Result<FileDescriptor> CreateByUnlinking() {
    std::string name = options_.directory + "/staging-XXXXXX";
    FileDescriptor file(::mkostemp(name.data(), O_CLOEXEC));
    if (!file)
      return Fail(ErrorFromErrno(errno, "make a staging file in '" + options_.directory + "'"));
    if (::unlink(name.c_str()) != 0) return Fail(ErrorFromErrno(errno, "unlink '" + name + "'"));
    return file;
  }

  const Options options_;
  const std::shared_ptr<Room> room_;
};

// Only our own fall-back files can be here; everything else is not ours to remove.
Status RemoveLeftovers(const std::string& directory) {
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failure)) {
    if (entry.path().filename().string().starts_with("staging-")) ::unlink(entry.path().c_str());
  }
  if (failure) return Fail(ErrorFromErrno(failure.value(), "list '" + directory + "'"));
  return {};
}

}  // namespace

Result<std::unique_ptr<Staging>> Staging::Open(const Options& options) {
  TRY_VOID(MakePrivateDirectory(options.directory));
  TRY_VOID(RemoveLeftovers(options.directory));
  FileDescriptor directory(::open(options.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return Fail(ErrorFromErrno(errno, "open '" + options.directory + "'"));
  return std::make_unique<DiskStaging>(options, std::move(directory));
}

}  // namespace skybridge::cache
