// StagedWriter: the FileWriter of a WritePath: the content of one open file in staging, and its way
// to the store.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "backends/object_store.h"
#include "cache/staging.h"
#include "core/byte_range.h"
#include "core/mutex.h"
#include "core/result.h"
#include "fuse/write/base_version.h"
#include "fuse/write/file_content.h"
#include "fuse/write/turns.h"
#include "fuse/write/upload.h"
#include "fuse/write/write_crew.h"
#include "fuse/write/write_path.h"

namespace skybridge::fuse {

// Safe from many threads. The WriteCrew outlives it.
class StagedWriter final : public FileWriter {
 public:
  StagedWriter(WriteCrew& crew, const OpenWriterRequest& request,
               std::unique_ptr<cache::StagingFile> staging);
  ~StagedWriter() override {
    crew_.Unregister(this);
    MutexLock lock(mutex_);
    if (upload_ != nullptr) upload_->Abandon();
  }
  StagedWriter(const StagedWriter&) = delete;
  StagedWriter& operator=(const StagedWriter&) = delete;

  Status Write(std::uint64_t offset_bytes, ByteSpan bytes, const CallContext& context) override;
  Status Truncate(std::uint64_t size_bytes, const CallContext& context) override;
  Result<std::size_t> Read(std::uint64_t offset_bytes, std::span<std::byte> into,
                           const CallContext& context) override {
    return content_->Read(offset_bytes, into, context);
  }
  std::uint64_t size_bytes() const override { return content_->size_bytes(); }
  bool dirty() const override {
    MutexLock lock(mutex_);
    return never_published_ || content_->generation() != published_generation_;
  }
  Result<ObjectInfo> Publish(const PublishRequest& request, const CallContext& context) override;
  Result<ObjectInfo> PublishConflictCopy(const ObjectKey& key, const Attributes& attributes,
                                         const CallContext& context) override;
  Result<ObjectInfo> PublishWrittenRanges(const ObjectKey& key, std::string_view name,
                                          const Attributes& attributes,
                                          const CallContext& context) override;
  Result<UnpublishedContent> Unpublished() override;
  void NoteAttributes(const Attributes& attributes) override;
  void RebaseTo(const ObjectInfo& base) override;

  std::uint64_t unpublished_bytes() const { return content_->unpublished_bytes(); }
  // Removes bytes from staging that the store already has, the published ones first; stops after
  // about `wanted_bytes`. Returns how many.
  std::uint64_t MakeRoom(std::uint64_t wanted_bytes);

 private:
  // What the store says of a publication, and the digest that it should have.
  struct Outcome {
    ObjectInfo info;
    std::optional<std::uint32_t> crc32c;
  };

  // Before the first change: a small base is copied to staging, so that a conflict copy needs nothing
  // of the store. A failure is none of the write's: the publication may still find the base.
  void KeepSmallBase(ByteRange replaced, const CallContext& context);
  Status WriteStaged(std::uint64_t offset_bytes, ByteSpan bytes, const CallContext& context);
  // The upload in progress; one that a change to `range` makes useless is ended first. Errors:
  // kNoSpace. Called within a turn of changes_.
  Result<std::shared_ptr<Upload>> UploadForChange(ByteRange range);
  void SendCompleted(ByteRange range);
  std::shared_ptr<Upload> NewUpload(const ObjectKey& key, const Attributes& attributes)
      REQUIRES(mutex_);
  std::shared_ptr<Upload> CurrentUpload(const PublishRequest& request);
  std::optional<AppendBase> AppendTo() const;
  Conditions ConditionsNow() const;
  // Ends the upload in progress. False, and it stays, if only the upload has some bytes of the file.
  bool DropUpload() REQUIRES(mutex_);
  // The attributes that an upload in parts starts with. A time that nobody has set is left to a
  // store that would have to write the object anew to record it.
  Attributes ForUpload(const PublishRequest& request) const;

  // One new object: a conflict copy. Errors: kAlreadyExists.
  Result<ObjectInfo> PublishApart(const std::shared_ptr<FileContent>& content,
                                  const PublishRequest& request, const CallContext& context);
  // The content of a file in the format of written_ranges.h. Errors: kInternal.
  Result<std::shared_ptr<FileContent>> WrittenRangesOf(std::string_view name);
  Result<Outcome> PublishByPut(FileContent& content, const PublishRequest& request,
                               const Conditions& conditions, const CallContext& context);
  Result<Outcome> PublishByParts(const PublishRequest& request, std::uint64_t size_bytes,
                                 const CallContext& context);
  Result<Outcome> SendAndCommit(Upload& upload, const PublishRequest& request,
                                std::uint64_t size_bytes, const CallContext& context);
  static Status Check(const Outcome& outcome, std::uint64_t size_bytes);
  CallContext Limited(const CallContext& context) const { return crew_.Limited(context); }

  WriteCrew& crew_;
  // Both are shared with the tasks that still send parts when the file is closed.
  const std::shared_ptr<BaseVersion> base_;
  const std::shared_ptr<FileContent> content_;

  // One publication at a time; the content may change meanwhile. Comes before changes_.
  Turns publications_;
  // Taken by Write and Truncate from beginning to end, also while they wait for room in staging:
  // changes of one file come one after another, as programs made them. Comes before mutex_.
  Turns changes_;
  bool small_base_kept_ = false;  // or tried; within a turn of changes_

  mutable Mutex mutex_;  // not held while staging or the network is waited for
  ObjectKey key_ GUARDED_BY(mutex_);
  Attributes known_attributes_ GUARDED_BY(mutex_);  // by NoteAttributes
  std::shared_ptr<Upload> upload_ GUARDED_BY(mutex_);
  bool never_published_ GUARDED_BY(mutex_) = false;
  std::uint64_t published_generation_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skybridge::fuse
