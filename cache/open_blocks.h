// OpenBlocks: the block files read last, kept open, so that the next read need not open the file
// and read its header again.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <unordered_map>
#include <utility>

#include "cache/block_file.h"
#include "cache/block_index.h"

namespace skybridge::cache {

// Not safe from many threads; the files that it returns are. At the bound it drops the least
// recently used file, which closes with its last reader.
class OpenBlocks {
 public:
  static constexpr std::size_t kMaxOpen = 128;

  std::shared_ptr<const BlockFile> Find(const BlockKey& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->second;
  }

  void Add(const BlockKey& key, std::shared_ptr<const BlockFile> file) {
    Remove(key);
    recent_.emplace_front(key, std::move(file));
    by_key_[key] = recent_.begin();
    if (recent_.size() > kMaxOpen) Remove(BlockKey(recent_.back().first));
  }

  void Remove(const BlockKey& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    recent_.erase(found->second);
    by_key_.erase(found);
  }

 private:
  using Recent = std::list<std::pair<BlockKey, std::shared_ptr<const BlockFile>>>;
  Recent recent_;  // most recent first
  std::unordered_map<BlockKey, Recent::iterator, BlockKeyHash> by_key_;
};

}  // namespace skybridge::cache
