// How the content of a file reaches the store: whole, conditional on the version it began with.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/digest.h"
#include "fuse/write/staged_writer.h"
#include "fuse/write/written_ranges.h"

namespace skybridge::fuse {
namespace {

// Where a piece of another content lies in a stream that is put together of such pieces.
struct StreamPiece {
  ByteRange at;
  std::uint64_t source_offset_bytes = 0;
};

// Fills `into` from the stream of `header` and `pieces`.
Status ReadStream(FileContent& source, std::string_view header,
                  const std::vector<StreamPiece>& pieces, std::uint64_t offset_bytes,
                  std::span<std::byte> into, const CallContext& context) {
  const ByteRange wanted{offset_bytes, into.size()};
  const ByteRange of_header = Intersect(wanted, {0, header.size()});
  if (!of_header.empty()) {
    const ByteSpan bytes = AsBytes(header.substr(of_header.offset_bytes, of_header.length_bytes));
    std::copy(bytes.begin(), bytes.end(), into.begin());
  }
  auto piece = std::partition_point(pieces.begin(), pieces.end(), [&](const StreamPiece& p) {
    return p.at.end_bytes() <= offset_bytes;
  });
  for (; piece != pieces.end() && piece->at.offset_bytes < wanted.end_bytes(); ++piece) {
    const ByteRange part = Intersect(wanted, piece->at);
    const std::uint64_t from =
        piece->source_offset_bytes + part.offset_bytes - piece->at.offset_bytes;
    const std::span<std::byte> place =
        into.subspan(part.offset_bytes - offset_bytes, part.length_bytes);
    const std::size_t got = TRY(source.Read(from, place, context));
    if (got != place.size()) return Fail(ErrorCode::kInternal, "a written range lies past the end");
  }
  return {};
}

}  // namespace

Result<ObjectInfo> StagedWriter::Publish(const PublishRequest& request,
                                         const CallContext& context) {
  const Turns::Turn turn = TRY(publications_.Take(context, "another publication"));
  std::uint64_t generation = 0;
  std::uint64_t size = 0;
  bool by_put = false;
  {
    const Turns::Turn unchanged = TRY(changes_.Take(context, "a write that goes on"));
    MutexLock lock(mutex_);
    generation = content_->BeginPublish();
    const std::optional<ObjectInfo> base = base_->info();
    if (!never_published_ && generation == published_generation_ && base->key == request.key)
      return *base;
    size = content_->size_bytes();
    by_put = size <= crew_.max_put_bytes() && DropUpload();
  }
  const Outcome outcome = TRY(by_put ? PublishByPut(*content_, request, ConditionsNow(), context)
                                     : PublishByParts(request, size, context));
  // The new version is ours even if Check finds it damaged: the next attempt may replace it.
  base_->Set(outcome.info);
  MutexLock lock(mutex_);
  if (upload_ != nullptr) upload_->Retire();
  upload_ = nullptr;
  key_ = outcome.info.key;
  never_published_ = true;
  TRY_VOID(Check(outcome, size));
  content_->EndPublish(size);
  never_published_ = false;
  published_generation_ = generation;
  return outcome.info;
}

// The store must have what was sent.
Status StagedWriter::Check(const Outcome& outcome, std::uint64_t size_bytes) {
  const ObjectInfo& info = outcome.info;
  if (info.size_bytes != size_bytes) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("publish '{}': the store has {} bytes, {} were sent", info.key.path,
                            info.size_bytes, size_bytes));
  }
  if (outcome.crc32c && info.digests.crc32c && *outcome.crc32c != *info.digests.crc32c) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("publish '{}': the store's digest is not that of what was sent",
                            info.key.path));
  }
  return {};
}

