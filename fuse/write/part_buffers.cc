#include "fuse/write/part_buffers.h"

#include <algorithm>
#include <new>
#include <stop_token>
#include <utility>

#include <sys/mman.h>

#include "core/call_wait.h"

namespace skybridge::fuse {

PartBuffers::PartBuffers(std::size_t slot_bytes, std::size_t slot_count, const Clock& clock)
    : slot_bytes_(slot_bytes), slot_count_(slot_count), clock_(clock), taken_(slot_count, false) {
  // This reserves address space only; the first part that uses a slot takes its memory.
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* region = ::mmap(nullptr, max_bytes(), PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (region == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<std::byte*>(region);
}

PartBuffers::~PartBuffers() { ::munmap(memory_, max_bytes()); }

PartBuffers::Lease::Lease(Lease&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), bytes_(other.bytes_) {}

PartBuffers::Lease::~Lease() {
  if (owner_ != nullptr) owner_->GiveBack(bytes_);
}

Result<PartBuffers::Lease> PartBuffers::Take(std::size_t size_bytes, const CallContext& context) {
  const std::size_t count = SlotsFor(size_bytes);
  if (count > slot_count_)
    return Fail(ErrorCode::kTooLarge, "the part is larger than the memory for parts");
  const std::stop_callback wake(context.stop, [this] {
    MutexLock lock(mutex_);
    returned_.NotifyAll();
  });
  MutexLock lock(mutex_);
  std::size_t first = FindFree(count);
  while (first == slot_count_) {
    TRY_VOID(
        WaitWithin(context, clock_, returned_, mutex_, "the wait for memory to upload a part"));
    first = FindFree(count);
  }
  for (std::size_t i = first; i < first + count; ++i) taken_[i] = true;
  return Lease(*this, std::span(memory_ + first * slot_bytes_, size_bytes));
}

std::size_t PartBuffers::FindFree(std::size_t count) const {
  std::size_t run = 0;
  for (std::size_t i = 0; i < slot_count_; ++i) {
    run = taken_[i] ? 0 : run + 1;
    if (run == count) return i + 1 - count;
  }
  return count == 0 ? 0 : slot_count_;
}

void PartBuffers::GiveBack(std::span<std::byte> bytes) {
  const std::size_t first = static_cast<std::size_t>(bytes.data() - memory_) / slot_bytes_;
  MutexLock lock(mutex_);
  for (std::size_t i = first; i < first + SlotsFor(bytes.size()); ++i) taken_[i] = false;
  returned_.NotifyAll();
}

}  // namespace skybridge::fuse
