#include "cache/inode_counter.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "cache/local_file.h"

namespace skybridge::cache {
Result<std::unique_ptr<InodeCounter>> InodeCounter::Open(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    if (errno == ENOENT) return std::unique_ptr<InodeCounter>(new InodeCounter(path, kFirst, true));
    return Fail(ErrorFromErrno(errno, "open '" + path + "'"));
  }
  std::array<std::byte, 32> bytes{};
  const std::size_t size = TRY(ReadAt(file.get(), 0, bytes));
  const char* begin = reinterpret_cast<const char*>(bytes.data());
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(begin, begin + size, number);
  if (failure != std::errc() || end != begin + size - 1 || *end != '\n' || number < kFirst) {
    return Fail(ErrorCode::kCorrupt, "'" + path + "' does not hold an inode number");
  }
  return std::unique_ptr<InodeCounter>(new InodeCounter(path, number, false));
}

Result<InodeNumber> InodeCounter::Next() {
  MutexLock lock(mutex_);
  if (next_ == lease_end_) {
    Status leased = Lease(next_ + kLease);
    if (!leased && leased.error().code != ErrorCode::kNoSpace) TRY_VOID(std::move(leased));
    settled_ = leased.has_value();
    lease_end_ = next_ + kLease;
  }
  return static_cast<InodeNumber>(next_++);
}

std::uint64_t InodeCounter::last() const {
  MutexLock lock(mutex_);
  return next_ - 1;
}

Status InodeCounter::Settle() {
  MutexLock lock(mutex_);
  if (!settled_) TRY_VOID(Lease(lease_end_));
  return {};
}

Status InodeCounter::SkipTo(std::uint64_t number) {
  MutexLock lock(mutex_);
  if (number < next_) return {};
  TRY_VOID(Lease(number + 1 + kLease));
  next_ = number + 1;
  return {};
}

Status InodeCounter::Lease(std::uint64_t end) {
  TRY_VOID(ReplaceSynced(path_, std::to_string(end) + "\n"));
  lease_end_ = end;
  settled_ = true;
  return {};
}

}  // namespace skybridge::cache
