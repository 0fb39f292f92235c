// Opening a file for writing and changing its content.
#include "fuse/write/staged_writer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/log.h"

namespace skybridge::fuse {

StagedWriter::StagedWriter(WriteCrew& crew, const OpenWriterRequest& request,
                           std::unique_ptr<cache::StagingFile> staging)
    : crew_(crew),
      base_(std::make_shared<BaseVersion>(crew.reads, request.base)),
      content_(std::make_shared<FileContent>(
          std::move(staging), request.base && !request.truncate ? request.base->size_bytes : 0,
          [base = base_](std::uint64_t offset_bytes, std::span<std::byte> into,
                         const CallContext& context) {
            return base->Read(offset_bytes, into, context);
          })),
      publications_(crew.clock),
      changes_(crew.clock),
      key_(request.key),
      never_published_(!request.base || (request.truncate && request.base->size_bytes > 0)) {
  crew_.Register(this);
}

void StagedWriter::RebaseTo(const ObjectInfo& base) {
  base_->Set(base);
  MutexLock lock(mutex_);
  key_ = base.key;
  // An upload that appends to a version cannot append to another one.
  if (upload_ != nullptr && upload_->origin_bytes() > 0) DropUpload();
}

// --- changing

Status StagedWriter::Write(std::uint64_t offset_bytes, ByteSpan bytes, const CallContext& context) {
  const ByteRange range{offset_bytes, bytes.size()};
  if (bytes.size() > crew_.uploads.layout.max_file_bytes() ||
      offset_bytes > crew_.uploads.layout.max_file_bytes() - bytes.size()) {
    return Fail(ErrorCode::kTooLarge,
                fmt::format("a file of this store can have {} bytes here at most",
                            crew_.uploads.layout.max_file_bytes()));
  }
  if (bytes.empty()) return {};
  const Turns::Turn turn = TRY(changes_.Take(context, "another write"));
  KeepSmallBase(range, context);
  const std::unique_ptr<FileContent::Hold> hold = TRY(content_->HoldForChange(range));
  const std::shared_ptr<Upload> upload = TRY(UploadForChange(range));
  if (upload != nullptr) upload->Touch(range);
  TRY_VOID(WriteStaged(offset_bytes, bytes, context));
  if (upload != nullptr) upload->Touch(range);
  SendCompleted(range);
  return {};
}

void StagedWriter::KeepSmallBase(ByteRange replaced, const CallContext& context) {
  if (std::exchange(small_base_kept_, true)) return;
  const std::optional<ObjectInfo> base = base_->info();
  if (!base || base->size_bytes > crew_.max_put_bytes() || crew_.store.capabilities().append)
    return;
  if (replaced.offset_bytes == 0 && replaced.end_bytes() >= base->size_bytes) return;
  if (const Status kept = content_->StageBase(Limited(context)); !kept) {
    Log(LogLevel::kDebug, "write of '{}': the version before it is not kept: {}", base->key.path,
        kept.error().ToString());
  }
}

void StagedWriter::NoteAttributes(const Attributes& attributes) {
  MutexLock lock(mutex_);
  known_attributes_ = attributes;
}

Status StagedWriter::WriteStaged(std::uint64_t offset_bytes, ByteSpan bytes,
                                 const CallContext& context) {
  Status written =
      content_->Write(offset_bytes, bytes, {.deadline = crew_.clock.Now(), .stop = context.stop});
  if (written || written.error().code != ErrorCode::kNoSpace) return written;
  const WriteCrew::RoomWanted wanted(crew_);
  return content_->Write(offset_bytes, bytes, context);
}

Status StagedWriter::Truncate(std::uint64_t size_bytes, const CallContext& context) {
  if (size_bytes > crew_.uploads.layout.max_file_bytes()) {
    return Fail(ErrorCode::kTooLarge,
                fmt::format("a file of this store can have {} bytes here at most",
                            crew_.uploads.layout.max_file_bytes()));
  }
  const Turns::Turn turn = TRY(changes_.Take(context, "another write"));
  const std::uint64_t old_size = content_->size_bytes();
  const std::uint64_t from = std::min(size_bytes, old_size);
  const ByteRange changed{from, std::max(size_bytes, old_size) - from};
  if (changed.empty()) return {};
  KeepSmallBase(changed, context);
  const std::shared_ptr<Upload> upload = TRY(UploadForChange(changed));
  const ByteRange cut_part = upload != nullptr ? upload->PartCutAt(from) : ByteRange{from, 0};
  const std::unique_ptr<FileContent::Hold> hold = TRY(content_->HoldForChange(cut_part));
  if (upload != nullptr) upload->CutTo(from);
  TRY_VOID(content_->Truncate(size_bytes));
  if (upload != nullptr) upload->CutTo(from);
  return {};
}

Result<std::shared_ptr<Upload>> StagedWriter::UploadForChange(ByteRange range) {
  MutexLock lock(mutex_);
  // An upload that appends to the base is of no use when bytes of the base change.
  if (upload_ != nullptr && range.offset_bytes < upload_->origin_bytes()) {
    if (!DropUpload()) {
      return Fail(ErrorCode::kNoSpace,
                  "staging is too small to change what lies before the appended bytes");
    }
  }
  return upload_;
}

void StagedWriter::SendCompleted(ByteRange range) {
  std::shared_ptr<Upload> upload;
  {
    MutexLock lock(mutex_);
    if (upload_ == nullptr) {
      // Small files are one Put; only a file that has outgrown it is sent in parts before it is
      // published.
      const std::optional<AppendBase> append = AppendTo();
      const ByteRange first_part{append ? append->size_bytes : 0, crew_.first_part_bytes};
      const bool outgrown =
          content_->size_bytes() > std::max(first_part.end_bytes(), crew_.max_put_bytes());
      if (!outgrown || !content_->IsStaged(first_part)) return;
      upload_ = NewUpload(key_, known_attributes_);
    }
    upload = upload_;
  }
  upload->SendCompleted(range);
}

std::optional<AppendBase> StagedWriter::AppendTo() const {
  const std::optional<ObjectInfo> base = base_->info();
  const bool can = crew_.store.capabilities().append && base && !base->etag.empty() &&
                   base->size_bytes > 0 && content_->size_bytes() > base->size_bytes &&
                   content_->BaseIsWhole(base->size_bytes);
  if (!can) return std::nullopt;
  return AppendBase{.etag = base->etag, .size_bytes = base->size_bytes};
}

Conditions StagedWriter::ConditionsNow() const {
  const std::optional<ObjectInfo> base = base_->info();
  if (!base) return {.if_match = std::nullopt, .must_not_exist = true};
  if (base->etag.empty()) return {};
  return {.if_match = base->etag, .must_not_exist = false};
}

std::shared_ptr<Upload> StagedWriter::NewUpload(const ObjectKey& key,
                                                const Attributes& attributes) {
  return std::make_shared<Upload>(crew_.uploads, content_,
                                  UploadPlan{.key = key,
                                             .attributes = attributes,
                                             .conditions = ConditionsNow(),
                                             .append_to = AppendTo()});
}

bool StagedWriter::DropUpload() {
  if (upload_ != nullptr && !upload_->AbandonUnlessNeeded()) return false;
  upload_ = nullptr;
  return true;
}

std::uint64_t StagedWriter::MakeRoom(std::uint64_t wanted_bytes) {
  std::uint64_t freed = content_->LetGoOfPublished();
  std::shared_ptr<Upload> upload;
  {
    MutexLock lock(mutex_);
    upload = upload_;
  }
  if (upload != nullptr && freed < wanted_bytes) freed += upload->MakeRoom(wanted_bytes - freed);
  return freed;
}

}  // namespace skybridge::fuse
