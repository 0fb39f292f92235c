#include "cache/block_cache.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <unordered_set>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "cache/block_file.h"
#include "cache/block_index.h"
#include "cache/local_file.h"
#include "cache/open_blocks.h"
#include "core/log.h"
#include "core/mutex.h"

namespace skybridge::cache {
namespace {

// On disk: DIRECTORY/blocks/XX/VERSION-INDEX-SIZE, all hexadecimal: the 128-bit hash of object,
// ETag and block size; the block's index; the size of the file. The name alone is enough to rebuild
// the index, so that a start reads 257 directories and opens no file. XX spreads the files over 256
// directories.
constexpr unsigned kFanOut = 256;
constexpr const char* kTemporaryName = "/tmp";

// Bounds the index's memory where the cache is full of tiny files: 50 MiB with the fewest, about 1
// GiB with the most. At the bound one block leaves for each that comes.
constexpr std::uint64_t kFewestBlocks = 400'000;
constexpr std::uint64_t kMostBlocks = 8'000'000;
constexpr std::uint64_t kCapacityForEachBlock = 32 << 10;

std::uint64_t MaxBlocks(std::uint64_t capacity_bytes) {
  return std::clamp(capacity_bytes / kCapacityForEachBlock, kFewestBlocks, kMostBlocks);
}

// A request of at least this size comes from a program (or the kernel's read-ahead) that reads the
// whole file.
constexpr std::uint64_t kStreamingReadBytes = 64 << 10;

unsigned FanOut(const BlockKey& key) { return (key.version_low + key.index) % kFanOut; }

std::string FileName(const IndexedBlock& block) {
  return fmt::format("{:016x}{:016x}-{:x}-{:x}", block.key.version_high, block.key.version_low,
                     block.key.index, block.file_bytes);
}

// Nothing if the name is not exactly one that FileName makes.
std::optional<IndexedBlock> ParseFileName(const std::string& name) {
  IndexedBlock block;
  unsigned long long high = 0, low = 0, index = 0, size = 0;
  if (std::sscanf(name.c_str(), "%16llx%16llx-%llx-%llx", &high, &low, &index, &size) != 4)
    return std::nullopt;
  block = {.key = {high, low, index}, .file_bytes = size};
  if (FileName(block) != name) return std::nullopt;
  return block;
}

class DiskBlockCache final : public BlockCache {
 public:
  explicit DiskBlockCache(const Options& options)
      : options_(options),
        root_(options.directory + "/blocks"),
        max_blocks_(MaxBlocks(options.capacity_bytes)),
        index_(options.capacity_bytes) {}

  Status Start();

  bool Read(const BlockId& id, std::uint64_t offset_in_block, std::span<std::byte> into) override;
  bool Contains(const BlockId& id) override;
  void Write(const BlockId& id, ByteSpan bytes) override;
  void Drop(const std::string& object, const std::string& etag) override;
  Stats stats() const override;

 private:
  BlockKey KeyOf(const std::string& object, const std::string& etag, std::uint64_t index) const;
  std::string DirectoryOf(unsigned fan_out) const {
    return fmt::format("{}/{:02x}", root_, fan_out);
  }
  std::string PathOf(const IndexedBlock& block) const {
    return DirectoryOf(FanOut(block.key)) + "/" + FileName(block);
  }

