// DetachedContent: the content of a file that lost its name while it is open. It lives in a local
// staging file and disappears with the last handle. You need it where a FileWriter is expected, but
// there is nothing to publish.
#pragma once

#include <memory>

#include "cache/staging.h"
#include "core/mutex.h"
#include "fuse/write/write_path.h"

namespace skybridge::fuse {

// Safe from many threads.
class DetachedContent final : public FileWriter {
 public:
  DetachedContent(std::unique_ptr<cache::StagingFile> file, std::uint64_t size_bytes)
      : file_(std::move(file)), size_bytes_(size_bytes) {}

  Status Write(std::uint64_t offset_bytes, ByteSpan bytes, const CallContext& context) override;
  Result<std::size_t> Read(std::uint64_t offset_bytes, std::span<std::byte> into,
                           const CallContext& context) override;
  Status Truncate(std::uint64_t size_bytes, const CallContext& context) override;
  std::uint64_t size_bytes() const override;
  bool dirty() const override { return false; }

  // No name, nothing to publish: these are never asked for, and fail.
  Result<ObjectInfo> Publish(const PublishRequest& request, const CallContext& context) override;
  Result<ObjectInfo> PublishConflictCopy(const ObjectKey& key, const Attributes& attributes,
                                         const CallContext& context) override;
  Result<ObjectInfo> PublishWrittenRanges(const ObjectKey& key, std::string_view name,
                                          const Attributes& attributes,
                                          const CallContext& context) override;
  Result<UnpublishedContent> Unpublished() override;
  void NoteAttributes(const Attributes&) override {}
  void RebaseTo(const ObjectInfo&) override {}

 private:
  const std::unique_ptr<cache::StagingFile> file_;
  mutable Mutex mutex_;
  std::uint64_t size_bytes_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
