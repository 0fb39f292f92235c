// Files: open, read, write, and how what was written reaches the store.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/log.h"
#include "fuse/filesystem/filesystem_impl.h"
#include "fuse/inode_record.h"
#include "fuse/names/name_codec.h"
#include "fuse/write/conflict_copy.h"

namespace skybridge::fuse {
namespace {

using cache::InodeKind;
using cache::InodeRecord;

// How long a change of attributes may wait for another one, and until it is tried again.
constexpr std::chrono::milliseconds kAttributeDelay{1'000};
constexpr std::chrono::milliseconds kAttributeRetry{10'000};
constexpr int kMaxTriesToOpen = 3;

CallContext ForPublish(CallContext context, std::uint64_t size_bytes) {
  if (context.deadline != MonotonicTime::max()) {
    context.deadline += std::chrono::seconds(size_bytes / kSlowestUploadBytesPerSecond);
  }
  return context;
}

}  // namespace

Result<std::shared_ptr<FileHandle>> FilesystemImpl::FindHandle(HandleId id) const {
  auto handle = files_.Find(id);
  if (!handle) return Fail(ErrorCode::kInvalidArgument, "no such file handle");
  return handle;
}

std::shared_ptr<OpenFile> FilesystemImpl::OpenShared(const InodeRecord& record,
                                                     const Remote& remote) {
  while (true) {
    // `record` may be older than what this mount has published, renamed or removed meanwhile: all
    // that goes through an open file, and so may what is read now until the file is opened here.
    const std::uint64_t closed_files = inodes_.closed_files();
    const auto newest = names_.cache().Get(record.ino);
    const bool gone = newest && !*newest;
    bool made = false;
    auto file = inodes_.Open(record.ino, [&]() -> std::shared_ptr<OpenFile> {
      if (inodes_.closed_files() != closed_files) return nullptr;
      made = true;
      return std::make_shared<OpenFile>(remote, newest && *newest ? **newest : record,
                                        gone ? FileState::kUnlinked : FileState::kPublished);
    });
    if (!file) continue;
    if (!made || !HasOtherVersion(*file)) return file;
    inodes_.Close(record.ino);  // learned while it was being opened
  }
}

// From when it is in the table, a new version that is learned has another number.
bool FilesystemImpl::HasOtherVersion(const OpenFile& file) {
  const auto newest = names_.cache().Get(file.ino());
  return newest && *newest && (*newest)->etag != file.view().record.etag;
}

Result<std::shared_ptr<OpenFile>> FilesystemImpl::OpenNewest(InodeNumber ino,
                                                             const CallContext& context) {
  for (int attempt = 1;; ++attempt) {
    const InodeRecord record = TRY(RecordOf(ino, context));
    if (record.kind != InodeKind::kFile) return Fail(ErrorCode::kIsDirectory, "not a file");
    auto file = OpenShared(record, *TRY(RemoteHolding(ino)));
    // A directory above it was renamed object by object meanwhile: it has another version.
    const bool distrusted = file->view().record.learned_at == WallTime{};
    if (!distrusted || attempt == kMaxTriesToOpen) return file;
    inodes_.Close(ino);
  }
}

// The kernel then looks the name up again, and opens what is there now.
Status FilesystemImpl::CheckNewest(const OpenFile& file) {
  const OpenFile::View view = file.view();
  if (view.state != FileState::kReplaced && view.state != FileState::kLost) return {};
  return Fail(ErrorCode::kPreconditionFailed,
              "'" + view.place.name + "' has been replaced in the store");
}

HandleId FilesystemImpl::AddHandle(OpenUser& user, OpenFlags flags, std::uint32_t pid,
                                   std::unique_ptr<OpenFile::WritingRight> right) {
  return files_.Add(std::make_shared<FileHandle>(FileHandle{
      .file = user.Keep(), .flags = flags, .opened_by = pid, .right = std::move(right)}));
}

Result<OpenFile::HeldKey> FilesystemImpl::HoldKeyOf(const OpenFile& file,
                                                    const CallContext& context) {
  const OpenFile::View view = file.view();
  if (view.state == FileState::kUnlinked) return OpenFile::HeldKey{};
  HeldForUse held = TRY(names_.HoldChild(view.place.parent, view.place.name, context));
  return OpenFile::HeldKey{.key = held.at.front().key, .guard = std::move(held.guard)};
}

Result<CreateReply> FilesystemImpl::CreateFile(InodeNumber parent, std::string_view name,
                                               std::uint32_t mode, OpenFlags flags,
                                               const Call& call) {
  TRY_VOID(CheckWritable());
  const Location location = TRY(names_.LocateNew(parent, name, call.context));
  if (inodes_.FindUnpublished(parent, name))
    return Fail(ErrorCode::kAlreadyExists, "the file exists");
  InodeRecord record = TRY(NewRecord(parent, name, InodeKind::kFile, mode, call));
  record.ino = TRY(names_.cache().AllocateInode());
  OpenUser user(inodes_, inodes_.Open(record.ino, [&] {
    return std::make_shared<OpenFile>(*location.remote, record, FileState::kNew);
  }));
  const std::shared_ptr<OpenFile> file = user.file();
  auto right = TRY(file->Prepare({.hold = [&] { return OpenFile::HeldKey{.key = location.key}; },
                                  .write = true,
                                  .now = names_.Now()},
                                 call.context));
  inodes_.AddUnpublished(parent, name, file);
  names_.changes().Note(parent, name);
  names_.Touch(parent);
  inodes_.kernel().AddLookup(record.ino);
  flags.write =
      true;  // what is created is published at close, also when it was opened for reading alone
  return CreateReply{
      .node = Reply(*file),
      .open = {.handle = AddHandle(user, flags, call.pid, std::move(right)), .keep_cache = true}};
}

Result<NodeReply> FilesystemImpl::MakeFile(InodeNumber parent, std::string_view name,
                                           std::uint32_t mode, const Call& call) {
  TRY_VOID(CheckWritable());
  TRY(names_.LocateNew(parent, name, call.context));
  if (inodes_.FindUnpublished(parent, name))
    return Fail(ErrorCode::kAlreadyExists, "the file exists");
  InodeRecord record = TRY(NewRecord(parent, name, InodeKind::kFile, mode, call));
  const HeldForUse held = TRY(names_.HoldChild(parent, name, call.context));
  const Location& location = held.at.front();
  const auto made = location.remote->store->Put({.key = location.key,
                                                 .attributes = ToAttributes(record),
                                                 .conditions = {.must_not_exist = true}},
                                                call.context);
  if (!made) {
    // Somebody else was faster, or the store may have done it all the same: the next look tells.
    names_.Distrust(parent, name);
    return Fail(made.error());
  }
  own_versions_.Remember(*location.remote->store, location.key, *made);
  return Made(std::move(record), *made, std::nullopt);
}

Result<OpenReply> FilesystemImpl::Open(InodeNumber ino, OpenFlags flags, const Call& call) {
  const bool write = flags.write || flags.truncate;
  if (write) TRY_VOID(CheckWritable());
  OpenUser user(inodes_, TRY(OpenNewest(ino, call.context)));
  OpenFile& file = *user.file();
  TRY_VOID(CheckNewest(file));
  auto right = TRY(file.Prepare({.hold = [&] { return HoldKeyOf(file, call.context); },
                                 .write = write,
                                 .truncate = flags.truncate,
                                 .drop_set_id = call.uid != 0,
                                 .now = names_.Now()},
                                call.context));
  const OpenFile::View view = file.view();
  // While there is a writer, what the kernel has came through us.
  const bool same_pages = view.state == FileState::kNew || inodes_.kernel().BeforeOpen(view.record);
  flags.write = write;
  return OpenReply{.handle = AddHandle(user, flags, call.pid, std::move(right)),
                   .keep_cache = same_pages};
}

Status FilesystemImpl::ReopenReader(OpenFile& file, const CallContext& context) {
  const OpenFile::HeldKey held = TRY(HoldKeyOf(file, context));
  file.ReopenReader(held.key);
  return {};
}

// The version is not there: it is another now, or it is under another path, and then a rename was
// on its way.
template <class Attempt>
auto FilesystemImpl::AlsoAfterARename(OpenFile& file, const CallContext& context,
                                      const Attempt& attempt) -> decltype(attempt()) {
  auto outcome = attempt();
  const bool stale = !outcome && outcome.error().code == ErrorCode::kPreconditionFailed;
  if (stale && file.view().state == FileState::kPublished) {
    const Status reopened = ReopenReader(file, context);
    outcome = reopened ? attempt() : Fail(reopened.error());
  }
  if (!outcome) NoteStale(file, outcome.error());
  return outcome;
}

Result<std::size_t> FilesystemImpl::Read(HandleId id, std::uint64_t offset_bytes,
                                         std::span<std::byte> into, const Call& call) {
  const auto handle = TRY(FindHandle(id));
  return AlsoAfterARename(*handle->file, call.context,
                          [&] { return handle->file->Read(offset_bytes, into, call.context); });
}

Status FilesystemImpl::Write(HandleId id, std::uint64_t offset_bytes, ByteSpan bytes,
                             const Call& call) {
  const auto handle = TRY(FindHandle(id));
  const auto wanted = handle->flags.append ? std::nullopt : std::optional(offset_bytes);
  const std::uint64_t at = TRY(WriteAt(*handle, wanted, bytes, call));
  // The kernel has put the bytes where it believed the end to be.
  if (at != offset_bytes) inodes_.kernel().ForgetContent(handle->file->ino());
  return {};
}

Status FilesystemImpl::WriteMapped(HandleId id, std::uint64_t offset_bytes, ByteSpan bytes,
                                   const Call& call) {
  const auto handle = TRY(FindHandle(id));
  TRY(WriteAt(*handle, offset_bytes, bytes, call));
  return {};
}

Result<std::uint64_t> FilesystemImpl::WriteAt(const FileHandle& handle,
                                              std::optional<std::uint64_t> offset_bytes,
                                              ByteSpan bytes, const Call& call) {
  return AlsoAfterARename(*handle.file, call.context, [&] {
    return handle.file->Write(offset_bytes, bytes, call.uid != 0, names_.Now(), call.context);
  });
}

Status FilesystemImpl::Allocate(HandleId id, int mode, ByteRange range, const Call& call) {
  if (mode != 0)
    return Fail(ErrorCode::kNotSupported, "an object has no holes and no room beyond its end");
  const auto handle = TRY(FindHandle(id));
  if (range.end_bytes() <= handle->file->view().record.size_bytes) return {};
  return handle->file->Truncate(range.end_bytes(), names_.Now(), call.context);
}

Status FilesystemImpl::Flush(HandleId id, const Call& call) {
  const auto handle = TRY(FindHandle(id));
  if (!handle->flags.write) return {};
  return Publish(*handle->file, call.context);
}

Status FilesystemImpl::Close(HandleId id, const WritingDescriptors& copies, const Call& call) {
  const auto handle = TRY(FindHandle(id));
  OpenFile& file = *handle->file;
  const auto may_write = [&](std::uint32_t pid) { return copies.Has(pid, file.ino()); };
  const bool alone = handle->flags.write && file.writers() == 1 && file.view().dirty();
  const bool by_opener = call.pid == handle->opened_by;
  if (alone && (may_write(call.pid) || (!by_opener && may_write(handle->opened_by)))) return {};
  return Flush(id, call);
}

void FilesystemImpl::Release(HandleId id, const Call& call) {
  const auto handle = files_.Remove(id);
  if (!handle) return;
  const std::shared_ptr<OpenFile>& file = handle->file;
  bool parked = false;
  if (handle->flags.write) {
    handle->right.reset();  // attributes that change from here on are not left to this publish
    // Flush has published, unless a mapping wrote afterwards, or it failed: then its caller knows.
    const Status status = Publish(*file, call.context);
    parked = !status && file->view().dirty() && file->view().state != FileState::kLost;
    if (parked) {
      Log(LogLevel::kError,
          "release of inode {}: its content is not in the store, and is kept here: {}",
          ToInteger(file->ino()), status.error().ToString());
    }
    if (const auto held = HoldKeyOf(*file, call.context)) file->DropIdleWriter(held->key);
  }
  if (parked) {
    if (const Status kept = Keep(*file); !kept && kept.error().code != ErrorCode::kNotSupported) {
      Log(LogLevel::kError, "'{}' would not survive a crash: {}", PathOf(*file),
          kept.error().ToString());
    }
    Park(file);
    const OpenFile::View view = file->view();
    if (view.state == FileState::kPublished && !view.content_dirty())
      delayed_.Add(file, parts_.clock->Now() + kAttributeRetry);
  }
  inodes_.Close(file->ino());
}

void FilesystemImpl::NoteStale(const OpenFile& file, const Error& error) {
  if (error.code != ErrorCode::kPreconditionFailed) return;
  const OpenFile::View view = file.view();
  if (view.state == FileState::kPublished) names_.Distrust(view.place.parent, view.place.name);
}

Status FilesystemImpl::Publish(OpenFile& file, const CallContext& context) {
  Status status;
  {
    const CallContext publishing = ForPublish(context, file.view().record.size_bytes);
    const auto turn = TRY(OpenFile::Turn::Take(file, names_.clock(), publishing));
    const OpenFile::View view = file.view();
    if (view.state == FileState::kLost) {
      return Fail(ErrorCode::kPreconditionFailed,
                  "an update of '" + view.place.name + "' was lost to another one");
    }
    if (view.state != FileState::kUnlinked && view.dirty())
      status = PublishInTurn(file, publishing);
  }
  if (status || file.view().state == FileState::kLost) Unpark(file.ino());
  return status;
}

Status FilesystemImpl::PublishInTurn(OpenFile& file, const CallContext& context) {
  const OpenFile::Place place = file.view().place;
  const HeldForUse held = TRY(names_.HoldChild(place.parent, place.name, context));
  // Only now: a directory that moved meanwhile may have brought another version.
  return PublishAt(held.at.front(), file, file.view(), context);
}

Status FilesystemImpl::PublishAt(const Location& location, OpenFile& file,
                                 const OpenFile::View& view, const CallContext& context) {
  const bool content = view.content_dirty();
  if (view.state == FileState::kReplaced) {
    if (content) return SaveLostUpdate(file, view, context);
    return Fail(ErrorCode::kPreconditionFailed,
                "'" + view.place.name + "' has been replaced in the store");
  }
  const LocalChanges::Change publishing(names_.changes(), view.place.parent, view.place.name);
  return content ? PublishContent(location, file, view, context)
                 : PublishAttributes(location, file, view, context);
}

Status FilesystemImpl::PublishContent(const Location& location, OpenFile& file,
                                      const OpenFile::View& view, const CallContext& context) {
  auto info = view.writer->Publish({.key = location.key,
                                    .attributes = ToAttributes(view.record),
                                    .mtime_is_of_last_write = !view.mtime_set},
                                   context);
  if (!info && IsLostUpdate(info.error(), view.state == FileState::kNew))
    return SaveLostUpdate(file, view, context);
  if (!info) return Fail(std::move(info).error());
  info->key = location.key;
  own_versions_.RememberWritten(*location.remote->store, location.key, *info, parts_.clock->Now());
  TRY_VOID(RecordPublished(file, view, view.writer, *info));
  const OpenFile::View now = file.view();
  if (!now.attributes_dirty || now.attributes_generation != view.attributes_generation) return {};
  // The upload had started before these attributes were set. The content is published whatever
  // becomes of this second step; if it fails, the attributes stay to be published.
  return PublishAttributes(location, file, now, context);
}

Status FilesystemImpl::PublishAttributes(const Location& location, OpenFile& file,
                                         const OpenFile::View& view, const CallContext& context) {
  ObjectInfo info = TRY(StoreAttributes(*location.remote,
                                        {.key = location.key,
                                         .attributes = ToAttributes(view.record),
                                         .if_match = ETag(view.record.etag),
                                         .size_bytes = view.record.size_bytes},
                                        context));
  info.key = location.key;
  return RecordPublished(file, view, nullptr, info);
}

Status FilesystemImpl::RecordPublished(OpenFile& file, const OpenFile::View& view,
                                       const std::shared_ptr<FileWriter>& by,
                                       const ObjectInfo& info) {
  const InodeRecord published = file.Published(info, by, view.attributes_generation, names_.Now());
  // What the kernel has of this inode went through us on its way to the store, unless it is of an
  // older version: nobody has opened that inode since.
  if (view.state == FileState::kNew) {
    inodes_.kernel().SetPages(file.ino(), info.etag.value);
  } else {
    inodes_.kernel().RenamePages(file.ino(), view.record.etag, info.etag.value);
  }
  // The store's own time has taken the place of the local one.
  if (published.mtime != view.record.mtime) inodes_.kernel().ForgetAttributes(file.ino());
  TRY(names_.Record(view.place.parent, published));
  if (view.state == FileState::kNew) inodes_.RemoveUnpublished(view.place.parent, view.place.name);
  return {};
}

Status FilesystemImpl::SaveLostUpdate(OpenFile& file, const OpenFile::View& view,
                                      const CallContext& context) {
  const auto key_beside = [&](std::string_view name) -> Result<ObjectKey> {
    return TRY(names_.LocateChild(view.place.parent, name)).key;
  };
  // Nothing makes an escaped form: the copy of one has a plain name beside it.
  std::string_view name = view.place.name;
  if (IsEscapedForm(name)) name.remove_prefix(2);
  const ConflictCopy copy = TRY(SaveConflictCopy({.writer = *view.writer,
                                                  .name = name,
                                                  .key_beside = key_beside,
                                                  .attributes = ToAttributes(view.record),
                                                  .now = names_.Now()},
                                                 context));
  ++conflicts_;
  file.SetState(FileState::kLost);
  if (view.state == FileState::kNew) inodes_.RemoveUnpublished(view.place.parent, view.place.name);
  const cache::Child child = ToChild(copy.info, copy.name, names_.Now());
  TRY(names_.Record(view.place.parent, child));
  names_.Distrust(view.place.parent, view.place.name);
  return Fail(ErrorCode::kPreconditionFailed,
              fmt::format("somebody else changed '{}' first; what was written here is kept as '{}'",
                          view.place.name, copy.name));
}

// --- what could not be published

// It stays open until it is published: for the next open, and for Drain.
void FilesystemImpl::Park(const std::shared_ptr<OpenFile>& file) {
  MutexLock lock(parked_mutex_);
  if (!parked_.emplace(file->ino(), file).second) return;
  inodes_.Open(file->ino(), [&] { return file; });
}

void FilesystemImpl::Unpark(InodeNumber ino) {
  std::shared_ptr<OpenFile> file;
  {
    MutexLock lock(parked_mutex_);
    const auto node = parked_.extract(ino);
    if (node.empty()) return;
    file = std::move(node.mapped());
  }
  kept_.Forget(ino);
  inodes_.Close(ino);
}

Status FilesystemImpl::Keep(const OpenFile& file) {
  const OpenFile::View view = file.view();
  const Location location = TRY(names_.LocateChild(view.place.parent, view.place.name));
  return kept_.Keep(*location.remote, location.key, view);
}

void FilesystemImpl::KeepAgain(const OpenFile& file) {
  {
    MutexLock lock(parked_mutex_);
    if (!parked_.contains(file.ino())) return;
  }
  const Status kept = Keep(file);
  if (kept || kept.error().code == ErrorCode::kNotSupported) return;
  Log(LogLevel::kError, "'{}' would be found under its old name after a crash: {}", PathOf(file),
      kept.error().ToString());
}

std::string FilesystemImpl::PathOf(const OpenFile& file) {
  const OpenFile::Place place = file.view().place;
  const auto location = names_.LocateChild(place.parent, place.name);
  return location ? location->remote->name + ":" + location->key.path : place.name;
}

// Right after this mount's own close of a large file that it wrote, a first change of its mode or
// time waits a moment: where the store must write the object anew for each change, the next one
// (rsync sets both, then renames) goes along with it. Whatever takes a right away, or gives the file
// to somebody else, never waits.
bool FilesystemImpl::MayWait(const OpenFile::View& before, const InodeRecord& wanted) {
  if (before.dirty() || before.state != FileState::kPublished) return false;
  const auto location = names_.LocateChild(before.place.parent, before.place.name);
  if (!location) return false;
  const Remote& remote = *location->remote;
  if (!remote.store->capabilities().set_attributes_rewrites ||
      before.record.size_bytes <= remote.writes->max_put_bytes()) {
    return false;
  }
  const auto written =
      own_versions_.WrittenAt(*remote.store, location->key, ETag(before.record.etag));
  if (!written || parts_.clock->Now() - *written > kAttributeDelay) return false;
  const std::uint32_t mode = before.record.mode.value_or(options_.default_file_mode);
  const bool takes_away = (mode & ~wanted.mode.value_or(options_.default_file_mode)) != 0;
  return !takes_away && before.record.uid == wanted.uid && before.record.gid == wanted.gid &&
         before.record.xattrs == wanted.xattrs;
}

// On local disk when this returns, in the store soon.
Status FilesystemImpl::Delay(const std::shared_ptr<OpenFile>& file) {
  TRY_VOID(Keep(*file));
  Park(file);
  delayed_.Add(file, parts_.clock->Now() + kAttributeDelay);
  return {};
}

void FilesystemImpl::PublishDelayed(const std::shared_ptr<OpenFile>& file) {
  {
    MutexLock lock(parked_mutex_);
    const auto parked = parked_.find(file->ino());
    if (parked == parked_.end() || parked->second != file) return;  // it is published meanwhile
  }
  const CallContext context{.deadline = parts_.clock->Now() + options_.operation_timeout};
  const Status published = Publish(*file, context);
  if (published) return;
  const OpenFile::View view = file->view();
  const bool gone = published.error().code == ErrorCode::kPreconditionFailed ||
                    published.error().code == ErrorCode::kNotFound;
  if (!view.content_dirty() && gone) return GiveToNewest(file, context);
  Log(LogLevel::kWarning, "attributes of '{}' are not in the store yet: {}", PathOf(*file),
      published.error().ToString());
  delayed_.Add(file, parts_.clock->Now() + kAttributeRetry);
}

// Somebody else has written the file before its delayed attributes came to the store: they are
// given to that version.
void FilesystemImpl::GiveToNewest(const std::shared_ptr<OpenFile>& file,
                                  const CallContext& context) {
  const OpenFile::View view = file->view();
  file->SetState(FileState::kUnlinked);  // this version has no name any more
  Unpark(file->ino());
  names_.Distrust(view.place.parent, view.place.name);
  const auto newest = names_.Find(view.place.parent, view.place.name, context);
  if (!newest && newest.error().code == ErrorCode::kNotFound) return;
  const RecordChange change = [&view](InodeRecord& record) {
    record.mode = view.record.mode;
    if (view.mtime_set) record.mtime = view.record.mtime;
  };
  const auto changed =
      newest ? Change(newest->ino, change, context) : Result<NodeReply>(Fail(newest.error()));
  if (changed) return;
  Log(LogLevel::kError,
      "attributes that were set on '{}' could not be given to the version that "
      "replaced it: {}",
      PathOf(*file), changed.error().ToString());
}

Status FilesystemImpl::Drain(const CallContext& context) {
  std::vector<std::string> left;
  Status first;
  for (const auto& file : inodes_.AllOpen()) {
    Status status = Publish(*file, context);
    // A lost update was reported to its program, and its data is in the store.
    if (status || file->view().state == FileState::kLost) continue;
    left.push_back(NameLeft(*file, status.error()));
    if (first) first = std::move(status);
  }
  if (first) return {};
  Error error = std::move(first).error();
  error.message = fmt::format("{} did not reach the store: {}",
                              left.size() == 1 ? "one file" : fmt::format("{} files", left.size()),
                              fmt::join(left, "; "));
  return Fail(std::move(error));
}

// Keeps a file that the end of the mount could not publish, and says where.
std::string FilesystemImpl::NameLeft(const OpenFile& file, const Error& why) {
  const Status kept = Keep(file);
  std::string text = kept ? fmt::format("'{}' ({}) is kept in '{}' for the next mount",
                                        PathOf(file), why.ToString(), kept_.directory())
                          : fmt::format("'{}' ({}) is lost: {}", PathOf(file), why.ToString(),
                                        kept.error().ToString());
  Log(LogLevel::kError, "unmount: {}", text);
  return text;
}

}  // namespace skybridge::fuse
