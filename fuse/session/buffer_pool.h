// BufferPool: buffers for replies that are reused hot, because page-faulting a fresh 1 MiB for each
// read costs more than the copy into it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/mutex.h"

namespace skybridge::fuse {

// Safe from many threads. Never waits: past `max_idle` a buffer that comes back is freed, so memory
// is bounded by the number of requests at work at once.
class BufferPool {
 public:
  BufferPool(std::size_t buffer_bytes, std::size_t max_idle)
      : buffer_bytes_(buffer_bytes), max_idle_(max_idle) {}

  class Lease {
   public:
    Lease(BufferPool& pool, std::unique_ptr<std::byte[]> bytes, std::size_t size_bytes)
        : pool_(pool), bytes_(std::move(bytes)), size_bytes_(size_bytes) {}
    ~Lease() { pool_.GiveBack(std::move(bytes_), size_bytes_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    std::span<std::byte> span() { return {bytes_.get(), size_bytes_}; }

   private:
    BufferPool& pool_;
    std::unique_ptr<std::byte[]> bytes_;
    std::size_t size_bytes_;
  };

  // A buffer of at least `size_bytes`; one larger than the pool's own is not kept afterwards.
  Lease Take(std::size_t size_bytes) {
    if (size_bytes > buffer_bytes_) return {*this, NewBuffer(size_bytes), size_bytes};
    {
      MutexLock lock(mutex_);
      if (!idle_.empty()) {
        auto bytes = std::move(idle_.back());
        idle_.pop_back();
        return {*this, std::move(bytes), buffer_bytes_};
      }
    }
    return {*this, NewBuffer(buffer_bytes_), buffer_bytes_};
  }

 private:
  static std::unique_ptr<std::byte[]> NewBuffer(std::size_t size_bytes) {
    return std::make_unique_for_overwrite<std::byte[]>(size_bytes);
  }
  void GiveBack(std::unique_ptr<std::byte[]> bytes, std::size_t size_bytes) {
    if (size_bytes != buffer_bytes_) return;
    MutexLock lock(mutex_);
    if (idle_.size() < max_idle_) idle_.push_back(std::move(bytes));
  }

  const std::size_t buffer_bytes_;
  const std::size_t max_idle_;
  Mutex mutex_;
  std::vector<std::unique_ptr<std::byte[]>> idle_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
