// BlockBuffers: a fixed number of large buffers, each allocated and touched once. They bound the
// memory of the blocks that move between network, disk and kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/call_context.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "core/result.h"

namespace skybridge::fuse {

// Safe from many threads. A buffer is made when it is first needed and kept for the next user.
class BlockBuffers {
 public:
  BlockBuffers(std::size_t buffer_bytes, std::size_t count)
      : buffer_bytes_(buffer_bytes), count_(count) {}
  BlockBuffers(const BlockBuffers&) = delete;
  BlockBuffers& operator=(const BlockBuffers&) = delete;

  // Owns one buffer until destroyed. Empty when default-made.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { GiveBack(); }
    std::span<std::byte> span() const { return {bytes_.get(), size_bytes_}; }
    explicit operator bool() const { return bytes_ != nullptr; }

   private:
    friend class BlockBuffers;
    Lease(BlockBuffers& owner, std::unique_ptr<std::byte[]> bytes, std::size_t size_bytes)
        : owner_(&owner), bytes_(std::move(bytes)), size_bytes_(size_bytes) {}
    void GiveBack();

    BlockBuffers* owner_ = nullptr;
    std::unique_ptr<std::byte[]> bytes_;
    std::size_t size_bytes_ = 0;
  };

  // Leaves `spare` buffers for others; an empty lease if that is not possible now.
  Lease TryTake(std::size_t spare = 0);
  // Waits a short while (at most 5 ms) for a buffer to come back.
  void WaitForOne(const Clock& clock);

  std::size_t free_count() const;
  std::size_t count() const { return count_; }
  std::uint64_t memory_bytes() const;

 private:
  void GiveBack(std::unique_ptr<std::byte[]> bytes);

  const std::size_t buffer_bytes_;
  const std::size_t count_;
  mutable Mutex mutex_;
  CondVar returned_;
  std::vector<std::unique_ptr<std::byte[]>> idle_ GUARDED_BY(mutex_);
  std::size_t made_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skybridge::fuse
