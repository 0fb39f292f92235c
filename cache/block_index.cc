#include "cache/block_index.h"

#include <algorithm>

namespace skybridge::cache {
namespace {

constexpr std::uint8_t kMaxVisits = 3;
constexpr std::size_t kMinGhosts = 1024;

std::uint64_t GhostOf(const BlockKey& key) { return BlockKeyHash{}(key); }

}  // namespace

std::optional<IndexedBlock> BlockIndex::Find(const BlockKey& key) const {
  const auto found = slots_by_key_.find(key);
  if (found == slots_by_key_.end()) return std::nullopt;
  return IndexedBlock{key, slots_[found->second].file_bytes};
}

bool BlockIndex::Insert(const IndexedBlock& block, std::uint64_t length_bytes) {
  const bool came_back = ghosts_.contains(GhostOf(block.key));
  // visit_end at the block's end: reading it from cache right after its download is a second visit.
  return Add(block, came_back ? QueueName::kMain : QueueName::kSmall, length_bytes);
}

bool BlockIndex::InsertOld(const IndexedBlock& block) {
  return Add(block, QueueName::kMain, block.file_bytes);
}

bool BlockIndex::Add(const IndexedBlock& block, QueueName queue, std::uint64_t visit_end) {
  const SlotId id = free_slots_.empty() ? static_cast<SlotId>(slots_.size()) : free_slots_.back();
  if (!slots_by_key_.emplace(block.key, id).second) return false;
  if (free_slots_.empty()) {
    slots_.emplace_back();
  } else {
    free_slots_.pop_back();
  }
  slots_[id] = Slot{.key = block.key,
                    .file_bytes = static_cast<std::uint32_t>(block.file_bytes),
                    .visit_end = static_cast<std::uint32_t>(visit_end)};
  Link(id, queue);
  largest_index_ = std::max(largest_index_, block.key.index);
  return true;
}

bool BlockIndex::Touch(const BlockKey& key, ByteRange range) {
  const auto found = slots_by_key_.find(key);
  if (found == slots_by_key_.end()) return false;
  Slot& slot = slots_[found->second];
  if (range.offset_bytes < slot.visit_end)
    slot.visits = std::min<std::uint8_t>(slot.visits + 1, kMaxVisits);
  slot.visit_end = static_cast<std::uint32_t>(range.end_bytes());
  return true;
}

std::optional<IndexedBlock> BlockIndex::Erase(const BlockKey& key) {
  const auto found = slots_by_key_.find(key);
  if (found == slots_by_key_.end()) return std::nullopt;
  return TakeOut(found->second);
}

std::optional<IndexedBlock> BlockIndex::EvictNext() {
  while (size() > 0) {
    const bool from_small =
        small_.count > 0 && (small_.bytes > small_target_bytes_ || main_.count == 0);
    const SlotId id = from_small ? small_.oldest : main_.oldest;
    Slot& slot = slots_[id];
    if (slot.visits == 0) {
      if (from_small) Remember(slot.key);
      return TakeOut(id);
    }
    slot.visits = from_small ? 0 : slot.visits - 1;
    Unlink(id);
    Link(id, QueueName::kMain);
  }
  return std::nullopt;
}

// Looks each index up, or looks through all blocks, whichever is shorter.
std::vector<IndexedBlock> BlockIndex::EraseVersion(const BlockKey& any) {
  std::vector<BlockKey> keys;
  if (largest_index_ < size()) {
    for (std::uint64_t index = 0; index <= largest_index_; ++index) {
      keys.push_back({any.version_high, any.version_low, index});
    }
  } else {
    for (const auto& [key, id] : slots_by_key_) {
      if (key.version_high == any.version_high && key.version_low == any.version_low)
        keys.push_back(key);
    }
  }
  std::vector<IndexedBlock> erased;
  for (const BlockKey& key : keys) {
    if (const auto block = Erase(key)) erased.push_back(*block);
  }
  return erased;
}

void BlockIndex::Link(SlotId id, QueueName name) {
  Queue& queue = QueueOf(name);
  Slot& slot = slots_[id];
  slot.queue = name;
  slot.newer = kNone;
  slot.older = queue.newest;
  if (queue.newest != kNone) slots_[queue.newest].newer = id;
  queue.newest = id;
  if (queue.oldest == kNone) queue.oldest = id;
  queue.bytes += slot.file_bytes;
  ++queue.count;
}

void BlockIndex::Unlink(SlotId id) {
  const Slot& slot = slots_[id];
  Queue& queue = QueueOf(slot.queue);
  (slot.newer == kNone ? queue.newest : slots_[slot.newer].older) = slot.older;
  (slot.older == kNone ? queue.oldest : slots_[slot.older].newer) = slot.newer;
  queue.bytes -= slot.file_bytes;
  --queue.count;
}

IndexedBlock BlockIndex::TakeOut(SlotId id) {
  const IndexedBlock block{slots_[id].key, slots_[id].file_bytes};
  Unlink(id);
  slots_by_key_.erase(block.key);
  free_slots_.push_back(id);
  return block;
}

void BlockIndex::Remember(const BlockKey& key) {
  const std::uint64_t ghost = GhostOf(key);
  if (ghosts_.insert(ghost).second) ghosts_in_order_.push_back(ghost);
  while (ghosts_in_order_.size() > std::max(kMinGhosts, main_.count)) {
    ghosts_.erase(ghosts_in_order_.front());
    ghosts_in_order_.pop_front();
  }
}

}  // namespace skybridge::cache
