#include "fuse/read/read_path.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "core/mutex.h"
#include "fuse/read/block_loader.h"
#include "fuse/read/range_cache.h"

namespace skybridge::fuse {
namespace {

// A random read fetches the aligned range of this size around it. At 60 MB/s that takes 2 ms more
// than the bytes alone; another request for a neighbour would take a round trip of 20 ms.
constexpr std::uint64_t kRandomRangeBytes = 128 << 10;
constexpr std::size_t kMaxRandomRanges = 64;
// A block that was hit by so many random requests is fetched whole: a quarter of its 4 MiB has been
// transferred by then.
constexpr std::uint32_t kRandomRequestsBeforeBlock = 8;
constexpr std::size_t kMaxCountedBlocks = 4096;
// Files up to this size are fetched whole, in one request.
constexpr std::uint64_t kSmallFileBytes = 1 << 20;

struct Shared {
  Shared(ObjectStore& the_store, cache::BlockCache* the_cache, Clock& the_clock,
         const ReadPath::Options& the_options)
      : store(the_store),
        cache(the_cache),
        clock(the_clock),
        options(the_options),
        loader(the_store, the_cache, the_clock,
               {.block_size_bytes = the_options.block_size_bytes,
                .buffer_count = std::max<std::size_t>(
                    2, the_options.max_prefetch_bytes / the_options.block_size_bytes),
                .threads = std::max<std::uint32_t>(1, the_options.max_parallel_requests),
                .request_timeout = the_options.request_timeout}) {}

  ObjectStore& store;
  cache::BlockCache* const cache;
  Clock& clock;
  const ReadPath::Options options;
  RangeCache ranges{kMaxRandomRanges};
  BlockLoader loader;
};

class Reader final : public FileReader {
 public:
  Reader(Shared& shared, OpenObject object)
      : shared_(shared), file_(shared.loader.Open(std::move(object))) {}
  ~Reader() override {
    shared_.loader.Close(*file_);
    shared_.ranges.ForgetFile(this);
  }

  Result<std::size_t> Read(std::uint64_t offset_bytes, std::span<std::byte> into,
                           const CallContext& context) override {
    const std::uint64_t size = object().size_bytes;
    if (offset_bytes >= size || into.empty()) return 0;
    into = into.first(std::min<std::uint64_t>(into.size(), size - offset_bytes));
    if (changed_) return Fail(Changed());
    const bool sequential =
        shared_.loader.NoteRead(file_, {offset_bytes, into.size()}) || size <= kSmallFileBytes;
    const Status read = ReadBlocks(offset_bytes, into, sequential, context);
    if (read) return into.size();
    if (read.error().code == ErrorCode::kPreconditionFailed) changed_ = true;
    return Fail(read.error());
  }

 private:
  const OpenObject& object() const { return shared_.loader.object_of(*file_); }

  Error Changed() const {
    return Error{
        .code = ErrorCode::kPreconditionFailed,
        .message = fmt::format("read '{}': it was changed since it was opened", object().key.path)};
  }

  Status ReadBlocks(std::uint64_t offset, std::span<std::byte> into, bool sequential,
                    const CallContext& context) {
    const std::uint64_t block_size = shared_.options.block_size_bytes;
    while (!into.empty()) {
      const std::uint64_t in_block = offset % block_size;
      const std::size_t length = std::min<std::uint64_t>(into.size(), block_size - in_block);
      TRY_VOID(ReadWithin(offset / block_size, in_block, into.first(length), sequential, context));
      offset += length;
      into = into.subspan(length);
    }
    return {};
  }

  // From memory, from the local disk, from the store: in this order.
  Status ReadWithin(std::uint64_t block, std::uint64_t in_block, std::span<std::byte> into,
                    bool sequential, const CallContext& context) {
    const bool in_memory = TRY(shared_.loader.ReadIfLoaded(*file_, block, in_block, into, context));
    if (in_memory || ReadFromCache(block, in_block, into)) return {};
    if (sequential) return shared_.loader.Load(file_, block, in_block, into, context);
    return ReadRandomly(block, block * shared_.options.block_size_bytes + in_block, into, context);
  }

