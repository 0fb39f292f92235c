// BlockIndex: the list of cached blocks, in memory, and the choice of the next one to evict. It
// touches no files.
//
// Replacement is S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP
// 2023). A new block enters a small queue, which has a tenth of the bytes. A block that is read
// again moves to the main queue, so a scan passes through the small queue and evicts nothing else.
// Keys that left the small queue are remembered for a while; such a block, written again, enters
// the main queue at once. A read reorders no list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/byte_range.h"

namespace skybridge::cache {

struct BlockKey {
  std::uint64_t version_high = 0;  // 128-bit hash of object, ETag and block size
  std::uint64_t version_low = 0;
  std::uint64_t index = 0;

  bool operator==(const BlockKey&) const = default;
};

struct BlockKeyHash {
  std::size_t operator()(const BlockKey& key) const noexcept {
    return key.version_low ^ (key.index * 0x9E3779B97F4A7C15ULL);
  }
};

struct IndexedBlock {
  BlockKey key;
  std::uint64_t file_bytes = 0;
};

// Not safe from many threads. 110 to 150 bytes of memory for each block (measured with 4 million).
class BlockIndex {
 public:
  explicit BlockIndex(std::uint64_t capacity_bytes) : small_target_bytes_(capacity_bytes / 10) {}

  bool Contains(const BlockKey& key) const { return slots_by_key_.contains(key); }
  std::optional<IndexedBlock> Find(const BlockKey& key) const;
  // A block just written. False if it is there already.
  bool Insert(const IndexedBlock& block, std::uint64_t length_bytes);
  // A block found on disk at start enters the main queue, because nothing is known of its reads.
  bool InsertOld(const IndexedBlock& block);
  // Records a read; false if the block is not here. Reads that go forward through a block count as
  // one visit, so that one sequential pass in small requests does not look like many passes.
  bool Touch(const BlockKey& key, ByteRange range);
  // Removes a block.
  std::optional<IndexedBlock> Erase(const BlockKey& key);
  // Chooses the block to evict and removes it; nothing if the index is empty.
  std::optional<IndexedBlock> EvictNext();
  // Removes all blocks of the version of `any`.
  std::vector<IndexedBlock> EraseVersion(const BlockKey& any);

  std::uint64_t used_bytes() const { return small_.bytes + main_.bytes; }
  std::size_t size() const { return slots_by_key_.size(); }

 private:
  using SlotId = std::uint32_t;
  static constexpr SlotId kNone = UINT32_MAX;
  enum class QueueName : std::uint8_t { kSmall, kMain };

  struct Slot {
    BlockKey key;
    std::uint32_t file_bytes = 0;
    std::uint32_t visit_end = 0;  // where the last read of the block ended
    SlotId newer = kNone;
    SlotId older = kNone;
    std::uint8_t visits = 0;
    QueueName queue = QueueName::kSmall;
  };
  struct Queue {
    SlotId newest = kNone;
    SlotId oldest = kNone;
    std::uint64_t bytes = 0;
    std::size_t count = 0;
  };

  Queue& QueueOf(QueueName name) { return name == QueueName::kSmall ? small_ : main_; }
  bool Add(const IndexedBlock& block, QueueName queue, std::uint64_t visit_end);
  void Link(SlotId id, QueueName queue);
  void Unlink(SlotId id);
  IndexedBlock TakeOut(SlotId id);
  void Remember(const BlockKey& key);

  const std::uint64_t small_target_bytes_;
  std::vector<Slot> slots_;
  std::vector<SlotId> free_slots_;
  std::unordered_map<BlockKey, SlotId, BlockKeyHash> slots_by_key_;
  Queue small_;
  Queue main_;
  std::uint64_t largest_index_ = 0;
  std::deque<std::uint64_t> ghosts_in_order_;  // hashes of keys that left the small queue
  std::unordered_set<std::uint64_t> ghosts_;
};

}  // namespace skybridge::cache
