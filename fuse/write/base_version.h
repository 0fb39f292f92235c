// BaseVersion: the version in the store that a file open for writing started from. It is read only
// where no newer bytes lie over it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "backends/object_store.h"
#include "core/mutex.h"
#include "fuse/read/read_path.h"

namespace skybridge::fuse {

// Safe from many threads.
class BaseVersion {
 public:
  BaseVersion(ReadPath& reads, std::optional<ObjectInfo> info)
      : reads_(reads), info_(std::move(info)) {}

  std::optional<ObjectInfo> info() const {
    MutexLock lock(mutex_);
    return info_;
  }
  void Set(ObjectInfo info) {
    MutexLock lock(mutex_);
    info_ = std::move(info);
    reader_ = nullptr;
  }
  // Fills `into`. Errors: as FileReader's.
  Status Read(std::uint64_t offset_bytes, std::span<std::byte> into, const CallContext& context) {
    const std::shared_ptr<FileReader> reader = Reader();
    if (reader == nullptr)
      return Fail(ErrorCode::kInternal, "a file without a base version was asked for its bytes");
    const std::size_t size = TRY(reader->Read(offset_bytes, into, context));
    if (size != into.size())
      return Fail(ErrorCode::kCorrupt, "the base version is shorter than it was");
    return {};
  }

 private:
  std::shared_ptr<FileReader> Reader() {
    MutexLock lock(mutex_);
    if (reader_ == nullptr && info_)
      reader_ = reads_.Open(info_->key, info_->etag, info_->size_bytes);
    return reader_;
  }

  ReadPath& reads_;
  mutable Mutex mutex_;
  std::optional<ObjectInfo> info_ GUARDED_BY(mutex_);
  std::shared_ptr<FileReader> reader_ GUARDED_BY(mutex_);  // shared with reads in progress
};

}  // namespace skybridge::fuse
