// ReadPath: reads of remote files through the block cache, with prefetch. One for each remote of a
// mount.
//
// A reader asks for bytes; blocks come from the block cache or from the store in ranged requests of
// one block, several at once ahead of a sequential reader. The window starts small, doubles while
// access stays sequential, shrinks when it jumps, and all windows together stay inside one bound on
// memory. Reads of one file may come out of order (the kernel's read-ahead does that) and still
// count as sequential.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "backends/object_store.h"
#include "cache/block_cache.h"
#include "core/call_context.h"
#include "core/ids.h"
#include "core/result.h"

namespace skybridge::fuse {

// One version of one object, open for reading. Safe from many threads. Handles of the same version
// should share one.
class FileReader {
 public:
  virtual ~FileReader() = default;
  // Fewer bytes only at the end of the object (0 at or past it).
  // Errors: kPreconditionFailed when the object is no longer this version (the handle answers
  // ESTALE from then on).
  virtual Result<std::size_t> Read(std::uint64_t offset_bytes, std::span<std::byte> into,
                                   const CallContext& context) = 0;
};

class ReadPath {
 public:
  struct Options {
    std::uint64_t block_size_bytes = 4 << 20;  // must be the block cache's
    std::uint64_t max_prefetch_bytes = 96
                                       << 20;  // blocks in memory or in flight, all files together
    std::uint32_t max_parallel_requests = 24;  // threads
    std::chrono::milliseconds request_timeout{60'000};
  };
  // `block_cache` may be null. All three outlive the ReadPath.
  static std::unique_ptr<ReadPath> Create(ObjectStore& store, cache::BlockCache* block_cache,
                                          Clock& clock, std::string remote_name,
                                          const Options& options);
  virtual ~ReadPath() = default;  // stops and joins its threads

  // The ReadPath outlives its readers.
  virtual std::unique_ptr<FileReader> Open(const ObjectKey& key, const ETag& etag,
                                           std::uint64_t size_bytes) = 0;
  virtual std::uint64_t memory_bytes() const = 0;
};

}  // namespace skybridge::fuse
