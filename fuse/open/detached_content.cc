#include "fuse/open/detached_content.h"

#include <algorithm>

namespace skybridge::fuse {

Status DetachedContent::Write(std::uint64_t offset_bytes, ByteSpan bytes,
                              const CallContext& context) {
  TRY_VOID(file_->Write(offset_bytes, bytes, context));
  MutexLock lock(mutex_);
  size_bytes_ = std::max(size_bytes_, offset_bytes + bytes.size());
  return {};
}

Result<std::size_t> DetachedContent::Read(std::uint64_t offset_bytes, std::span<std::byte> into,
                                          const CallContext&) {
  const ByteRange there = Intersect({offset_bytes, into.size()}, {0, size_bytes()});
  if (there.empty()) return std::size_t{0};
  TRY_VOID(file_->Read(offset_bytes, into.first(there.length_bytes)));
  return static_cast<std::size_t>(there.length_bytes);
}

Status DetachedContent::Truncate(std::uint64_t size_bytes, const CallContext&) {
  MutexLock lock(mutex_);
  if (size_bytes < size_bytes_) TRY_VOID(file_->Discard({size_bytes, size_bytes_ - size_bytes}));
  size_bytes_ = size_bytes;
  return {};
}

std::uint64_t DetachedContent::size_bytes() const {
  MutexLock lock(mutex_);
  return size_bytes_;
}

Result<ObjectInfo> DetachedContent::Publish(const PublishRequest& request, const CallContext&) {
  return Fail(ErrorCode::kInternal, "publish of a file without a name: '" + request.key.path + "'");
}

Result<ObjectInfo> DetachedContent::PublishConflictCopy(const ObjectKey& key, const Attributes&,
                                                        const CallContext&) {
  return Fail(ErrorCode::kInternal, "conflict copy of a file without a name: '" + key.path + "'");
}

Result<ObjectInfo> DetachedContent::PublishWrittenRanges(const ObjectKey& key, std::string_view,
                                                         const Attributes&, const CallContext&) {
  return Fail(ErrorCode::kInternal, "conflict copy of a file without a name: '" + key.path + "'");
}

Result<UnpublishedContent> DetachedContent::Unpublished() {
  return Fail(ErrorCode::kInternal, "a file without a name has nothing to publish");
}

}  // namespace skybridge::fuse
