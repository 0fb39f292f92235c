#include "tests/localcloud/storage.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include <rocksdb/db.h>

#include "core/log.h"
#include "core/mutex.h"

namespace skybridge::localcloud {
namespace {

// Slices may outlive the storage, so they share its counter.
using ByteCounter = std::shared_ptr<std::atomic<std::uint64_t>>;

// The owner of a slice of a memory storage.
struct Counted {
  Counted(std::string b, ByteCounter c) : bytes(std::move(b)), counter(std::move(c)) {
    *counter += bytes.size();
  }
  ~Counted() { *counter -= bytes.size(); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

  const std::string bytes;
  const ByteCounter counter;
};

class MemoryStorage final : public Storage {
 public:
  Slice Keep(std::string bytes) override {
    auto owner = std::make_shared<const Counted>(std::move(bytes), held_bytes_);
    const std::string_view view = owner->bytes;
    return {.owner = std::move(owner), .bytes = view};
  }
  std::uint64_t held_bytes() const override { return *held_bytes_; }
  bool durable() const override { return false; }
  void SetRecord(std::string_view, std::string_view) override {}
  void EraseRecord(std::string_view) override {}
  void ForEachRecord(std::string_view,
                     const std::function<void(std::string_view, std::string_view)>&) override {}
  std::string NameOf(const Slice&) override { return {}; }
  Result<Slice> Find(std::string_view name) override {
    return Fail(ErrorCode::kNotFound,
                "storage in memory keeps nothing by name: " + std::string(name));
  }
  void Release(const Slice&) override {}

 private:
  const ByteCounter held_bytes_ = std::make_shared<std::atomic<std::uint64_t>>(0);
};

constexpr std::uint64_t kSegmentBytes = std::uint64_t{256} << 20;
constexpr std::uint64_t kPageBytes = 4096;

std::uint64_t RoundUpToPage(std::uint64_t bytes) {
  return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

// One sparse data file, mapped whole for reading. Extents are handed out front to back and never
// again.
class Segment {
 public:
  static Result<std::shared_ptr<Segment>> Open(const std::string& path, std::uint64_t number,
                                               std::uint64_t size) {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return Fail(ErrorFromErrno(errno, "open " + path));
    auto segment = std::shared_ptr<Segment>(new Segment(fd, number, size));
    if (ftruncate(fd, static_cast<off_t>(size)) != 0)
      return Fail(ErrorFromErrno(errno, "resize " + path));
    void* base = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) return Fail(ErrorFromErrno(errno, "map " + path));
    segment->base_ = static_cast<const char*>(base);
    return segment;
  }
  ~Segment() {
    if (base_ != nullptr) munmap(const_cast<char*>(base_), size_);
    close(fd_);
  }
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  std::uint64_t number() const { return number_; }
  std::uint64_t size() const { return size_; }
  std::string_view View(std::uint64_t offset, std::uint64_t length) const {
    return {base_ + offset, length};
  }

  Status Write(std::uint64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0) return Fail(ErrorFromErrno(errno, "write to a data file"));
      bytes.remove_prefix(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
    return {};
  }
  // Gives the disk blocks back. Extents begin on page boundaries, so no neighbour loses a byte.
  void Punch(std::uint64_t offset, std::uint64_t length) {
    if (fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                  static_cast<off_t>(RoundUpToPage(length))) != 0) {
      Log(LogLevel::kDebug, "localcloud: released bytes stay on disk (no hole punching here)");
    }
  }

 private:
  Segment(int fd, std::uint64_t number, std::uint64_t size)
      : fd_(fd), number_(number), size_(size) {}

  const int fd_;
  const std::uint64_t number_;
  const std::uint64_t size_;
  const char* base_ = nullptr;
};

// The owner of a slice of a directory storage. Released bytes go when the last reply that sends
// them has gone.
struct Extent {
  Extent(std::shared_ptr<Segment> s, std::uint64_t o, std::uint64_t l, ByteCounter c)
      : segment(std::move(s)), offset(o), length(l), counter(std::move(c)) {
    *counter += length;
  }
  ~Extent() {
    if (released) segment->Punch(offset, length);
    *counter -= length;
  }
  Extent(const Extent&) = delete;
  Extent& operator=(const Extent&) = delete;

  const std::shared_ptr<Segment> segment;
  const std::uint64_t offset;
  const std::uint64_t length;
  const ByteCounter counter;
  std::atomic<bool> released = false;
};

Slice SliceOf(std::shared_ptr<Extent> extent) {
  const std::string_view view = extent->segment->View(extent->offset, extent->length);
  return {.owner = std::move(extent), .bytes = view};
}

Extent& ExtentOf(const Slice& slice) {
  return *static_cast<Extent*>(const_cast<void*>(slice.owner.get()));
}

// Layout of the directory: records/ (RocksDB with its write-ahead log) and data/NUMBER (segments).
// Bytes reach the page cache before a record can name them, so a killed process loses nothing; a
// machine that loses power may.
class DirectoryStorage final : public Storage {
 public:
  static Result<std::unique_ptr<Storage>> Open(const std::string& directory) {
    std::error_code failed;
    std::filesystem::create_directories(directory + "/data", failed);
    if (failed) return Fail(ErrorFromErrno(failed.value(), "create " + directory));
    auto storage = std::unique_ptr<DirectoryStorage>(new DirectoryStorage(directory));
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* records = nullptr;
    const rocksdb::Status opened = rocksdb::DB::Open(options, directory + "/records", &records);
    if (!opened.ok())
      return Fail(ErrorCode::kIo, "records of " + directory + ": " + opened.ToString());
    storage->records_.reset(records);
    TRY_VOID(storage->OpenSegments());
    return std::unique_ptr<Storage>(std::move(storage));
  }

