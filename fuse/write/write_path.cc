#include "fuse/write/write_path.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/call_wait.h"
#include "core/digest.h"
#include "core/log.h"
#include "core/mutex.h"
#include "fuse/write/base_version.h"
#include "fuse/write/file_content.h"
#include "fuse/write/part_buffers.h"
#include "fuse/write/part_layout.h"
#include "fuse/write/task_crew.h"
#include "fuse/write/turns.h"
#include "fuse/write/upload.h"

namespace skybridge::fuse {
namespace {

class StagedWriter;

// What the writers of one remote share.
class Shared {
 public:
  Shared(ObjectStore& the_store, ReadPath& the_reads, cache::BlockCache* the_cache,
         cache::Staging& the_staging, Clock& the_clock, std::string the_remote_name,
         const WritePath::Options& options)
      : store(the_store),
        reads(the_reads),
        cache(the_cache),
        staging(the_staging),
        clock(the_clock),
        remote_name(std::move(the_remote_name)),
        request_timeout(options.request_timeout),
        first_part_bytes(FirstPart(the_store.capabilities(), options)),
        buffers(first_part_bytes, std::max<std::uint32_t>(1, options.max_parallel_uploads),
                the_clock),
        crew{.store = the_store,
             .clock = the_clock,
             .buffers = buffers,
             .tasks = tasks,
             .layout =
                 PartLayout({.first_part_bytes = first_part_bytes,
                             .largest_part_bytes = LargestPart(the_store.capabilities(), buffers),
                             .max_parts = MaxParts(the_store.capabilities())}),
             .request_timeout = options.request_timeout,
             .on_part_sent = [this] { MakeRoomIfWanted(); }},
        tasks(std::max<std::uint32_t>(1, options.max_parallel_uploads), the_clock) {}

  CallContext Limited(const CallContext& context) const {
    return {.deadline = std::min(context.deadline, clock.Now() + request_timeout),
            .stop = context.stop};
  }
  // A small file's only block.
  cache::BlockId BlockOf(const ObjectKey& key, const ETag& etag) const {
    return {.object = remote_name + ":" + key.path, .etag = etag.value};
  }
  // The largest file that is sent as one Put.
  std::uint64_t max_put_bytes() const {
    return std::min(first_part_bytes, store.capabilities().max_put_bytes);
  }

  void Register(StagedWriter* writer) {
    MutexLock lock(mutex_);
    writers_.push_back(writer);
  }
  void Unregister(StagedWriter* writer) {
    MutexLock lock(mutex_);
    std::erase(writers_, writer);
  }
  std::uint64_t dirty_bytes() const;

  // While one of these lives, a writer waits for room: what the store has leaves staging, now and
  // as parts arrive.
  class RoomWanted {
   public:
    explicit RoomWanted(Shared& shared) : shared_(shared) {
      ++shared_.room_wanted_;
      shared_.MakeRoomIfWanted();
    }
    ~RoomWanted() { --shared_.room_wanted_; }
    RoomWanted(const RoomWanted&) = delete;
    RoomWanted& operator=(const RoomWanted&) = delete;

   private:
    Shared& shared_;
  };

  ObjectStore& store;
  ReadPath& reads;
  cache::BlockCache* const cache;
  cache::Staging& staging;
  Clock& clock;
  const std::string remote_name;
  const std::chrono::milliseconds request_timeout;
  const std::uint64_t first_part_bytes;
  PartBuffers buffers;

 private:
  static std::uint64_t FirstPart(const Capabilities& capabilities,
                                 const WritePath::Options& options) {
    std::uint64_t bytes = std::max(options.part_size_bytes, capabilities.min_part_bytes);
    if (capabilities.max_part_bytes > 0) bytes = std::min(bytes, capabilities.max_part_bytes);
    return std::max<std::uint64_t>(1, bytes);
  }
  static std::uint64_t LargestPart(const Capabilities& capabilities, const PartBuffers& buffers) {
    const std::uint64_t in_memory = buffers.max_bytes();
    if (capabilities.max_part_bytes == 0) return in_memory;
    return std::min(in_memory, capabilities.max_part_bytes);
  }
  static std::uint32_t MaxParts(const Capabilities& capabilities) {
    constexpr std::uint32_t kWhenUnlimited = 50'000;
    return capabilities.max_parts > 0 ? capabilities.max_parts : kWhenUnlimited;
  }
  void MakeRoomIfWanted();

