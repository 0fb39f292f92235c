// BlockLoader: whole blocks of files in memory: being fetched, fetched ahead of readers, or waiting
// to be written to the block cache.
//
// A fixed number of threads fetches blocks, first those that a reader waits for. All blocks live in
// one fixed set of buffers. When no buffer is free, a block is dropped: first one that was read to
// its end or that no stream will reach; for a reader that waits, the least recently used one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "backends/object_store.h"
#include "cache/block_cache.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "fuse/read/access_pattern.h"
#include "fuse/read/block_buffers.h"

namespace skybridge::fuse {

// One version of an object that is open for reading.
struct OpenObject {
  ObjectKey key;
  ETag etag;
  std::uint64_t size_bytes = 0;
  std::string cache_name;  // names it in the block cache
};

// The bytes that one request of the network brings. Errors: kPreconditionFailed when the object has
// gone or changed.
Status FetchRange(ObjectStore& store, const OpenObject& object, std::uint64_t offset_bytes,
                  std::span<std::byte> into, const CallContext& context);

// Safe from many threads.
class BlockLoader {
 public:
  struct Options {
    std::uint64_t block_size_bytes = 0;
    std::size_t buffer_count = 0;
    std::uint32_t threads = 0;
    std::chrono::milliseconds request_timeout{};
  };
  // What the loader knows of one open file: its blocks in memory and its pattern of access.
  class File;

  BlockLoader(ObjectStore& store, cache::BlockCache* cache, Clock& clock, const Options& options);
  ~BlockLoader();  // stops and joins its threads

  std::shared_ptr<File> Open(OpenObject object);
  // Stops what is being fetched for the file and frees its memory.
  void Close(File& file);

  // Notes a read and fetches ahead of it. True if the read is part of a sequential one.
  bool NoteRead(const std::shared_ptr<File>& file, ByteRange range);
  // Copies from a block in memory, waiting for it if it is being fetched. False if it is not in
  // memory.
  Result<bool> ReadIfLoaded(File& file, std::uint64_t block, std::uint64_t offset_in_block,
                            std::span<std::byte> into, const CallContext& context);
  // Fetches the block and copies from it.
  Status Load(const std::shared_ptr<File>& file, std::uint64_t block, std::uint64_t offset_in_block,
              std::span<std::byte> into, const CallContext& context);
  // Fetches the block if there is memory to spare, without waiting.
  void LoadInBackground(const std::shared_ptr<File>& file, std::uint64_t block);

  const OpenObject& object_of(const File& file) const;
  std::uint64_t memory_bytes() const { return buffers_.memory_bytes(); }

 private:
  struct Block;
  enum class Urgency { kWaitedFor, kAhead };

  // Starts what is still missing of the file's window, as far as there are buffers.
  void FetchAhead(const std::shared_ptr<File>& file);
  std::shared_ptr<Block> StartLoading(const std::shared_ptr<File>& file, std::uint64_t index,
                                      Urgency urgency) REQUIRES(mutex_);
  void Use(const std::shared_ptr<Block>& block) REQUIRES(mutex_);
  Status CopyWhenLoaded(const std::shared_ptr<Block>& block, std::uint64_t offset_in_block,
                        std::span<std::byte> into, const CallContext& context) EXCLUDES(mutex_);
  Status WaitUntilLoaded(Block& block, const CallContext& context) EXCLUDES(mutex_);
  BlockBuffers::Lease TakeBuffer(Urgency urgency) REQUIRES(mutex_);
  bool GiveUpOne(Urgency urgency) REQUIRES(mutex_);
  // Takes the block out of the file's and out of memory (its last user gives the buffer back).
  void Remove(const std::shared_ptr<Block>& block) REQUIRES(mutex_);
  std::uint64_t WindowLimit() const REQUIRES(mutex_);
  bool InCache(const File& file, std::uint64_t index) const;

  void FetchLoop(const std::stop_token& stop);
  std::shared_ptr<Block> NextToFetch() EXCLUDES(mutex_);
  void FetchOne(const std::shared_ptr<Block>& block, const std::stop_token& stop);
  void HandToCache(const std::shared_ptr<Block>& block) REQUIRES(mutex_);
  void CacheLoop();

  ObjectStore& store_;
  cache::BlockCache* const cache_;
  Clock& clock_;
  const Options options_;
  BlockBuffers buffers_;  // outlives the blocks below

  mutable Mutex mutex_;  // bookkeeping only; held across no copy, disk or network access
  CondVar to_fetch_changed_;
  CondVar to_cache_changed_;
  CondVar loaded_changed_;  // a block was loaded, or failed
  std::deque<std::shared_ptr<Block>> waited_for_ GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<Block>> ahead_ GUARDED_BY(mutex_);
  std::list<std::shared_ptr<Block>> loaded_ GUARDED_BY(mutex_);  // least recently used first
  std::deque<std::shared_ptr<Block>> to_cache_ GUARDED_BY(mutex_);
  std::size_t files_with_blocks_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;

  std::vector<std::jthread> threads_;
};

}  // namespace skybridge::fuse
