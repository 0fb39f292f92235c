// BlockCache: pieces of objects on local disk, so that a second read needs no network. Every block
// carries version, key, ETag, index, length and checksums, which are checked when it is read; after
// a mismatch the block is removed and the read is a miss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/encoding.h"
#include "core/result.h"

namespace skybridge::cache {

// Names one block. `object` must tell remotes apart ("azure:dir/f"); `etag` must not be empty.
struct BlockId {
  std::string object;
  std::string etag;
  std::uint64_t index = 0;  // of the fixed-size block within the object

  bool operator==(const BlockId&) const = default;
};

// Safe from many threads.
class BlockCache {
 public:
  struct Options {
    std::string directory;             // made if missing, mode 0700
    std::uint64_t capacity_bytes = 0;  // hard bound on the bytes of all block files together
    // Blocks leave while the disk has less than this free, whoever filled it.
    std::uint64_t keep_free_bytes = 0;
    std::uint64_t block_size_bytes = 4 << 20;
  };
  struct Stats {
    std::uint64_t used_bytes = 0, blocks = 0, hits = 0, misses = 0, evictions = 0, corrupt = 0,
                  write_errors = 0;
  };

  // Finds what an earlier process left. Errors: kIo, kNoSpace, kReadOnly.
  static Result<std::unique_ptr<BlockCache>> Open(const Options& options);
  virtual ~BlockCache() = default;

  // Reads from `offset_in_block` on; false on a miss (absent, too short, damaged). Verifies the
  // checksums of what it reads.
  virtual bool Read(const BlockId& id, std::uint64_t offset_in_block,
                    std::span<std::byte> into) = 0;
  virtual bool Contains(const BlockId& id) = 0;
  // Keeps a whole block (or the object's shorter last one), evicting others first: the bound is
  // never passed. A block seen once leaves before one that was read again, so that one scan of a
  // big file does not empty the cache. A full or failing disk is not the reader's problem: the
  // block is then not kept, and the error is counted and logged.
  virtual void Write(const BlockId& id, ByteSpan bytes) = 0;
  // Drops all blocks of one version of an object.
  virtual void Drop(const std::string& object, const std::string& etag) = 0;
  virtual Stats stats() const = 0;
};

}  // namespace skybridge::cache
