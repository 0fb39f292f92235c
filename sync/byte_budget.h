// ByteBudget: the memory that all copies of a pass may hold at the same time. Taken before a buffer
// is made.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

#include "core/mutex.h"

namespace skybridge {

// Safe from many threads. A request over the whole budget gets the whole budget: it waits until it
// is alone.
class ByteBudget {
 public:
  explicit ByteBudget(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  void Take(std::uint64_t bytes) {
    bytes = std::min(bytes, limit_bytes_);
    MutexLock lock(mutex_);
    while (used_bytes_ + bytes > limit_bytes_) changed_.Wait(mutex_);
    used_bytes_ += bytes;
    peak_bytes_ = std::max(peak_bytes_, used_bytes_);
  }
  void Give(std::uint64_t bytes) {
    bytes = std::min(bytes, limit_bytes_);
    MutexLock lock(mutex_);
    used_bytes_ -= bytes;
    changed_.NotifyAll();
  }
  std::uint64_t peak_bytes() const {
    MutexLock lock(mutex_);
    return peak_bytes_;
  }

 private:
  const std::uint64_t limit_bytes_;
  mutable Mutex mutex_;  // guards what follows
  CondVar changed_;
  std::uint64_t used_bytes_ GUARDED_BY(mutex_) = 0;
  std::uint64_t peak_bytes_ GUARDED_BY(mutex_) = 0;
};

// A buffer within the budget. Its bytes are not initialised: zeroing them would cost as much as a
// copy.
class BudgetedBuffer {
 public:
  BudgetedBuffer(ByteBudget& budget, std::uint64_t bytes) : budget_(budget), size_bytes_(bytes) {
    budget_.Take(size_bytes_);
    data_.reset(new std::byte[size_bytes_]);
  }
  ~BudgetedBuffer() {
    data_.reset();
    budget_.Give(size_bytes_);
  }
  BudgetedBuffer(const BudgetedBuffer&) = delete;
  BudgetedBuffer& operator=(const BudgetedBuffer&) = delete;

  std::span<std::byte> bytes() { return {data_.get(), size_bytes_}; }

 private:
  ByteBudget& budget_;
  const std::uint64_t size_bytes_;
  std::unique_ptr<std::byte[]> data_;
};

}  // namespace skybridge
