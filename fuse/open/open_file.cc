#include "fuse/open/open_file.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/call_wait.h"
#include "core/log.h"
#include "fuse/inode_record.h"
#include "fuse/open/detached_content.h"

namespace skybridge::fuse {
namespace {

constexpr std::size_t kCopyBytes = 1 << 20;

tl::unexpected<Error> Stale(const std::string& name) {
  return Fail(ErrorCode::kPreconditionFailed,
              "'" + name + "' is no longer the version that was opened");
}

// The object has gone altogether: for a handle that is the same as another version.
template <class Outcome>
Outcome OrStale(Outcome outcome) {
  if (!outcome && outcome.error().code == ErrorCode::kNotFound)
    outcome.error().code = ErrorCode::kPreconditionFailed;
  return outcome;
}

// Where modes and owners are the account's own, a new version may have others than were asked for.
void TakeOwner(const ObjectInfo& info, cache::InodeRecord& record) {
  if (!info.attributes || !info.attributes->access) return;
  record.mode = info.attributes->mode;
  record.uid = info.attributes->uid;
  record.gid = info.attributes->gid;
  record.access = info.attributes->access;
}

}  // namespace

OpenFile::OpenFile(const Remote& remote, const cache::InodeRecord& record, FileState state)
    : remote_(remote),
      ino_(record.ino),
      place_{record.parent, record.name},
      state_(state),
      record_(record) {}

Result<std::unique_ptr<OpenFile::Turn>> OpenFile::Turn::Take(OpenFile& file, const Clock& clock,
                                                             const CallContext& context) {
  MutexLock lock(file.turn_mutex_);
  while (file.turn_taken_) {
    TRY_VOID(WaitWithin(context, clock, file.turn_ended_, file.turn_mutex_,
                        "a close, rename or removal of the file"));
  }
  file.turn_taken_ = true;
  return std::unique_ptr<Turn>(new Turn(file));
}

OpenFile::Turn::~Turn() {
  MutexLock lock(file_.turn_mutex_);
  file_.turn_taken_ = false;
  file_.turn_ended_.NotifyAll();
}

std::uint64_t OpenFile::SizeLocked() const {
  return writer_ ? writer_->size_bytes() : record_.size_bytes;
}

OpenFile::View OpenFile::view() const {
  MutexLock lock(mutex_);
  View view{.place = place_,
            .state = state_,
            .record = record_,
            .writer = writer_,
            .attributes_dirty = attributes_dirty_,
            .attributes_generation = attributes_generation_,
            .mtime_set = mtime_set_};
  view.record.size_bytes = SizeLocked();
  return view;
}

Status OpenFile::CheckUsableLocked() const {
  if (state_ == FileState::kLost) return Stale(place_.name);
  return {};
}

Status OpenFile::OpenContentLocked(const PrepareRequest& request, const ObjectKey& key) {
  TRY_VOID(CheckUsableLocked());
  if (state_ == FileState::kUnlinked && !writer_ && !reader_) return Stale(place_.name);
  if (request.write && !writer_) {
    OpenWriterRequest open{.key = key, .truncate = request.truncate};
    if (state_ != FileState::kNew) open.base = ToObjectInfo(record_, key);
    writer_ = TRY(remote_.writes->Open(open));
    TellWriterLocked();
  } else if (!writer_ && !reader_) {
    reader_ = remote_.reads->Open(key, ETag(record_.etag), record_.size_bytes);
  }
  return {};
}

Result<std::unique_ptr<OpenFile::WritingRight>> OpenFile::Prepare(const PrepareRequest& request,
                                                                  const CallContext& context) {
  std::unique_ptr<WritingRight> right;
  bool had_writer = false;
  {
    const std::shared_lock gate(content_gate_);
    const HeldKey held = TRY(request.hold());
    MutexLock lock(mutex_);
    had_writer = writer_ != nullptr;
    TRY_VOID(OpenContentLocked(request, held.key));
    // In the same step: nobody may find the writer idle between the two.
    if (request.write) {
      right.reset(new WritingRight(*this));
      ++writing_rights_;
    }
    if (request.truncate && !had_writer) TouchLocked(request.now);
    if (request.truncate && request.drop_set_id) DropSetIdLocked();
  }
  if (request.truncate && had_writer) TRY_VOID(Truncate(0, request.now, context));
  return right;
}

void OpenFile::EndWriting() {
  MutexLock lock(mutex_);
  --writing_rights_;
}

std::uint64_t OpenFile::writers() const {
  MutexLock lock(mutex_);
  return writing_rights_;
}

void OpenFile::DropIdleWriter(const ObjectKey& key) {
  MutexLock lock(mutex_);
  if (writing_rights_ > 0 || state_ != FileState::kPublished || !writer_ || writer_->dirty())
    return;
  record_.size_bytes = SizeLocked();
  writer_.reset();
  reader_ = remote_.reads->Open(key, ETag(record_.etag), record_.size_bytes);
}

void OpenFile::ReopenReader(const ObjectKey& key) {
  MutexLock lock(mutex_);
  if (reader_) reader_ = remote_.reads->Open(key, ETag(record_.etag), record_.size_bytes);
}

Result<std::size_t> OpenFile::Read(std::uint64_t offset_bytes, std::span<std::byte> into,
                                   const CallContext& context) {
  const std::shared_lock gate(content_gate_);
  std::shared_ptr<FileWriter> writer;
  std::shared_ptr<FileReader> reader;
  {
    MutexLock lock(mutex_);
    TRY_VOID(CheckUsableLocked());
    writer = writer_;
    reader = reader_;
  }
  auto got = writer ? writer->Read(offset_bytes, into, context)
                    : reader->Read(offset_bytes, into, context);
  return OrStale(std::move(got));
}

void OpenFile::TouchLocked(WallTime now) {
  record_.mtime = now;
  record_.ctime = now;
  if (std::exchange(mtime_set_, false)) TellWriterLocked();
}

void OpenFile::TellWriterLocked() {
  if (!writer_) return;
  Attributes attributes = ToAttributes(record_);
  if (!mtime_set_) attributes.mtime.reset();  // it still moves with each write
  writer_->NoteAttributes(attributes);
}

Result<std::uint64_t> OpenFile::Write(std::optional<std::uint64_t> offset_bytes, ByteSpan bytes,
                                      bool drop_set_id, WallTime now, const CallContext& context) {
  const std::shared_lock gate(content_gate_);
  std::shared_ptr<FileWriter> writer;
  {
    MutexLock lock(mutex_);
    TRY_VOID(CheckUsableLocked());
    writer = writer_;
  }
  if (!writer) return Fail(ErrorCode::kInternal, "write to a file that is not open for writing");
  // Appending writes of one mount come one after the other: the kernel holds the inode's lock.
  const std::uint64_t at = offset_bytes ? *offset_bytes : writer->size_bytes();
  TRY_VOID(OrStale(writer->Write(at, bytes, context)));
  MutexLock lock(mutex_);
  TouchLocked(now);
  if (drop_set_id) DropSetIdLocked();
  return at;
}

void OpenFile::DropSetIdLocked() {
  if (!DropSetId(record_)) return;
  attributes_dirty_ = true;
  ++attributes_generation_;
  TellWriterLocked();
}

Status OpenFile::Truncate(std::uint64_t size_bytes, WallTime now, const CallContext& context) {
  const std::shared_lock gate(content_gate_);
  std::shared_ptr<FileWriter> writer;
  {
    MutexLock lock(mutex_);
    TRY_VOID(CheckUsableLocked());
    writer = writer_;
  }
  if (!writer) return Fail(ErrorCode::kInternal, "truncate of a file that is not open for writing");
  TRY_VOID(writer->Truncate(size_bytes, context));
  MutexLock lock(mutex_);
  TouchLocked(now);
  return {};
}

void OpenFile::ChangeAttributes(const std::function<void(cache::InodeRecord&)>& change,
                                WallTime now) {
  MutexLock lock(mutex_);
  const std::optional<WallTime> before = std::exchange(record_.mtime, std::nullopt);
  change(record_);
  if (record_.mtime) {
    mtime_set_ = true;
  } else {
    record_.mtime = before;
  }
  TellWriterLocked();
  record_.ctime = now;
  attributes_dirty_ = true;
  ++attributes_generation_;
}

void OpenFile::RestoreAttributes(const View& before) {
  MutexLock lock(mutex_);
  const cache::InodeRecord now = std::exchange(record_, before.record);
  record_.etag = now.etag;
  record_.size_bytes = now.size_bytes;
  record_.last_modified = now.last_modified;
  attributes_dirty_ = before.attributes_dirty;
  mtime_set_ = before.mtime_set;
  TellWriterLocked();
}

cache::InodeRecord OpenFile::Published(const ObjectInfo& info,
                                       const std::shared_ptr<FileWriter>& by,
                                       std::uint64_t generation, WallTime now) {
  MutexLock lock(mutex_);
  if (state_ == FileState::kNew) state_ = FileState::kPublished;
  record_.etag = info.etag.value;
  record_.size_bytes = info.size_bytes;
  record_.last_modified = info.last_modified;
  record_.learned_at = now;
  if (generation == attributes_generation_) {
    // Only such a store fixes the attributes of a file before the last of them may be known.
    const bool fixes = by && remote_.store->capabilities().set_attributes_rewrites;
    attributes_dirty_ = fixes && !HasAttributes(info, record_, !mtime_set_);
    const bool mtime_left_to_store = fixes && info.attributes && !info.attributes->mtime;
    if (mtime_left_to_store && !mtime_set_ && !by->dirty()) record_.mtime.reset();
    TakeOwner(info, record_);
  }
  if (writer_ && writer_ != by) writer_->RebaseTo(info);
  if (reader_) reader_ = remote_.reads->Open(info.key, info.etag, info.size_bytes);
  cache::InodeRecord published = record_;
  published.parent = place_.parent;
  published.name = place_.name;
  return published;
}

void OpenFile::Moved(const Place& place, const ObjectInfo& info, WallTime now) {
  MutexLock lock(mutex_);
  place_ = place;
  record_.parent = place.parent;
  record_.name = place.name;
  record_.etag = info.etag.value;
  record_.last_modified = info.last_modified;
  record_.ctime = now;
  if (writer_) writer_->RebaseTo(info);
  if (reader_) reader_ = remote_.reads->Open(info.key, info.etag, info.size_bytes);
}

void OpenFile::SetPlace(const Place& place) {
  MutexLock lock(mutex_);
  place_ = place;
  record_.parent = place.parent;
  record_.name = place.name;
}

void OpenFile::SetState(FileState state) {
  MutexLock lock(mutex_);
  state_ = state;
}

Status OpenFile::LoseName(cache::Staging* staging, const std::function<Status()>& remove,
                          const CallContext& copying) {
  const std::unique_lock gate(content_gate_);
  std::unique_ptr<FileWriter> kept;
  if (staging != nullptr) {
    auto copy = CopyContent(*staging, copying);
    if (copy) {
      kept = *std::move(copy);
    } else {
      Log(LogLevel::kWarning, "unlink: readers of '{}' will lose its content: {}",
          view().place.name, copy.error().ToString());
    }
  }
  TRY_VOID(remove());
  MutexLock lock(mutex_);
  state_ = FileState::kUnlinked;
  if (kept) {
    writer_ = std::move(kept);
    reader_.reset();
  }
  return {};
}

Result<std::unique_ptr<FileWriter>> OpenFile::CopyContent(cache::Staging& staging,
                                                          const CallContext& context) {
  std::shared_ptr<FileWriter> writer;
  std::shared_ptr<FileReader> reader;
  std::uint64_t size_bytes = 0;
  {
    MutexLock lock(mutex_);
    const bool in_store = state_ == FileState::kPublished || state_ == FileState::kReplaced;
    const bool prepared =
        writer_ || reader_;  // else it is being opened just now, and nobody has read it yet
    if (!in_store || !prepared) return std::unique_ptr<FileWriter>();
    writer = writer_;
    reader = reader_;
    size_bytes = SizeLocked();
  }
  std::unique_ptr<cache::StagingFile> copy = TRY(staging.Create());
  std::vector<std::byte> buffer(kCopyBytes);
  for (std::uint64_t offset = 0; offset < size_bytes;) {
    const std::size_t got =
        TRY(writer ? writer->Read(offset, buffer, context) : reader->Read(offset, buffer, context));
    if (got == 0) return Fail(ErrorCode::kCorrupt, "the content ended before its size");
    TRY_VOID(copy->Write(offset, ByteSpan(buffer).first(got), context));
    offset += got;
  }
  return std::unique_ptr<FileWriter>(
      std::make_unique<DetachedContent>(std::move(copy), size_bytes));
}

}  // namespace skybridge::fuse
