// PartBuffers: one region of memory, divided into slots of the smallest part; a larger part takes
// neighbouring slots. It bounds what uploads hold in memory, and its pages are reused instead of
// being faulted in for each part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <vector>

#include "core/mutex.h"

namespace skybridge::fuse {

// Safe from many threads.
class PartBuffers {
 public:
  PartBuffers(std::size_t slot_bytes, std::size_t slot_count);
  ~PartBuffers();
  PartBuffers(const PartBuffers&) = delete;
  PartBuffers& operator=(const PartBuffers&) = delete;

  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept = delete;
    ~Lease();
    std::span<std::byte> span() const { return bytes_; }
    explicit operator bool() const { return owner_ != nullptr; }

   private:
    friend class PartBuffers;
    Lease(PartBuffers& owner, std::span<std::byte> bytes) : owner_(&owner), bytes_(bytes) {}
    PartBuffers* owner_ = nullptr;
    std::span<std::byte> bytes_;
  };

  // Waits for room. An empty lease when stopped, or when the size is over max_bytes().
  Lease Take(std::size_t size_bytes, const std::stop_token& stop);
  std::size_t max_bytes() const { return slot_bytes_ * slot_count_; }

 private:
  void GiveBack(std::span<std::byte> bytes);
  // The first of `count` free slots in a row; slot_count_ if there are none.
  std::size_t FindFree(std::size_t count) const REQUIRES(mutex_);
  std::size_t SlotsFor(std::size_t size_bytes) const {
    return (size_bytes + slot_bytes_ - 1) / slot_bytes_;
  }

  const std::size_t slot_bytes_;
  const std::size_t slot_count_;
  std::byte* memory_ = nullptr;
  Mutex mutex_;
  CondVar returned_;
  std::vector<bool> taken_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