  Status ScanDirectory(unsigned fan_out);
  Status RemoveTemporaries();
  std::shared_ptr<const BlockFile> OpenForRead(const BlockId& id, const BlockKey& key,
                                               ByteRange range);
  void BeginPending(const IndexedBlock& block) REQUIRES(mutex_) {
    pending_.insert(block.key);
    pending_bytes_ += block.file_bytes;
    open_.Remove(block.key);
  }
  void EndPending(const IndexedBlock& block) REQUIRES(mutex_) {
    pending_.erase(block.key);
    pending_bytes_ -= block.file_bytes;
  }
  // Unlinks files that have left the index; their bytes count until they are gone.
  void Unlink(const std::vector<IndexedBlock>& blocks) EXCLUDES(mutex_);
  void DropDamaged(const BlockId& id, const BlockKey& key, const Error& error);
  bool MakeRoom(const IndexedBlock& block);
  // How much must leave so that `bytes` more can be written; 0 on a disk that does not tell.
  std::uint64_t ShortOfFree(std::uint64_t bytes) const;
  Status WriteFile(const IndexedBlock& block, ByteSpan header, ByteSpan data);
  Status MoveIntoPlace(const std::string& temporary, const IndexedBlock& block);

  const Options options_;
  const std::string root_;
  const std::uint64_t max_blocks_;
  FileDescriptor disk_;  // of root_
  std::atomic<std::uint64_t> next_temporary_{0};