Result<StagedWriter::Outcome> StagedWriter::PublishByPut(FileContent& content,
                                                         const PublishRequest& request,
                                                         const Conditions& conditions,
                                                         const CallContext& context) {
  const std::uint64_t size_bytes = content.size_bytes();
  const PartBuffers::Lease buffer = TRY(crew_.buffers.Take(size_bytes, context));
  const ByteSpan body = buffer.span();
  const std::size_t got = TRY(content.Read(0, buffer.span(), context));
  if (got != size_bytes) {
    return Fail(Error{.code = ErrorCode::kConflict,
                      .message = "the file was cut while it was published",
                      .retryable = true});
  }
  const PutRequest put{
      .key = request.key, .body = body, .attributes = request.attributes, .conditions = conditions};
  Outcome outcome{.info = TRY(crew_.store.Put(put, Limited(context))), .crc32c = std::nullopt};
  if (outcome.info.digests.crc32c) outcome.crc32c = Crc32c(body);
  if (crew_.cache != nullptr && size_bytes > 0 && Check(outcome, size_bytes))
    crew_.cache->Write(crew_.BlockOf(request.key, outcome.info.etag), body);
  return outcome;
}

Attributes StagedWriter::ForUpload(const PublishRequest& request) const {
  Attributes attributes = request.attributes;
  if (request.mtime_is_of_last_write && crew_.store.capabilities().set_attributes_rewrites)
    attributes.mtime.reset();
  return attributes;
}

// The upload that leads to request.key. A renamed file is sent again from staging; if bytes of it
// have left staging, the upload in progress is committed under the old name and the object is moved.
std::shared_ptr<Upload> StagedWriter::CurrentUpload(const PublishRequest& request) {
  MutexLock lock(mutex_);
  if (upload_ != nullptr && upload_->key() != request.key) DropUpload();
  if (upload_ == nullptr) upload_ = NewUpload(request.key, ForUpload(request));
  return upload_;
}

Result<StagedWriter::Outcome> StagedWriter::PublishByParts(const PublishRequest& request,
                                                           std::uint64_t size_bytes,
                                                           const CallContext& context) {
  const std::shared_ptr<Upload> upload = CurrentUpload(request);
  Result<Outcome> outcome = SendAndCommit(*upload, request, size_bytes, context);
  if (!outcome && outcome.error().code == ErrorCode::kNotFound) {
    MutexLock lock(mutex_);
    DropUpload();  // the store has no such upload any more: the next attempt starts a new one
  }
  if (!outcome || upload->key() == request.key) return outcome;
  RenameRequest rename{.source = outcome->info.key, .destination = request.key};
  if (!outcome->info.etag.empty()) rename.source_if_match = outcome->info.etag;
  rename.destination_conditions = ConditionsNow();
  outcome->info = TRY(crew_.store.Rename(rename, Limited(context)));
  return outcome;
}

Result<StagedWriter::Outcome> StagedWriter::SendAndCommit(Upload& upload,
                                                          const PublishRequest& request,
                                                          std::uint64_t size_bytes,
                                                          const CallContext& context) {
  const std::vector<PartReceipt> parts = TRY(upload.SendAll(size_bytes, context));
  const std::optional<ObjectInfo> base = base_->info();
  Conditions conditions = ConditionsNow();
  // The file was renamed: whatever has its old name now belongs to somebody else.
  if (base && base->key != upload.key())
    conditions = {.if_match = std::nullopt, .must_not_exist = true};
  // A store that fixes attributes when the upload is started would write the whole object anew for
  // other ones: that is a step of its own, and its failure does not undo the commit.
  const bool fixed = crew_.store.capabilities().set_attributes_rewrites;
  const Attributes& attributes = fixed ? upload.attributes() : request.attributes;
  Outcome outcome{.info = TRY(upload.Commit(parts, attributes, conditions, Limited(context))),
                  .crc32c = std::nullopt};
  if (upload.origin_bytes() > 0) return outcome;  // the digest of the base is not known here
  outcome.crc32c = 0;
  for (const PartReceipt& part : parts) {
    outcome.crc32c = CombineCrc32c(*outcome.crc32c, part.crc32c, part.size_bytes);
  }
  return outcome;
}

