// PartBuffers: one region of memory, divided into slots of the smallest part; a larger part takes
// neighbouring slots. It bounds the memory of all uploads of a remote. Its pages are used again, so
// that a part does not pay for page faults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/call_context.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "core/result.h"

namespace skybridge::fuse {

// Safe from many threads.
class PartBuffers {
 public:
  PartBuffers(std::size_t slot_bytes, std::size_t slot_count, const Clock& clock);
  ~PartBuffers();
  PartBuffers(const PartBuffers&) = delete;
  PartBuffers& operator=(const PartBuffers&) = delete;

  // Owns its slots until destroyed.
  class Lease {
   public:
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept = delete;
    ~Lease();
    std::span<std::byte> span() const { return bytes_; }

   private:
    friend class PartBuffers;
    Lease(PartBuffers& owner, std::span<std::byte> bytes) : owner_(&owner), bytes_(bytes) {}
    PartBuffers* owner_;
    std::span<std::byte> bytes_;
  };

  // Waits for free slots. Errors: kTooLarge (over max_bytes()), kTimedOut, kCancelled.
  Result<Lease> Take(std::size_t size_bytes, const CallContext& context);
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
  const Clock& clock_;
  std::byte* memory_ = nullptr;
  Mutex mutex_;
  CondVar returned_;
  std::vector<bool> taken_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
