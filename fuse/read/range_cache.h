// RangeCache: small pieces of files that were fetched for random reads, in memory: the next read
// nearby needs no request. Whole blocks go to the block cache on disk instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "core/byte_range.h"
#include "core/mutex.h"

namespace skybridge::fuse {

// Safe from many threads. At the bound the least recently used piece goes.
class RangeCache {
 public:
  explicit RangeCache(std::size_t max_pieces) : max_pieces_(max_pieces) {}

  using Bytes = std::shared_ptr<const std::vector<std::byte>>;
  struct Piece {
    const void* file = nullptr;  // whose; forgotten before it is destroyed
    std::uint64_t offset_bytes = 0;
    Bytes bytes;
  };

  // A piece of `file` that holds all of `range`; no bytes if there is none.
  Piece Find(const void* file, ByteRange range) {
    MutexLock lock(mutex_);
    for (auto it = pieces_.begin(); it != pieces_.end(); ++it) {
      const bool holds = it->file == file && it->offset_bytes <= range.offset_bytes &&
                         it->offset_bytes + it->bytes->size() >= range.end_bytes();
      if (!holds) continue;
      pieces_.splice(pieces_.begin(), pieces_, it);
      return pieces_.front();
    }
    return {};
  }
  void Add(Piece piece) {
    MutexLock lock(mutex_);
    memory_bytes_ += piece.bytes->size();
    pieces_.push_front(std::move(piece));
    if (pieces_.size() > max_pieces_) DropLast();
  }
  void ForgetFile(const void* file) {
    MutexLock lock(mutex_);
    for (auto it = pieces_.begin(); it != pieces_.end();) {
      if (it->file != file) {
        ++it;
        continue;
      }
      memory_bytes_ -= it->bytes->size();
      it = pieces_.erase(it);
    }
  }
  std::uint64_t memory_bytes() const {
    MutexLock lock(mutex_);
    return memory_bytes_;
  }

 private:
  void DropLast() REQUIRES(mutex_) {
    memory_bytes_ -= pieces_.back().bytes->size();
    pieces_.pop_back();
  }

  const std::size_t max_pieces_;
  mutable Mutex mutex_;
  std::list<Piece> pieces_
      GUARDED_BY(mutex_);  // most recently used first; few, so that a walk is cheap
  std::uint64_t memory_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skybridge::fuse
