#include "fuse/filesystem/kept_files.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/log.h"
#include "fuse/inode_record.h"
#include "fuse/write/conflict_copy.h"
#include "fuse/write/write_path.h"

namespace skybridge::fuse {
namespace {

using cache::UnpublishedFile;
using cache::UnpublishedFiles;

constexpr std::uint64_t kCopyBytes = 1 << 20;

// The version that was changed; nothing for a new file.
std::optional<ObjectInfo> BaseOf(const UnpublishedFile& file) {
  if (file.record.etag.empty()) return std::nullopt;
  ObjectInfo base = ToObjectInfo(file.record, ObjectKey(file.key));
  base.size_bytes = file.base_size_bytes;
  return base;
}

// Makes the content in a writer that begins with the version that was changed.
Status Fill(FileWriter& writer, UnpublishedFiles::Kept& kept, const CallContext& context) {
  const UnpublishedFile& file = kept.file;
  if (file.base_shown_until_bytes < writer.size_bytes())
    TRY_VOID(writer.Truncate(file.base_shown_until_bytes, context));
  std::vector<std::byte> bytes;
  for (const ByteRange& range : file.ranges) {
    for (std::uint64_t at = range.offset_bytes; at < range.end_bytes(); at += bytes.size()) {
      bytes.resize(std::min(kCopyBytes, range.end_bytes() - at));
      TRY_VOID(kept.content->Read(at, bytes));
      TRY_VOID(writer.Write(at, bytes, context));
    }
  }
  return writer.Truncate(file.record.size_bytes, context);
}

// Gives the version that the store has now the attributes that were set here; one that has gone
// needs none.
Status PublishAttributes(const Remote& remote, const UnpublishedFile& file,
                         const CallContext& context) {
  const ObjectKey key(file.key);
  const auto now = remote.store->Head(key, context);
  if (!now && now.error().code == ErrorCode::kNotFound) return {};
  if (!now) return Fail(now.error());
  Attributes wanted = ToAttributes(file.record);
  if (now->etag.value != file.record.etag) {
    // Somebody else's version: what is its content's stays.
    wanted = now->attributes.value_or(Attributes());
    wanted.mode = file.record.mode;
    wanted.mtime = file.record.mtime ? file.record.mtime : wanted.mtime;
  }
  if (now->attributes == wanted) return {};
  const auto set = remote.store->SetAttributes(
      {.key = key, .attributes = wanted, .if_match = now->etag, .size_bytes = now->size_bytes},
      context);
  if (!set) return Fail(set.error());
  return {};
}

}  // namespace

Status KeptFiles::Keep(const Remote& remote, const ObjectKey& key, const OpenFile::View& view) {
  if (files_ == nullptr)
    return Fail(ErrorCode::kNotSupported, "this mount has no place to keep files");
  UnpublishedFile file{.remote = remote.name, .key = key.path, .record = view.record};
  cache::StagingFile* content = nullptr;
  if (view.writer != nullptr && view.writer->dirty()) {
    UnpublishedContent unpublished = TRY(view.writer->Unpublished());
    file.has_content = true;
    file.base_size_bytes = unpublished.base_size_bytes;
    file.base_shown_until_bytes = unpublished.base_shown_until_bytes;
    file.ranges = std::move(unpublished.ranges);
    file.record.size_bytes = unpublished.size_bytes;
    content = unpublished.staged;
  }
  UnpublishedFiles::Number number = 0;
  {
    MutexLock lock(mutex_);
    if (const auto known = numbers_.find(view.record.ino); known != numbers_.end())
      number = known->second;
  }
  number = TRY(files_->Keep(number, file, content));
  MutexLock lock(mutex_);
  numbers_[view.record.ino] = number;
  return {};
}

void KeptFiles::Forget(InodeNumber ino) {
  UnpublishedFiles::Number number = 0;
  {
    MutexLock lock(mutex_);
    const auto node = numbers_.extract(ino);
    if (node.empty()) return;
    number = node.mapped();
  }
  files_->Remove(number);
}

Status KeptFiles::PublishEarlier(const FilesystemParts& parts, std::chrono::milliseconds timeout) {
  if (files_ == nullptr) return {};
  std::vector<UnpublishedFiles::Kept> all = TRY(files_->Load());
  for (UnpublishedFiles::Kept& kept : all) {
    const std::string what = kept.file.remote + ":" + kept.file.key;
    const auto remote =
        std::find_if(parts.remotes.begin(), parts.remotes.end(),
                     [&](const Remote& one) { return one.name == kept.file.remote; });
    if (remote == parts.remotes.end()) {
      Log(LogLevel::kWarning,
          "'{}' is not published, and stays in '{}': this mount does not have that remote", what,
          files_->directory());
      continue;
    }
    const CallContext context{.deadline = clock_.Now() + timeout +
                                          std::chrono::seconds(kept.file.record.size_bytes /
                                                               kSlowestUploadBytesPerSecond)};
    if (const Status published = PublishOne(*remote, kept, context); !published) {
      Log(LogLevel::kError, "'{}' is not published, and stays in '{}': {}", what,
          files_->directory(), published.error().ToString());
    }
  }
  return {};
}

Status KeptFiles::PublishOne(const Remote& remote, UnpublishedFiles::Kept& kept,
                             const CallContext& context) {
  TRY_VOID(kept.file.has_content ? PublishContent(remote, kept, context)
                                 : PublishAttributes(remote, kept.file, context));
  files_->Remove(kept.number);
  return {};
}

Status KeptFiles::PublishContent(const Remote& remote, UnpublishedFiles::Kept& kept,
                                 const CallContext& context) {
  UnpublishedFile& file = kept.file;
  const ObjectKey key(file.key);
  const std::unique_ptr<FileWriter> writer =
      TRY(remote.writes->Open({.key = key, .base = BaseOf(file)}));
  TRY_VOID(Fill(*writer, kept, context));
  const Attributes attributes = ToAttributes(file.record);
  const auto info = writer->Publish({.key = key, .attributes = attributes}, context);
  if (info) {
    Log(LogLevel::kInfo, "'{}:{}', which an earlier mount could not publish, is in the store",
        remote.name, file.key);
    if (!info->attributes || *info->attributes == attributes) return {};
    // The content needs nothing more: from here on the attributes alone are to be kept.
    file.has_content = false;
    file.record.etag = info->etag.value;
    TRY(files_->Keep(kept.number, file, nullptr));
    return PublishAttributes(remote, file, context);
  }
  if (!IsLostUpdate(info.error(), file.record.etag.empty())) return Fail(info.error());
  const ConflictCopy copy =
      TRY(SaveConflictCopy({.writer = *writer,
                            .name = key.name(),
                            .key_beside = [&](std::string_view name) -> Result<ObjectKey> {
                              return key.parent().child(name);
                            },
                            .attributes = attributes,
                            .now = clock_.WallNow()},
                           context));
  Log(LogLevel::kWarning,
      "somebody else changed '{}:{}' while it was not published; what was written here is kept as "
      "'{}'",
      remote.name, file.key, copy.name);
  return {};
}

}  // namespace skybridge::fuse
