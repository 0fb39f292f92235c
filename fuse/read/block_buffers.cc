#include "fuse/read/block_buffers.h"

#include <cstring>
#include <utility>

namespace skybridge::fuse {

BlockBuffers::Lease& BlockBuffers::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    GiveBack();
    owner_ = other.owner_;
    bytes_ = std::move(other.bytes_);
    size_bytes_ = other.size_bytes_;
  }
  return *this;
}

void BlockBuffers::Lease::GiveBack() {
  if (bytes_ != nullptr) owner_->GiveBack(std::move(bytes_));
}

BlockBuffers::Lease BlockBuffers::TryTake(std::size_t spare) {
  MutexLock lock(mutex_);
  if (idle_.size() + (count_ - made_) <= spare) return {};
  if (!idle_.empty()) {
    auto bytes = std::move(idle_.back());
    idle_.pop_back();
    return {*this, std::move(bytes), buffer_bytes_};
  }
  ++made_;
  lock.Unlock();
  auto bytes = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes_);
  std::memset(bytes.get(), 0,
              buffer_bytes_);  // page faults now, once, and not while a reply is awaited
  return {*this, std::move(bytes), buffer_bytes_};
}

void BlockBuffers::WaitForOne(const Clock& clock) {
  MutexLock lock(mutex_);
  if (!idle_.empty() || made_ < count_) return;
  clock.WaitUntil(returned_, mutex_, clock.Now() + std::chrono::milliseconds(5));
}

void BlockBuffers::GiveBack(std::unique_ptr<std::byte[]> bytes) {
  MutexLock lock(mutex_);
  idle_.push_back(std::move(bytes));
  returned_.NotifyOne();
}

std::size_t BlockBuffers::free_count() const {
  MutexLock lock(mutex_);
  return idle_.size() + (count_ - made_);
}

std::uint64_t BlockBuffers::memory_bytes() const {
  MutexLock lock(mutex_);
  return static_cast<std::uint64_t>(made_) * buffer_bytes_;
}

}  // namespace skybridge::fuse