  mutable Mutex mutex_;  // held for bookkeeping only, never across file operations
  BlockIndex index_ GUARDED_BY(mutex_);
  OpenBlocks open_ GUARDED_BY(mutex_);
  // Files that are being written or unlinked: they are on disk and not in the index. Until that has
  // ended no other thread uses their names.
  std::unordered_set<BlockKey, BlockKeyHash> pending_ GUARDED_BY(mutex_);
  std::uint64_t pending_bytes_ GUARDED_BY(mutex_) = 0;
  Stats stats_ GUARDED_BY(mutex_);
};

BlockKey DiskBlockCache::KeyOf(const std::string& object, const std::string& etag,
                               std::uint64_t index) const {
  const std::string name = object + '\0' + etag;
  const XXH128_hash_t version =
      XXH3_128bits_withSeed(name.data(), name.size(), options_.block_size_bytes);
  return {version.high64, version.low64, index};
}

Status DiskBlockCache::Start() {
  TRY_VOID(MakePrivateDirectory(root_));
  TRY_VOID(MakePrivateDirectory(root_ + kTemporaryName));
  TRY_VOID(RemoveTemporaries());
  for (unsigned i = 0; i < kFanOut; ++i) TRY_VOID(ScanDirectory(i));
  disk_ = FileDescriptor(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!disk_) return Fail(ErrorFromErrno(errno, "open '" + root_ + "'"));
  std::vector<IndexedBlock> surplus;
  std::uint64_t missing = ShortOfFree(0);
  {
    MutexLock lock(mutex_);
    while (index_.size() > 0 && (index_.used_bytes() > options_.capacity_bytes ||
                                 index_.size() > max_blocks_ || missing > 0)) {
      surplus.push_back(*index_.EvictNext());
      BeginPending(surplus.back());
      missing -= std::min(missing, surplus.back().file_bytes);
    }
  }
  Unlink(surplus);
  return {};
}

Status DiskBlockCache::ScanDirectory(unsigned fan_out) {
  const std::string directory = DirectoryOf(fan_out);
  std::error_code failure;
  const auto status = std::filesystem::symlink_status(directory, failure);
  if (!std::filesystem::is_directory(status)) return {};  // made by its first block
  for (const auto& entry : std::filesystem::directory_iterator(directory, failure)) {
    const std::optional<IndexedBlock> block = ParseFileName(entry.path().filename().string());
    MutexLock lock(mutex_);
    const bool ours = block && FanOut(block->key) == fan_out && block->file_bytes <= UINT32_MAX;
    if (!ours || !index_.InsertOld(*block)) ::unlink(entry.path().c_str());
  }
  if (failure) return Fail(ErrorFromErrno(failure.value(), "list '" + directory + "'"));
  return {};
}

Status DiskBlockCache::RemoveTemporaries() {
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(root_ + kTemporaryName, failure)) {
    ::unlink(entry.path().c_str());
  }
  if (failure)
    return Fail(ErrorFromErrno(failure.value(), "list '" + root_ + kTemporaryName + "'"));
  return {};
}

bool DiskBlockCache::Read(const BlockId& id, std::uint64_t offset_in_block,
                          std::span<std::byte> into) {
  const BlockKey key = KeyOf(id.object, id.etag, id.index);
  const ByteRange range{offset_in_block, into.size()};
  const std::shared_ptr<const BlockFile> file = OpenForRead(id, key, range);
  Status read = {};
  if (file != nullptr) read = file->Read(offset_in_block, into);
  if (!read) DropDamaged(id, key, read.error());
  const bool hit = file != nullptr && read.has_value();
  MutexLock lock(mutex_);
  if (hit) index_.Touch(key, range);
  ++(hit ? stats_.hits : stats_.misses);
  return hit;
}

std::shared_ptr<const BlockFile> DiskBlockCache::OpenForRead(const BlockId& id, const BlockKey& key,
                                                             ByteRange range) {
  std::optional<IndexedBlock> block;
  {
    MutexLock lock(mutex_);
    block = index_.Find(key);
    if (!block) return nullptr;
    if (auto file = open_.Find(key))
      return range.end_bytes() <= file->length_bytes() ? file : nullptr;
  }
  Result<BlockFile> opened = BlockFile::Open(PathOf(*block), id, options_.block_size_bytes);
  if (!opened) {
    const ErrorCode code =
        opened.error().code;  // anything else (no descriptor left) says nothing of the block
    if (code == ErrorCode::kNotFound || code == ErrorCode::kCorrupt)
      DropDamaged(id, key, opened.error());
    return nullptr;
  }
  auto file = std::make_shared<const BlockFile>(*std::move(opened));
  if (range.length_bytes >= kStreamingReadBytes) file->ReadAhead();
  MutexLock lock(mutex_);
  if (index_.Contains(key)) open_.Add(key, file);
  return range.end_bytes() <= file->length_bytes() ? file : nullptr;
}

bool DiskBlockCache::Contains(const BlockId& id) {
  const BlockKey key = KeyOf(id.object, id.etag, id.index);
  MutexLock lock(mutex_);
  return index_.Contains(key);
}

void DiskBlockCache::Write(const BlockId& id, ByteSpan bytes) {
  if (id.etag.empty() || bytes.size() > options_.block_size_bytes) return;
  const IndexedBlock block{.key = KeyOf(id.object, id.etag, id.index),
                           .file_bytes = BlockHeaderBytes(id, bytes.size()) + bytes.size()};
  if (!MakeRoom(block)) return;
  const std::vector<std::byte> header = EncodeBlockHeader(id, options_.block_size_bytes, bytes);
  const Status written = WriteFile(block, header, bytes);
  MutexLock lock(mutex_);
  EndPending(block);
  if (written) {
    index_.Insert(block, bytes.size());
  } else if (stats_.write_errors++ == 0) {
    Log(LogLevel::kWarning,
        "block cache: a block could not be kept, further ones are only counted: {}",
        written.error().ToString());
  }
}

// Reserves the bytes of a block that is about to be written. False if the block is in the cache, is
// being written or removed, or is too large.
bool DiskBlockCache::MakeRoom(const IndexedBlock& block) {
  MutexLock lock(mutex_);
  if (index_.Contains(block.key) || pending_.contains(block.key)) return false;
  if (block.file_bytes > options_.capacity_bytes) return false;
  pending_.insert(block.key);
  std::uint64_t missing = ShortOfFree(block.file_bytes);
  while (index_.used_bytes() + pending_bytes_ + block.file_bytes > options_.capacity_bytes ||
         index_.size() >= max_blocks_ || missing > 0) {
    const std::optional<IndexedBlock> victim = index_.EvictNext();
    if (!victim) {
      pending_.erase(block.key);
      return false;
    }
    ++stats_.evictions;
    missing -= std::min(missing, victim->file_bytes);
    BeginPending(*victim);
    lock.Unlock();
    Unlink({*victim});
    lock.Lock();
  }
  pending_bytes_ += block.file_bytes;
  return true;
}

std::uint64_t DiskBlockCache::ShortOfFree(std::uint64_t bytes) const {
  const std::uint64_t wanted = bytes + options_.keep_free_bytes;
  const Result<std::uint64_t> free_bytes = FreeBytes(disk_.get());
  if (!free_bytes || *free_bytes >= wanted) return 0;
  return wanted - *free_bytes;
}

Status DiskBlockCache::WriteFile(const IndexedBlock& block, ByteSpan header, ByteSpan data) {
  const std::string temporary = fmt::format(
      "{}{}/{}", root_, kTemporaryName, next_temporary_.fetch_add(1, std::memory_order_relaxed));
  FileDescriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return Fail(ErrorFromErrno(errno, "make '" + temporary + "'"));
  Status written = WriteAt(file.get(), 0, header);
  if (written) written = WriteAt(file.get(), header.size(), data, PageCache::kDrop);
  file.Reset();
  if (written) written = MoveIntoPlace(temporary, block);
  if (!written) ::unlink(temporary.c_str());
  return written;
}

Status DiskBlockCache::MoveIntoPlace(const std::string& temporary, const IndexedBlock& block) {
  const std::string path = PathOf(block);
  if (::rename(temporary.c_str(), path.c_str()) == 0) return {};
  if (errno != ENOENT) return Fail(ErrorFromErrno(errno, "rename '" + temporary + "'"));
  const std::string directory = DirectoryOf(FanOut(block.key));
  const bool made = ::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST;
  if (made && ::rename(temporary.c_str(), path.c_str()) == 0) return {};
  return Fail(ErrorFromErrno(errno, "move '" + temporary + "' to '" + path + "'"));
}

void DiskBlockCache::Drop(const std::string& object, const std::string& etag) {
  std::vector<IndexedBlock> dropped;
  {
    MutexLock lock(mutex_);
    dropped = index_.EraseVersion(KeyOf(object, etag, 0));
    for (const IndexedBlock& block : dropped) BeginPending(block);
  }
  Unlink(dropped);
}

// Removes a block that could not be read: its file is gone (kNotFound: another program removed it)
// or damaged.
void DiskBlockCache::DropDamaged(const BlockId& id, const BlockKey& key, const Error& error) {
  std::optional<IndexedBlock> block;
  {
    MutexLock lock(mutex_);
    block = index_.Erase(key);
    if (!block) return;  // evicted while we looked at it
    BeginPending(*block);
    if (error.code != ErrorCode::kNotFound) ++stats_.corrupt;
  }
  Unlink({*block});
  if (error.code != ErrorCode::kNotFound)
    Log(LogLevel::kWarning, "block cache: block {} of '{}' is dropped: {}", id.index, id.object,
        error.ToString());
}

void DiskBlockCache::Unlink(const std::vector<IndexedBlock>& blocks) {
  for (const IndexedBlock& block : blocks) {
    ::unlink(PathOf(block).c_str());  // nothing better can be done about a failure: the next start
                                      // finds the file again
    MutexLock lock(mutex_);
    EndPending(block);
  }
}

BlockCache::Stats DiskBlockCache::stats() const {
  MutexLock lock(mutex_);
  Stats stats = stats_;
  stats.used_bytes = index_.used_bytes() + pending_bytes_;
  stats.blocks = index_.size();
  return stats;
}

}  // namespace

Result<std::unique_ptr<BlockCache>> BlockCache::Open(const Options& options) {
  if (options.block_size_bytes == 0 || options.block_size_bytes > (std::uint64_t{1} << 30)) {
    return Fail(ErrorCode::kInvalidArgument,
                "block cache: the block size must be between 1 byte and 1 GiB");
  }
  auto cache = std::make_unique<DiskBlockCache>(options);
  TRY_VOID(cache->Start());
  return cache;
}

}  // namespace skybridge::cache