  mutable Mutex mutex_;  // before every writer's own
  std::vector<StagedWriter*> writers_ GUARDED_BY(mutex_);
  std::atomic<int> room_wanted_{0};

 public:
  UploadCrew crew;
  TaskCrew tasks;  // the last member: it ends before what its tasks use
};

// The content of one open file and its way to the store.
class StagedWriter final : public FileWriter {
 public:
  StagedWriter(Shared& shared, const OpenWriterRequest& request,
               std::unique_ptr<cache::StagingFile> staging);
  ~StagedWriter() override {
    shared_.Unregister(this);
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
  void RebaseTo(const ObjectInfo& base) override;

  std::uint64_t unpublished_bytes() const { return content_->unpublished_bytes(); }
  // Gives staged bytes up that the store has, the published ones first; stops after about
  // `wanted_bytes`.
  std::uint64_t MakeRoom(std::uint64_t wanted_bytes);

 private:
  // What the store made of a publication, and the digest it ought to have.
  struct Outcome {
    ObjectInfo info;
    std::optional<std::uint32_t> crc32c;
  };

  Status WriteStaged(std::uint64_t offset_bytes, ByteSpan bytes, const CallContext& context);
  // The upload in progress, after giving up one that the change to `range` makes useless. Errors:
  // kNoSpace. Only within a turn of changes_.
  Result<std::shared_ptr<Upload>> UploadForChange(ByteRange range);
  void SendCompleted(ByteRange range);
  std::shared_ptr<Upload> NewUpload(const ObjectKey& key, const Attributes& attributes)
      REQUIRES(mutex_);
  std::shared_ptr<Upload> CurrentUpload(const PublishRequest& request);
  std::optional<AppendBase> AppendTo() const;
  Conditions ConditionsNow() const;
  // False, and it stays, if bytes of the file are nowhere else any more.
  bool DropUpload() REQUIRES(mutex_);

  Result<Outcome> PublishByPut(const PublishRequest& request, std::uint64_t size_bytes,
                               const Conditions& conditions, const CallContext& context);
  Result<Outcome> PublishByParts(const PublishRequest& request, std::uint64_t size_bytes,
                                 const CallContext& context);
  Result<Outcome> SendAndCommit(Upload& upload, const Attributes& attributes,
                                std::uint64_t size_bytes, const CallContext& context);
  static Status Check(const Outcome& outcome, std::uint64_t size_bytes);
  CallContext Limited(const CallContext& context) const { return shared_.Limited(context); }

  Shared& shared_;
  const std::shared_ptr<BaseVersion>
      base_;  // shared with content that is still being sent, as that is
  const std::shared_ptr<FileContent> content_;

  // One publication at a time; the content may change meanwhile. Comes before changes_.
  Turns publications_;
  // Taken by Write and Truncate from beginning to end, also while they wait for room in staging:
  // changes of one file come one after another, as programs made them. Comes before mutex_.
  Turns changes_;

  mutable Mutex mutex_;  // not held while staging or the network is waited for
  ObjectKey key_ GUARDED_BY(mutex_);
  std::shared_ptr<Upload> upload_ GUARDED_BY(mutex_);
  bool never_published_ GUARDED_BY(mutex_) = false;
  std::uint64_t published_generation_ GUARDED_BY(mutex_) = 0;
};

std::uint64_t Shared::dirty_bytes() const {
  MutexLock lock(mutex_);
  std::uint64_t bytes = 0;
  for (const StagedWriter* writer : writers_) bytes += writer->unpublished_bytes();
  return bytes;
}

void Shared::MakeRoomIfWanted() {
  if (room_wanted_ == 0) return;
  // An eighth at a time: the oldest parts go, the newest may still be rewritten.
  const std::uint64_t enough = staging.capacity_bytes() / 8;
  MutexLock lock(mutex_);
  std::uint64_t freed = 0;
  for (StagedWriter* writer : writers_) {
    if (freed >= enough) return;
    freed += writer->MakeRoom(enough - freed);
  }
}

// --- opening

StagedWriter::StagedWriter(Shared& shared, const OpenWriterRequest& request,
                           std::unique_ptr<cache::StagingFile> staging)
    : shared_(shared),
      base_(std::make_shared<BaseVersion>(shared.reads, request.base)),
      content_(std::make_shared<FileContent>(
          std::move(staging), request.base && !request.truncate ? request.base->size_bytes : 0,
          [base = base_](std::uint64_t offset_bytes, std::span<std::byte> into,
                         const CallContext& context) {
            return base->Read(offset_bytes, into, context);
          })),
      publications_(shared.clock),
      changes_(shared.clock),
      key_(request.key),
      never_published_(!request.base || (request.truncate && request.base->size_bytes > 0)) {
  shared_.Register(this);
}

void StagedWriter::RebaseTo(const ObjectInfo& base) {
  base_->Set(base);
  MutexLock lock(mutex_);
  key_ = base.key;
  // Parts that continue a version continue that one only.
  if (upload_ != nullptr && upload_->origin_bytes() > 0) DropUpload();
}

// --- changing

Status StagedWriter::Write(std::uint64_t offset_bytes, ByteSpan bytes, const CallContext& context) {
  const ByteRange range{offset_bytes, bytes.size()};
  if (bytes.size() > shared_.crew.layout.max_file_bytes() ||
      offset_bytes > shared_.crew.layout.max_file_bytes() - bytes.size()) {
    return Fail(ErrorCode::kTooLarge,
                fmt::format("a file of this store can have {} bytes here at most",
                            shared_.crew.layout.max_file_bytes()));
  }
  if (bytes.empty()) return {};
  const Turns::Turn turn = TRY(changes_.Take(context, "another write"));
  const std::unique_ptr<FileContent::Hold> hold = TRY(content_->HoldForChange(range));
  const std::shared_ptr<Upload> upload = TRY(UploadForChange(range));
  if (upload != nullptr) upload->Touch(range);
  TRY_VOID(WriteStaged(offset_bytes, bytes, context));
  if (upload != nullptr) upload->Touch(range);
  SendCompleted(range);
  return {};
}

Status StagedWriter::WriteStaged(std::uint64_t offset_bytes, ByteSpan bytes,
                                 const CallContext& context) {
  Status written =
      content_->Write(offset_bytes, bytes, {.deadline = shared_.clock.Now(), .stop = context.stop});
  if (written || written.error().code != ErrorCode::kNoSpace) return written;
  const Shared::RoomWanted wanted(shared_);
  return content_->Write(offset_bytes, bytes, context);
}

Status StagedWriter::Truncate(std::uint64_t size_bytes, const CallContext& context) {
  if (size_bytes > shared_.crew.layout.max_file_bytes()) {
    return Fail(ErrorCode::kTooLarge,
                fmt::format("a file of this store can have {} bytes here at most",
                            shared_.crew.layout.max_file_bytes()));
  }
  const Turns::Turn turn = TRY(changes_.Take(context, "another write"));
  const std::uint64_t old_size = content_->size_bytes();
  const std::uint64_t from = std::min(size_bytes, old_size);
  const ByteRange changed{from, std::max(size_bytes, old_size) - from};
  if (changed.empty()) return {};
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
  // Parts that continue the base are of no use once the base itself changes.
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
      const ByteRange first_part{append ? append->size_bytes : 0, shared_.first_part_bytes};
      const bool outgrown =
          content_->size_bytes() > std::max(first_part.end_bytes(), shared_.max_put_bytes());
      if (!outgrown || !content_->IsStaged(first_part)) return;
      upload_ = NewUpload(key_, {});
    }
    upload = upload_;
  }
  upload->SendCompleted(range);
}

std::optional<AppendBase> StagedWriter::AppendTo() const {
  const std::optional<ObjectInfo> base = base_->info();
  const bool can = shared_.store.capabilities().append && base && !base->etag.empty() &&
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
  return std::make_shared<Upload>(shared_.crew, content_,
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

// --- publishing

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
    by_put = size <= shared_.max_put_bytes() && DropUpload();
  }
  const Outcome outcome = TRY(by_put ? PublishByPut(request, size, ConditionsNow(), context)
                                     : PublishByParts(request, size, context));
  // Ours, also when it came out wrong: the next attempt may replace it.
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

// What the store says it has must be what we sent.
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

Result<StagedWriter::Outcome> StagedWriter::PublishByPut(const PublishRequest& request,
                                                         std::uint64_t size_bytes,
                                                         const Conditions& conditions,
                                                         const CallContext& context) {
  const PartBuffers::Lease buffer = TRY(shared_.buffers.Take(size_bytes, context));
  const ByteSpan body = buffer.span();
  const std::size_t got = TRY(content_->Read(0, buffer.span(), context));
  if (got != size_bytes) {
    return Fail(Error{.code = ErrorCode::kConflict,
                      .message = "the file was cut while it was published",
                      .retryable = true});
  }
  const PutRequest put{
      .key = request.key, .body = body, .attributes = request.attributes, .conditions = conditions};
  Outcome outcome{.info = TRY(shared_.store.Put(put, Limited(context))), .crc32c = std::nullopt};
  if (outcome.info.digests.crc32c) outcome.crc32c = Crc32c(body);
  if (shared_.cache != nullptr && size_bytes > 0 && Check(outcome, size_bytes))
    shared_.cache->Write(shared_.BlockOf(request.key, outcome.info.etag), body);
  return outcome;
}

// The upload that leads to request.key, if it can: a renamed file starts again from staging, or,
// when bytes of it have left staging, is committed under its old name and moved then.
std::shared_ptr<Upload> StagedWriter::CurrentUpload(const PublishRequest& request) {
  MutexLock lock(mutex_);
  if (upload_ != nullptr && upload_->key() != request.key) DropUpload();
  if (upload_ == nullptr) upload_ = NewUpload(request.key, request.attributes);
  return upload_;
}

Result<StagedWriter::Outcome> StagedWriter::PublishByParts(const PublishRequest& request,
                                                           std::uint64_t size_bytes,
                                                           const CallContext& context) {
  const std::shared_ptr<Upload> upload = CurrentUpload(request);
  Result<Outcome> outcome = SendAndCommit(*upload, request.attributes, size_bytes, context);
  if (!outcome && outcome.error().code == ErrorCode::kNotFound) {
    MutexLock lock(mutex_);
    DropUpload();  // an upload that the store has forgotten can only be made anew
  }
  if (!outcome || upload->key() == request.key) return outcome;
  RenameRequest rename{.source = outcome->info.key, .destination = request.key};
  if (!outcome->info.etag.empty()) rename.source_if_match = outcome->info.etag;
  rename.destination_conditions = ConditionsNow();
  outcome->info = TRY(shared_.store.Rename(rename, Limited(context)));
  return outcome;
}

Result<StagedWriter::Outcome> StagedWriter::SendAndCommit(Upload& upload,
                                                          const Attributes& attributes,
                                                          std::uint64_t size_bytes,
                                                          const CallContext& context) {
  const std::vector<PartReceipt> parts = TRY(upload.SendAll(size_bytes, context));
  const std::optional<ObjectInfo> base = base_->info();
  Conditions conditions = ConditionsNow();
  // Under a name that the file no longer has, nothing may be replaced.
  if (base && base->key != upload.key())
    conditions = {.if_match = std::nullopt, .must_not_exist = true};
  Outcome outcome{.info = TRY(upload.Commit(parts, attributes, conditions, Limited(context))),
                  .crc32c = std::nullopt};
  if (upload.origin_bytes() > 0) return outcome;  // we know the digest of what was added only
  outcome.crc32c = 0;
  for (const PartReceipt& part : parts) {
    outcome.crc32c = CombineCrc32c(*outcome.crc32c, part.crc32c, part.size_bytes);
  }
  return outcome;
}

Result<ObjectInfo> StagedWriter::PublishConflictCopy(const ObjectKey& key,
                                                     const Attributes& attributes,
                                                     const CallContext& context) {
  const Turns::Turn turn = TRY(publications_.Take(context, "another publication"));
  {
    MutexLock lock(mutex_);
    if (!DropUpload()) {
      return Fail(
          ErrorCode::kNoSpace,
          fmt::format("no conflict copy '{}': parts of the file have left staging", key.path));
    }
  }
  const Conditions conditions{.if_match = std::nullopt, .must_not_exist = true};
  const std::uint64_t size = content_->size_bytes();
  Result<Outcome> outcome = Fail(ErrorCode::kInternal, "");
  if (size <= shared_.max_put_bytes()) {
    outcome = PublishByPut({.key = key, .attributes = attributes}, size, conditions, context);
  } else {
    const auto copy = std::make_shared<Upload>(
        shared_.crew, content_,
        UploadPlan{.key = key, .attributes = attributes, .conditions = conditions});
    outcome = SendAndCommit(*copy, attributes, size, context);
    if (!outcome) copy->Abandon();
  }
  if (!outcome) return Fail(outcome.error());
  TRY_VOID(Check(*outcome, size));
  return outcome->info;
}

class StagedWritePath final : public WritePath {
 public:
  StagedWritePath(ObjectStore& store, ReadPath& reads, cache::BlockCache* block_cache,
                  cache::Staging& staging, Clock& clock, std::string remote_name,
                  const Options& options)
      : shared_(store, reads, block_cache, staging, clock, std::move(remote_name), options) {}

  Result<std::unique_ptr<FileWriter>> Open(const OpenWriterRequest& request) override {
    std::unique_ptr<cache::StagingFile> staging = TRY(shared_.staging.Create());
    return std::make_unique<StagedWriter>(shared_, request, std::move(staging));
  }
  Result<std::optional<ObjectInfo>> PutAgain(const ObjectInfo& version,
                                             const Attributes& attributes,
                                             const CallContext& context) override;
  std::uint64_t dirty_bytes() const override { return shared_.dirty_bytes(); }

 private:
  Shared shared_;
};

Result<std::optional<ObjectInfo>> StagedWritePath::PutAgain(const ObjectInfo& version,
                                                            const Attributes& attributes,
                                                            const CallContext& context) {
  const std::optional<ObjectInfo> not_here;
  const std::uint64_t size = version.size_bytes;
  if (shared_.cache == nullptr || size > shared_.max_put_bytes()) return not_here;
  const PartBuffers::Lease buffer = TRY(shared_.buffers.Take(size, context));
  const cache::BlockId block = shared_.BlockOf(version.key, version.etag);
  if (size > 0 && !shared_.cache->Read(block, 0, buffer.span())) return not_here;
  const ByteSpan body = buffer.span();
  if (version.digests.crc32c && *version.digests.crc32c != Crc32c(body)) return not_here;
  ObjectInfo info = TRY(shared_.store.Put({.key = version.key,
                                           .body = body,
                                           .attributes = attributes,
                                           .conditions = {.if_match = version.etag}},
                                          shared_.Limited(context)));
  if (size > 0) {
    shared_.cache->Write(shared_.BlockOf(version.key, info.etag), body);
    shared_.cache->Drop(block.object, block.etag);
  }
  return std::optional<ObjectInfo>(std::move(info));
}

}  // namespace

std::unique_ptr<WritePath> WritePath::Create(ObjectStore& store, ReadPath& reads,
                                             cache::BlockCache* block_cache,
                                             cache::Staging& staging, Clock& clock,
                                             std::string remote_name, const Options& options) {
  return std::make_unique<StagedWritePath>(store, reads, block_cache, staging, clock,
                                           std::move(remote_name), options);
}

}  // namespace skybridge::fuse