  bool ReadFromCache(std::uint64_t block, std::uint64_t in_block, std::span<std::byte> into) {
    if (shared_.cache == nullptr || object().etag.empty()) return false;
    return shared_.cache->Read(
        {.object = object().cache_name, .etag = object().etag.value, .index = block}, in_block,
        into);
  }

  Status ReadRandomly(std::uint64_t block, std::uint64_t offset, std::span<std::byte> into,
                      const CallContext& context) {
    if (CopyFromRange(shared_.ranges.Find(this, {offset, into.size()}), offset, into)) return {};
    if (CountRandomRequest(block)) shared_.loader.LoadInBackground(file_, block);
    const CallContext limited{
        .deadline =
            std::min(context.deadline, shared_.clock.Now() + shared_.options.request_timeout),
        .stop = context.stop};
    if (into.size() >= kRandomRangeBytes)
      return FetchRange(shared_.store, object(), offset, into, limited);
    const std::uint64_t begin = offset / kRandomRangeBytes * kRandomRangeBytes;
    const std::uint64_t end = std::min(
        (offset + into.size() + kRandomRangeBytes - 1) / kRandomRangeBytes * kRandomRangeBytes,
        object().size_bytes);
    auto bytes = std::make_shared<std::vector<std::byte>>(end - begin);
    TRY_VOID(FetchRange(shared_.store, object(), begin, *bytes, limited));
    const RangeCache::Piece piece{.file = this, .offset_bytes = begin, .bytes = std::move(bytes)};
    CopyFromRange(piece, offset, into);
    shared_.ranges.Add(piece);
    return {};
  }

  static bool CopyFromRange(const RangeCache::Piece& piece, std::uint64_t offset,
                            std::span<std::byte> into) {
    if (piece.bytes == nullptr) return false;
    std::memcpy(into.data(), piece.bytes->data() + (offset - piece.offset_bytes), into.size());
    return true;
  }

  // True when random requests have hit the block so often that it had better be fetched whole.
  bool CountRandomRequest(std::uint64_t block) {
    MutexLock lock(mutex_);
    if (random_requests_.size() >= kMaxCountedBlocks) random_requests_.clear();
    return ++random_requests_[block] == kRandomRequestsBeforeBlock;
  }

  Shared& shared_;
  const std::shared_ptr<BlockLoader::File> file_;
  std::atomic<bool> changed_{false};  // the object is another version now: for ever

  Mutex mutex_;
  std::unordered_map<std::uint64_t, std::uint32_t> random_requests_ GUARDED_BY(mutex_);
};

class PrefetchingReadPath final : public ReadPath {
 public:
  PrefetchingReadPath(ObjectStore& store, cache::BlockCache* cache, Clock& clock,
                      std::string remote_name, const Options& options)
      : remote_name_(std::move(remote_name)), shared_(store, cache, clock, options) {}

  std::unique_ptr<FileReader> Open(const ObjectKey& key, const ETag& etag,
                                   std::uint64_t size_bytes) override {
    return std::make_unique<Reader>(shared_,
                                    OpenObject{.key = key,
                                               .etag = etag,
                                               .size_bytes = size_bytes,
                                               .cache_name = remote_name_ + ":" + key.path});
  }
  std::uint64_t memory_bytes() const override {
    return shared_.loader.memory_bytes() + shared_.ranges.memory_bytes();
  }

 private:
  const std::string remote_name_;
  Shared shared_;
};

}  // namespace

std::unique_ptr<ReadPath> ReadPath::Create(ObjectStore& store, cache::BlockCache* block_cache,
                                           Clock& clock, std::string remote_name,
                                           const Options& options) {
  return std::make_unique<PrefetchingReadPath>(store, block_cache, clock, std::move(remote_name),
                                               options);
}

}  // namespace skybridge::fuse