  Slice Keep(std::string bytes) override {
    auto extent = Reserve(bytes.size());
    const Status written = extent->segment->Write(extent->offset, bytes);
    if (!written) Die(written.error());
    return SliceOf(std::move(extent));
  }

  std::uint64_t held_bytes() const override { return *held_bytes_; }
  bool durable() const override { return true; }
  void SetRecord(std::string_view key, std::string_view value) override {
    Check(records_->Put({}, rocksdb::Slice(key.data(), key.size()),
                        rocksdb::Slice(value.data(), value.size())));
  }
  void EraseRecord(std::string_view key) override {
    Check(records_->Delete({}, rocksdb::Slice(key.data(), key.size())));
  }
  void ForEachRecord(
      std::string_view prefix,
      const std::function<void(std::string_view, std::string_view)>& visit) override {
    const std::unique_ptr<rocksdb::Iterator> at(records_->NewIterator({}));
    for (at->Seek(rocksdb::Slice(prefix.data(), prefix.size())); at->Valid(); at->Next()) {
      if (!at->key().starts_with(rocksdb::Slice(prefix.data(), prefix.size()))) return;
      visit(at->key().ToStringView(), at->value().ToStringView());
    }
    Check(at->status());
  }

  // "SEGMENT-OFFSET-LENGTH", decimal.
  std::string NameOf(const Slice& slice) override {
    const Extent& extent = ExtentOf(slice);
    return std::to_string(extent.segment->number()) + "-" + std::to_string(extent.offset) + "-" +
           std::to_string(extent.length);
  }
  Result<Slice> Find(std::string_view name) override {
    std::uint64_t numbers[3];
    const char* at = name.data();
    const char* const end = name.data() + name.size();
    for (std::uint64_t& number : numbers) {
      const auto parsed = std::from_chars(at, end, number);
      if (parsed.ec != std::errc())
        return Fail(ErrorCode::kInvalidArgument, "not a data name: " + std::string(name));
      at = parsed.ptr + (parsed.ptr != end ? 1 : 0);
    }
    MutexLock lock(mutex_);
    const auto found = segments_.find(numbers[0]);
    if (found == segments_.end() || numbers[1] + numbers[2] > found->second->size()) {
      return Fail(ErrorCode::kNotFound, "no such data: " + std::string(name));
    }
    return SliceOf(std::make_shared<Extent>(found->second, numbers[1], numbers[2], held_bytes_));
  }
  void Release(const Slice& slice) override { ExtentOf(slice).released = true; }

 private:
  explicit DirectoryStorage(std::string directory) : directory_(std::move(directory)) {}

  [[noreturn]] static void Die(const Error& error) {
    // There is no reply that could say it: rather stop than acknowledge what is not kept.
    Log(LogLevel::kError, "localcloud: the data directory failed: {}", error.ToString());
    std::abort();
  }
  static void Check(const rocksdb::Status& status) {
    if (!status.ok()) Die({.code = ErrorCode::kIo, .message = status.ToString()});
  }

  std::string PathOf(std::uint64_t number) const {
    return directory_ + "/data/" + std::to_string(number);
  }

  Status OpenSegments() {
    for (const auto& entry : std::filesystem::directory_iterator(directory_ + "/data")) {
      const std::uint64_t number = std::strtoull(entry.path().filename().c_str(), nullptr, 10);
      auto segment = TRY(Segment::Open(entry.path(), number, entry.file_size()));
      MutexLock lock(mutex_);
      segments_.emplace(number, std::move(segment));
      next_number_ = std::max(next_number_, number + 1);
    }
    return {};
  }

  // Room for `length` bytes, in the open segment or in a new one (of its own when it is larger than
  // a segment).
  std::shared_ptr<Extent> Reserve(std::uint64_t length) {
    const std::uint64_t room = RoundUpToPage(std::max<std::uint64_t>(length, 1));
    MutexLock lock(mutex_);
    if (open_ == nullptr || open_->size() - used_ < room) {
      auto segment =
          Segment::Open(PathOf(next_number_), next_number_, std::max(room, kSegmentBytes));
      if (!segment) Die(segment.error());
      open_ = *std::move(segment);
      used_ = 0;
      segments_.emplace(next_number_++, open_);
    }
    auto extent = std::make_shared<Extent>(open_, used_, length, held_bytes_);
    used_ += room;
    return extent;
  }

  const std::string directory_;
  const ByteCounter held_bytes_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::unique_ptr<rocksdb::DB> records_;
  Mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Segment>> segments_ GUARDED_BY(mutex_);
  std::shared_ptr<Segment> open_ GUARDED_BY(mutex_);
  std::uint64_t used_ GUARDED_BY(mutex_) = 0;  // bytes of open_
  std::uint64_t next_number_ GUARDED_BY(mutex_) = 1;
};

}  // namespace

std::unique_ptr<Storage> MakeMemoryStorage() { return std::make_unique<MemoryStorage>(); }

Result<std::unique_ptr<Storage>> MakeDirectoryStorage(const std::string& directory) {
  return DirectoryStorage::Open(directory);
}

}  // namespace skybridge::localcloud
