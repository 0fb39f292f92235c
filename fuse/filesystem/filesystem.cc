// Names and attributes.
#include "fuse/filesystem/filesystem.h"

#include <algorithm>
#include <utility>

#include "fuse/filesystem/filesystem_impl.h"
#include "fuse/inode_record.h"

namespace skybridge::fuse {

using cache::InodeKind;
using cache::InodeRecord;

namespace {

// A change of attributes is made again on what somebody else has just written.
constexpr int kTriesAgainstOthers = 3;

// Everything but the size. Giving a file away takes its set-user-id and set-group-id, as the kernel
// expects of us (HANDLE_KILLPRIV_V2).
void ApplyChange(const AttributeChange& change, InodeRecord& record) {
  if (change.uid) record.uid = change.uid;
  if (change.gid) record.gid = change.gid;
  if (change.uid || change.gid) DropSetId(record);
  if (change.mode) record.mode = change.mode;
  if (change.mtime) record.mtime = change.mtime;
}

bool SameAttributes(const InodeRecord& a, const InodeRecord& b) {
  return a.mode == b.mode && a.uid == b.uid && a.gid == b.gid && a.mtime == b.mtime &&
         a.xattrs == b.xattrs;
}

}  // namespace

Result<std::unique_ptr<Filesystem>> Filesystem::Create(const FilesystemParts& parts,
                                                       const FilesystemOptions& options) {
  if (parts.remotes.empty()) return Fail(ErrorCode::kInvalidArgument, "no remote to mount");
  if (parts.remotes.size() > 1 && !parts.remotes_as_directories) {
    return Fail(ErrorCode::kInvalidArgument, "several remotes need a directory each");
  }
  auto filesystem = std::make_unique<FilesystemImpl>(parts, options);
  TRY_VOID(filesystem->Start());
  return std::unique_ptr<Filesystem>(std::move(filesystem));
}

FilesystemImpl::FilesystemImpl(const FilesystemParts& parts, const FilesystemOptions& options)
    : parts_(parts),
      options_(options),
      names_(parts_, options_, inodes_),
      kept_(parts_.unpublished, *parts_.clock),
      delayed_(*parts_.clock,
               [this](const std::shared_ptr<OpenFile>& file) { PublishDelayed(file); }) {}

Status FilesystemImpl::Start() {
  TRY_VOID(names_.Start());
  if (options_.read_only) return {};
  return kept_.PublishEarlier(parts_, options_.operation_timeout);
}

std::optional<std::size_t> FilesystemImpl::RemoteOf(InodeNumber ino) {
  const auto location = names_.Locate(ino);
  if (!location) return std::nullopt;
  return names_.RemoteIndex(*location);
}

Status FilesystemImpl::CheckWritable() const {
  if (options_.read_only) return Fail(ErrorCode::kReadOnly, "the mount is read-only");
  return {};
}

NodeReply FilesystemImpl::Reply(const InodeRecord& record) {
  inodes_.kernel().NoteReply(record);
  return {.stat = ToStat(record, options_), .valid_for = names_.ValidFor(record)};
}

NodeReply FilesystemImpl::Reply(const OpenFile& file) {
  const OpenFile::View view = file.view();
  inodes_.kernel().NoteReply(view.record);
  NodeReply reply{.stat = ToStat(view.record, options_), .valid_for = options_.ttl};
  if (view.state == FileState::kUnlinked) reply.stat.link_count = 0;
  return reply;
}

NodeReply FilesystemImpl::NewestReply(const InodeRecord& record, std::uint64_t closed_files) {
  if (const auto open = inodes_.FindOpen(record.ino)) return Reply(*open);
  if (inodes_.closed_files() != closed_files) {
    const auto newest = parts_.metadata->Get(record.ino);
    if (newest && *newest) return Reply(**newest);
  }
  return Reply(record);
}

NodeReply FilesystemImpl::CountedReply(const InodeRecord& record, std::uint64_t closed_files) {
  inodes_.kernel().AddLookup(record.ino);
  return NewestReply(record, closed_files);
}

Result<NodeReply> FilesystemImpl::Lookup(InodeNumber parent, std::string_view name,
                                         const Call& call) {
  if (name == "." || name == "..") return LookupByNumber(parent, name, call);
  if (const auto unpublished = inodes_.FindUnpublished(parent, name)) {
    inodes_.kernel().AddLookup(unpublished->ino());
    return Reply(*unpublished);
  }
  const std::uint64_t closed_files = inodes_.closed_files();
  auto found = names_.Find(parent, name, call.context);
  if (!found && found.error().code == ErrorCode::kInvalidName)
    found.error().code = ErrorCode::kNotFound;
  return CountedReply(TRY(std::move(found)), closed_files);
}

Result<NodeReply> FilesystemImpl::LookupByNumber(InodeNumber ino, std::string_view dots,
                                                 const Call& call) {
  if (dots == ".." && !names_.IsMountRoot(ino)) ino = TRY(RecordOf(ino, call.context)).parent;
  if (const auto open = inodes_.FindOpen(ino)) {
    inodes_.kernel().AddLookup(ino);
    return Reply(*open);
  }
  const std::uint64_t closed_files = inodes_.closed_files();
  return CountedReply(TRY(names_.Get(ino, call.context)), closed_files);
}

Result<NodeReply> FilesystemImpl::GetAttributes(InodeNumber ino, const Call& call) {
  if (const auto open = inodes_.FindOpen(ino)) return Reply(*open);
  if (const auto removed = inodes_.kernel().FindRemoved(ino)) {
    NodeReply reply{.stat = ToStat(*removed, options_), .valid_for = options_.ttl};
    reply.stat.link_count = 0;
    return reply;
  }
  return Reply(TRY(names_.Get(ino, call.context)));
}

Result<const Remote*> FilesystemImpl::RemoteHolding(InodeNumber ino) {
  if (const auto open = inodes_.FindOpen(ino)) return &open->remote();
  return TRY(names_.Locate(ino)).remote;
}

Result<InodeRecord> FilesystemImpl::RecordOf(InodeNumber ino, const CallContext& context) {
  if (const auto open = inodes_.FindOpen(ino)) return open->view().record;
  return names_.Get(ino, context);
}

Result<std::string> FilesystemImpl::ReadLink(InodeNumber ino, const Call& call) {
  InodeRecord record = TRY(names_.Get(ino, call.context));
  if (record.kind != InodeKind::kSymlink)
    return Fail(ErrorCode::kInvalidArgument, "not a symbolic link");
  if (!record.symlink_target.empty()) return record.symlink_target;
  const HeldForUse held = TRY(names_.Hold(ino, call.context));
  const Location& location = held.at.front();
  std::string target(record.size_bytes, '\0');
  const auto got = location.remote->store->Get(
      {.key = location.key, .range = {0, target.size()}, .if_match = ETag(record.etag)},
      std::as_writable_bytes(std::span(target)), call.context);
  if (!got) {
    // Another link stands there, or none: the kernel looks the name up again.
    if (got.error().code == ErrorCode::kPreconditionFailed ||
        got.error().code == ErrorCode::kNotFound)
      names_.Distrust(record.parent, record.name);
    return Fail(got.error());
  }
  target.resize(got->bytes_received);
  record.symlink_target = target;
  TRY_VOID(names_.cache().Update(record));
  return target;
}

Result<NodeReply> FilesystemImpl::SetAttributes(InodeNumber ino, std::optional<HandleId> handle,
                                                const AttributeChange& change, const Call& call) {
  TRY_VOID(CheckWritable());
  const bool keeps_something =
      change.mode || change.uid || change.gid || change.size_bytes || change.mtime;
  if (change.access_time && !keeps_something)
    return Fail(ErrorCode::kNotSupported, "times of access are not kept");
  const bool truncated_by_user = change.size_bytes && call.uid != 0;
  const RecordChange rest = [&change, truncated_by_user](InodeRecord& record) {
    if (truncated_by_user) DropSetId(record);
    ApplyChange(change, record);
  };
  if (change.size_bytes) return Resize(ino, handle.has_value(), change, rest, call.context);
  return Change(ino, rest, call.context);
}

// truncate(2) by path has no close: it is published at once. By handle, at its close.
Result<NodeReply> FilesystemImpl::Resize(InodeNumber ino, bool has_handle,
                                         const AttributeChange& change, const RecordChange& rest,
                                         const CallContext& context) {
  const OpenUser user(inodes_, TRY(OpenNewest(ino, context)));
  OpenFile& file = *user.file();
  if (!has_handle) TRY_VOID(CheckNewest(file));
  auto right = TRY(file.Prepare({.hold = [&] { return HoldKeyOf(file, context); },
                                 .write = true,
                                 .truncate = *change.size_bytes == 0,
                                 .now = names_.Now()},
                                context));
  TRY_VOID(file.Truncate(*change.size_bytes, names_.Now(), context));
  file.ChangeAttributes(rest, names_.Now());
  right.reset();
  if (!has_handle) {
    TRY_VOID(Publish(file, context));
    if (const auto held = HoldKeyOf(file, context)) file.DropIdleWriter(held->key);
  }
  return Reply(file);
}

Result<NodeReply> FilesystemImpl::Change(InodeNumber ino, const RecordChange& change,
                                         const CallContext& context) {
  for (int attempt = 1;; ++attempt) {
    const auto open = inodes_.FindOpen(ino);
    const InodeRecord record = open ? open->view().record : TRY(names_.Get(ino, context));
    auto reply = record.kind == InodeKind::kFile ? ChangeFile(ino, change, context)
                                                 : ChangeInStore(record, change, context);
    const bool lost_race = !reply && reply.error().code == ErrorCode::kPreconditionFailed;
    if (open || !lost_race || attempt == kTriesAgainstOthers) return reply;
    names_.Distrust(record.parent, record.name);
  }
}

// Open for as long as this takes: whoever opens it meanwhile shares what becomes of it.
Result<NodeReply> FilesystemImpl::ChangeFile(InodeNumber ino, const RecordChange& change,
                                             const CallContext& context) {
  const OpenUser user(inodes_, TRY(OpenNewest(ino, context)));
  return ChangeOpen(*user.file(), change, context);
}

Result<NodeReply> FilesystemImpl::ChangeOpen(OpenFile& file, const RecordChange& change,
                                             const CallContext& context) {
  const OpenFile::View before = file.view();
  InodeRecord wanted = before.record;
  change(wanted);
  // With content still to be published the attributes go along with it, at the close of a handle.
  const bool goes_along = before.dirty() && file.writers() > 0;
  if (!goes_along) TRY_VOID(CheckNewest(file));
  if (SameAttributes(wanted, before.record)) return Reply(file);
  file.ChangeAttributes(change, names_.Now());
  if (before.state == FileState::kPublished && !goes_along) {
    // Where it cannot be kept on local disk it does not wait.
    if (MayWait(before, wanted) && Delay(inodes_.FindOpen(file.ino()))) return Reply(file);
    if (const Status status = Publish(file, context); !status) {
      file.RestoreAttributes(before);
      return Fail(status.error());
    }
  }
  return Reply(file);
}

Result<NodeReply> FilesystemImpl::ChangeInStore(const InodeRecord& record,
                                                const RecordChange& change,
                                                const CallContext& context) {
  const HeldForUse held = TRY(names_.Hold(record.ino, context));
  const Location& location = held.at.front();
  InodeRecord wanted = record;
  change(wanted);
  if (SameAttributes(wanted, record)) return Reply(record);
  SetAttributesRequest request{
      .key = location.key, .kind = ToNodeKind(record.kind), .attributes = ToAttributes(wanted)};
  if (!record.etag.empty()) request.if_match = ETag(record.etag);
  if (record.kind != InodeKind::kDirectory) request.size_bytes = record.size_bytes;
  const ObjectInfo info = TRY(StoreAttributes(*location.remote, request, context));
  wanted.etag = info.etag.value;
  wanted.mtime = ShownMtime(wanted);
  wanted.last_modified = info.last_modified;
  wanted.ctime = wanted.learned_at = names_.Now();
  if (names_.IsFixed(record.ino)) {
    TRY_VOID(names_.UpdateFixed(wanted));
    return Reply(wanted);
  }
  return Reply(TRY(names_.Record(record.parent, wanted)));
}

Result<ObjectInfo> FilesystemImpl::StoreAttributes(const Remote& remote,
                                                   SetAttributesRequest request,
                                                   const CallContext& context) {
  if (request.if_match)
    request.info = own_versions_.Find(*remote.store, request.key, *request.if_match);
  std::optional<ObjectInfo> now;
  if (request.info && remote.store->capabilities().set_attributes_rewrites)
    now = TRY(remote.writes->PutAgain(*request.info, request.attributes, context));
  if (!now) now = TRY(remote.store->SetAttributes(request, context));
  if (request.info) own_versions_.Remember(*remote.store, request.key, *now);
  return *std::move(now);
}

FilesystemCounters FilesystemImpl::counters() const {
  FilesystemCounters counters{.unpublished_files = inodes_.unpublished_count(),
                              .conflicts = conflicts_,
                              .hidden_names = names_.hidden_names()};
  counters.open_files = inodes_.AllOpen().size();
  for (const Remote& remote : parts_.remotes) counters.dirty_bytes += remote.writes->dirty_bytes();
  return counters;
}

}  // namespace skybridge::fuse