Result<ObjectInfo> StagedWriter::PublishConflictCopy(const ObjectKey& key,
                                                     const Attributes& attributes,
                                                     const CallContext& context) {
  const Turns::Turn publication = TRY(publications_.Take(context, "another publication"));
  const Turns::Turn unchanged = TRY(changes_.Take(context, "a write that goes on"));
  return PublishApart(content_, {.key = key, .attributes = attributes}, context);
}

Result<ObjectInfo> StagedWriter::PublishWrittenRanges(const ObjectKey& key, std::string_view name,
                                                      const Attributes& attributes,
                                                      const CallContext& context) {
  const Turns::Turn publication = TRY(publications_.Take(context, "another publication"));
  const Turns::Turn unchanged = TRY(changes_.Take(context, "a write that goes on"));
  const std::shared_ptr<FileContent> written = TRY(WrittenRangesOf(name));
  return PublishApart(written, {.key = key, .attributes = attributes}, context);
}

Result<UnpublishedContent> StagedWriter::Unpublished() {
  FileContent::Changes staged = TRY(content_->Staged());
  const std::optional<ObjectInfo> base = base_->info();
  return UnpublishedContent{.size_bytes = staged.size_bytes,
                            .base_size_bytes = base ? base->size_bytes : 0,
                            .base_shown_until_bytes = staged.base_shown_until_bytes,
                            .ranges = std::move(staged.ranges),
                            .staged = &content_->staging()};
}

Result<ObjectInfo> StagedWriter::PublishApart(const std::shared_ptr<FileContent>& content,
                                              const PublishRequest& request,
                                              const CallContext& context) {
  {
    MutexLock lock(mutex_);
    if (!DropUpload()) {
      return Fail(ErrorCode::kNoSpace,
                  fmt::format("no conflict copy '{}': parts of the file have left staging",
                              request.key.path));
    }
  }
  const Conditions conditions{.if_match = std::nullopt, .must_not_exist = true};
  const std::uint64_t size = content->size_bytes();
  Result<Outcome> outcome = Fail(ErrorCode::kInternal, "");
  if (size <= crew_.max_put_bytes()) {
    outcome = PublishByPut(*content, request, conditions, context);
  } else {
    const auto copy = std::make_shared<Upload>(
        crew_.uploads, content,
        UploadPlan{.key = request.key, .attributes = request.attributes, .conditions = conditions});
    outcome = SendAndCommit(*copy, request, size, context);
    if (!outcome) copy->Abandon();
  }
  if (!outcome) return Fail(outcome.error());
  TRY_VOID(Check(*outcome, size));
  return outcome->info;
}

Result<std::shared_ptr<FileContent>> StagedWriter::WrittenRangesOf(std::string_view name) {
  const FileContent::Changes changes = content_->changes();
  WrittenRanges written{.name = std::string(name),
                        .base_shown_until_bytes = changes.base_shown_until_bytes,
                        .size_bytes = changes.size_bytes,
                        .ranges = changes.ranges};
  if (const std::optional<ObjectInfo> base = base_->info()) {
    written.base_etag = base->etag.value;
    written.base_size_bytes = base->size_bytes;
  }
  const std::string header = EncodeHeader(written);
  std::vector<StreamPiece> pieces;
  std::uint64_t total = header.size();
  for (const ByteRange& range : written.ranges) {
    pieces.push_back(
        {.at = {total, range.length_bytes}, .source_offset_bytes = range.offset_bytes});
    total += range.length_bytes;
  }
  // The stream is the "base" of a content in which nothing is staged: it is put together as it is
  // read, and takes no room in staging.
  std::unique_ptr<cache::StagingFile> nothing = TRY(crew_.staging.Create());
  return std::make_shared<FileContent>(
      std::move(nothing), total,
      [content = content_, header, pieces = std::move(pieces)](
          std::uint64_t offset_bytes, std::span<std::byte> into, const CallContext& context) {
        return ReadStream(*content, header, pieces, offset_bytes, into, context);
      });
}

}  // namespace skybridge::fuse
