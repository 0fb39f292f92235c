// Making, removing and renaming nodes.
#include <algorithm>
#include <utility>

#include "core/log.h"
#include "fuse/filesystem/filesystem_impl.h"
#include "fuse/inode_record.h"
#include "fuse/names/name_codec.h"

namespace skybridge::fuse {
namespace {

using cache::InodeKind;
using cache::InodeRecord;

constexpr int kTriesAgainstOthers = 3;
constexpr std::uint32_t kSetGroupId = 02000;

tl::unexpected<Error> Fixed() {
  return Fail(ErrorCode::kLocked, "the directory of a remote belongs to the mount");
}

}  // namespace

Result<InodeRecord> FilesystemImpl::NewRecord(InodeNumber parent, std::string_view name,
                                              InodeKind kind, std::uint32_t mode,
                                              const Call& call) {
  TRY_VOID(CheckNewName(name));
  const auto directory = TRY(names_.Cached(parent));
  InodeRecord record;
  record.parent = parent;
  record.name = std::string(name);
  record.kind = kind;
  record.attributes_known = true;
  record.mode = mode;
  record.uid = call.uid;
  record.gid = call.gid;
  if (directory && (directory->mode.value_or(0) & kSetGroupId) != 0) {
    record.gid = directory->gid.value_or(options_.default_gid);
    if (kind == InodeKind::kDirectory) *record.mode |= kSetGroupId;
  }
  record.mtime = record.ctime = record.learned_at = names_.Now();
  return record;
}

Result<NodeReply> FilesystemImpl::Made(InodeRecord record, const ObjectInfo& info,
                                       std::optional<WallTime> empty_since) {
  record.etag = info.etag.value;
  record.last_modified = info.last_modified;
  record = TRY(names_.Record(record.parent, record));
  if (empty_since) TRY_VOID(names_.RecordEmpty(record.ino, *empty_since));
  names_.Touch(record.parent);
  return CountedReply(record, inodes_.closed_files());
}

Result<NodeReply> FilesystemImpl::MakeDirectory(InodeNumber parent, std::string_view name,
                                                std::uint32_t mode, const Call& call) {
  TRY_VOID(CheckWritable());
  InodeRecord record = TRY(NewRecord(parent, name, InodeKind::kDirectory, mode, call));
  const auto free_since = names_.AbsentSince(parent, name);
  const HeldForUse held = TRY(names_.HoldChild(parent, name, call.context));
  const Location& location = held.at.front();
  const WallTime asked_at = names_.Now();
  const auto made = location.remote->store->MakeDirectory({.key = location.key,
                                                           .attributes = ToAttributes(record),
                                                           .nothing_there = free_since.has_value()},
                                                          call.context);
  if (made) return Made(std::move(record), *made, free_since.value_or(asked_at));
  // Somebody else was faster: what is believed of the name is wrong.
  if (made.error().code == ErrorCode::kAlreadyExists) names_.Distrust(parent, name);
  return Fail(made.error());
}

Result<NodeReply> FilesystemImpl::MakeSymlink(InodeNumber parent, std::string_view name,
                                              std::string_view target, const Call& call) {
  TRY_VOID(CheckWritable());
  InodeRecord record = TRY(NewRecord(parent, name, InodeKind::kSymlink, 0777, call));
  record.size_bytes = target.size();
  record.symlink_target = std::string(target);
  const HeldForUse held = TRY(names_.HoldChild(parent, name, call.context));
  const Location& location = held.at.front();
  const ObjectInfo info = TRY(location.remote->store->Put({.key = location.key,
                                                           .kind = NodeKind::kSymlink,
                                                           .body = AsBytes(target),
                                                           .attributes = ToAttributes(record),
                                                           .conditions = {.must_not_exist = true}},
                                                          call.context));
  return Made(std::move(record), info, std::nullopt);
}

Status FilesystemImpl::KeepDirectoryAlive(InodeNumber directory, std::string_view leaving,
                                          const CallContext& context) {
  if (names_.IsFixed(directory)) return {};
  const auto record = TRY(names_.Cached(directory));
  if (!record || !record->etag.empty()) return {};
  if (TRY(names_.Locate(directory)).remote->store->capabilities().real_directories) return {};
  if (!names_.MayBeOnlyChild(directory, leaving)) return {};
  const HeldForUse held = TRY(names_.Hold(directory, context));
  const Location& location = held.at.front();
  const auto info = location.remote->store->SetAttributes(
      {.key = location.key, .kind = NodeKind::kDirectory, .attributes = ToAttributes(*record)},
      context);
  // Content has the marker's name: the directory lives by that.
  if (!info && info.error().code == ErrorCode::kNotSupported) return {};
  if (!info) return Fail(info.error());
  InodeRecord marked = *record;
  marked.etag = info->etag.value;
  marked.attributes_known = true;
  TRY(names_.Record(record->parent, marked));
  return {};
}

Status FilesystemImpl::MakeEmptied(InodeNumber directory, std::string_view left,
                                   const CallContext& context) {
  const auto part = RemoteName(left);
  if (!part || !part->empty() || names_.IsFixed(directory)) return {};
  const auto record = TRY(names_.Cached(directory));
  if (!record || !record->etag.empty() || !names_.MayBeOnlyChild(directory, left)) return {};
  const HeldForUse held = TRY(names_.Hold(directory, context));
  const Location& location = held.at.front();
  const auto made = location.remote->store->MakeDirectory(
      {.key = location.key, .attributes = ToAttributes(*record)}, context);
  if (!made && made.error().code != ErrorCode::kAlreadyExists) return Fail(made.error());
  return {};
}

Status FilesystemImpl::RetryOnNewest(const std::function<Status()>& change,
                                     const std::function<void()>& look_again) {
  for (int attempt = 1;; ++attempt) {
    Status status = change();
    if (status || status.error().code != ErrorCode::kPreconditionFailed ||
        attempt == kTriesAgainstOthers)
      return status;
    look_again();
  }
}

Status FilesystemImpl::TakeName(const std::shared_ptr<OpenFile>& open,
                                const std::function<Status()>& remove, const CallContext& context) {
  if (!open) return remove();
  // The rest of the time is for what was asked for.
  CallContext copying = context;
  if (context.deadline != MonotonicTime::max())
    copying.deadline -= (context.deadline - names_.clock().Now()) / 2;
  {
    const auto turn = TRY(OpenFile::Turn::Take(*open, names_.clock(), context));
    const bool keep = open->view().record.size_bytes <= options_.max_kept_unlinked_bytes;
    TRY_VOID(open->LoseName(keep ? parts_.staging : nullptr, remove, copying));
  }
  Unpark(open->ino());
  return {};
}

// The first attempt goes by what is known of the name, however old: the store refuses a version that
// is no longer there.
Status FilesystemImpl::DeleteObject(InodeNumber parent, std::string_view name, bool ask_first,
                                    const CallContext& context) {
  InodeRecord record = TRY(ask_first ? names_.Find(parent, name, context)
                                     : names_.FindListed(parent, name, context));
  if (!ask_first && (record.kind == InodeKind::kDirectory || record.etag.empty()))
    record = TRY(names_.Find(parent, name, context));
  if (record.kind == InodeKind::kDirectory)
    return Fail(ErrorCode::kIsDirectory, "a directory is not unlinked");
  const Remote& remote = *TRY(names_.Locate(parent)).remote;
  TRY_VOID(KeepDirectoryAlive(parent, name, context));
  const auto remove = [&](const std::string& etag) -> Status {
    const HeldForUse held = TRY(names_.HoldChild(parent, name, context));
    const Location& location = held.at.front();
    Status deleted =
        location.remote->store->Delete({.key = location.key, .if_match = ETag(etag)}, context);
    if (deleted || deleted.error().code == ErrorCode::kNotFound)
      TRY_VOID(names_.RecordAbsent(parent, name));
    return deleted;
  };
  if (record.kind != InodeKind::kFile) return remove(record.etag);
  const OpenUser user(inodes_, OpenShared(record, remote));
  const auto& file = user.file();
  TRY_VOID(TakeName(
      file, [&] { return remove(file->view().record.etag); }, context));
  return MakeEmptied(parent, name, context);
}

Status FilesystemImpl::DropUnpublished(const std::shared_ptr<OpenFile>& file,
                                       const CallContext& context) {
  return TakeName(
      file,
      [&]() -> Status {
        const OpenFile::View view = file->view();
        if (view.state != FileState::kNew)
          return Fail(ErrorCode::kPreconditionFailed, "the file was published meanwhile");
        inodes_.RemoveUnpublished(view.place.parent, view.place.name);
        names_.changes().Note(view.place.parent, view.place.name);
        return {};
      },
      context);
}

Status FilesystemImpl::Unlink(InodeNumber parent, std::string_view name, const Call& call) {
  TRY_VOID(CheckWritable());
  bool ask_first = false;
  TRY_VOID(RetryOnNewest(
      [&] {
        const auto unpublished = inodes_.FindUnpublished(parent, name);
        return unpublished ? DropUnpublished(unpublished, call.context)
                           : DeleteObject(parent, name, ask_first, call.context);
      },
      [&] {
        names_.Distrust(parent, name);
        ask_first = true;
      }));
  names_.Touch(parent);
  return {};
}

Status FilesystemImpl::RemoveDirectory(InodeNumber parent, std::string_view name,
                                       const Call& call) {
  TRY_VOID(CheckWritable());
  const InodeRecord record = TRY(names_.Find(parent, name, call.context));
  if (record.kind != InodeKind::kDirectory)
    return Fail(ErrorCode::kNotDirectory, "not a directory");
  if (names_.IsFixed(record.ino)) return Fixed();
  if (!inodes_.UnpublishedIn(record.ino).empty())
    return Fail(ErrorCode::kNotEmpty, "a new file is in the directory");
  TRY_VOID(KeepDirectoryAlive(parent, name, call.context));
  const HeldForUse held = TRY(names_.HoldChild(parent, name, call.context));
  const Location& location = held.at.front();
  Status removed = location.remote->store->RemoveDirectory(location.key, call.context);
  if (removed || removed.error().code == ErrorCode::kNotFound) {
    inodes_.kernel().NoteRemoved(record);
    TRY_VOID(names_.RecordAbsent(parent, name));
    names_.Touch(parent);
  }
  return removed;
}

Result<FilesystemImpl::NamedNode> FilesystemImpl::FindNamed(const OpenFile::Place& place,
                                                            const CallContext& context) {
  if (auto unpublished = inodes_.FindUnpublished(place.parent, place.name)) {
    NamedNode node{.open = unpublished, .record = unpublished->view().record};
    return node;
  }
  auto record = names_.Find(place.parent, place.name, context);
  if (!record && record.error().code == ErrorCode::kNotFound) return NamedNode{};
  if (!record) return Fail(std::move(record).error());
  NamedNode node{.open = inodes_.FindOpen(record->ino), .record = *record};
  return node;
}

Status FilesystemImpl::CheckRename(const NamedNode& source, const NamedNode& target,
                                   RenameMode mode, const OpenFile::Place& to) {
  if (names_.IsFixed(source.record->ino)) return Fixed();
  if (!target.record) return {};
  if (mode == RenameMode::kMustNotExist)
    return Fail(ErrorCode::kAlreadyExists, "'" + to.name + "' exists");
  const bool directory = source.record->kind == InodeKind::kDirectory;
  const bool onto_directory = target.record->kind == InodeKind::kDirectory;
  if (directory && !onto_directory)
    return Fail(ErrorCode::kNotDirectory, "a directory cannot replace a file");
  if (!directory && onto_directory)
    return Fail(ErrorCode::kIsDirectory, "a file cannot replace a directory");
  if (onto_directory && !inodes_.UnpublishedIn(target.record->ino).empty()) {
    return Fail(ErrorCode::kNotEmpty, "a new file is in the directory");
  }
  return {};
}

Result<RenameResult> FilesystemImpl::Rename(InodeNumber parent, std::string_view name,
                                            InodeNumber new_parent, std::string_view new_name,
                                            RenameMode mode, const Call& call) {
  TRY_VOID(CheckWritable());
  if (names_.ListsRemotes(parent) || names_.ListsRemotes(new_parent)) return Fixed();
  const Location source = TRY(names_.LocateChild(parent, name));
  const Location destination = TRY(names_.LocateNew(new_parent, new_name, call.context));
  if (source.remote != destination.remote) return RenameResult::kAcrossRemotes;
  const OpenFile::Place from{parent, std::string(name)};
  const OpenFile::Place to{new_parent, std::string(new_name)};
  TRY_VOID(RetryOnNewest([&] { return RenameOnce(from, to, mode, call.context); },
                         [&] {
                           names_.Distrust(from.parent, from.name);
                           names_.Distrust(to.parent, to.name);
                         }));
  names_.Touch(parent);
  if (parent != new_parent) names_.Touch(new_parent);
  return RenameResult::kRenamed;
}

Status FilesystemImpl::RenameOnce(const OpenFile::Place& from, const OpenFile::Place& to,
                                  RenameMode mode, const CallContext& context) {
  NamedNode source = TRY(FindNamed(from, context));
  if (!source.record) return Fail(ErrorCode::kNotFound, "no such name: '" + from.name + "'");
  NamedNode target = TRY(FindNamed(to, context));
  if (target.record && target.record->ino == source.record->ino) return {};
  TRY_VOID(CheckRename(source, target, mode, to));
  const Remote& remote = *TRY(names_.Locate(to.parent)).remote;
  const OpenUser source_user(inodes_, OpenNamed(source, remote));
  const OpenUser target_user(inodes_, OpenNamed(target, remote));
  // A file that the store does not have moves here alone, unless it replaces one that the store
  // has: that must be one step.
  if (!source.in_store() && !target.in_store()) {
    if (target.open) TRY_VOID(DropUnpublished(target.open, context));
    return RenameUnpublished(source.open, from, to, context);
  }
  if (source.open && source.open->view().dirty()) {
    TRY_VOID(Publish(*source.open, context));
    source.record = source.open->view().record;
  }
  if (source.record->kind == InodeKind::kDirectory) {
    for (const auto& file : OpenBelow(source.record->ino)) TRY_VOID(Publish(*file, context));
  }
  return TakeName(
      target.open,
      [&]() -> Status {
        if (!source.open) return RenameInStore(source, target, from, to, context);
        const auto turn = TRY(OpenFile::Turn::Take(*source.open, names_.clock(), context));
        return RenameInStore(source, target, from, to, context);
      },
      context);
}

std::shared_ptr<OpenFile> FilesystemImpl::OpenNamed(NamedNode& node, const Remote& remote) {
  if (!node.in_store() || node.record->kind != InodeKind::kFile) return nullptr;
  node.open = OpenShared(*node.record, remote);
  return node.open;
}

Status FilesystemImpl::RenameUnpublished(const std::shared_ptr<OpenFile>& file,
                                         const OpenFile::Place& from, const OpenFile::Place& to,
                                         const CallContext& context) {
  const auto turn = TRY(OpenFile::Turn::Take(*file, names_.clock(), context));
  if (file->view().state != FileState::kNew)
    return Fail(ErrorCode::kPreconditionFailed, "the file was published meanwhile");
  file->SetPlace(to);
  inodes_.AddUnpublished(to.parent, to.name, file);
  inodes_.RemoveUnpublished(from.parent, from.name);
  names_.changes().Note(from.parent, from.name);
  names_.changes().Note(to.parent, to.name);
  KeepAgain(*file);
  return {};
}

Status FilesystemImpl::RenameInStore(const NamedNode& source, const NamedNode& target,
                                     const OpenFile::Place& from, const OpenFile::Place& to,
                                     const CallContext& context) {
  TRY_VOID(KeepDirectoryAlive(from.parent, from.name, context));
  if (source.record->kind == InodeKind::kDirectory) {
    const HeldForMove held = TRY(names_.HoldForMoving(from, to, context));
    return RenameHeld(source, target, from, to, held.at, context);
  }
  {
    const HeldForUse held = TRY(names_.HoldChildren(from, to, context));
    TRY_VOID(RenameHeld(source, target, from, to, held.at, context));
  }
  return MakeEmptied(from.parent, from.name, context);
}

Status FilesystemImpl::RenameHeld(const NamedNode& source, const NamedNode& target,
                                  const OpenFile::Place& from, const OpenFile::Place& to,
                                  const std::vector<Location>& places, const CallContext& context) {
  const Location& old_place = places[0];
  const Location& new_place = places[1];
  const LocalChanges::Change leaving(names_.changes(), from.parent, from.name);
  const LocalChanges::Change coming(names_.changes(), to.parent, to.name);
  RenameRequest request{.source = old_place.key,
                        .destination = new_place.key,
                        .kind = ToNodeKind(source.record->kind)};
  const bool directory = source.record->kind == InodeKind::kDirectory;
  const ObjectStore& store = *old_place.remote->store;
  if (!directory && !source.etag().empty()) {
    request.source_if_match = ETag(source.etag());
    request.source_info = own_versions_.Find(store, old_place.key, *request.source_if_match);
  }
  // Whoever called has looked for the target; a file that stands beside a directory of its name is
  // the exception.
  request.no_directory_there = !directory && (target.in_store() || !IsShadowedFileName(to.name));
  if (!target.in_store()) {
    request.destination_conditions.must_not_exist = true;
  } else if (!directory) {
    request.destination_conditions.if_match = ETag(target.etag());
  }
  auto info = old_place.remote->store->Rename(request, context);
  if (!info) {
    Error error = std::move(info).error();
    // Moved one by one, some of the objects may be at their new place.
    if (directory && !store.capabilities().atomic_directory_rename) {
      names_.DistrustTree(source.record->ino);
      names_.Distrust(to.parent, to.name);
    }
    // Somebody has made the target meanwhile: look again, and replace that.
    if (error.code == ErrorCode::kAlreadyExists && !target.in_store()) {
      error.code = ErrorCode::kPreconditionFailed;
    }
    return Fail(std::move(error));
  }
  if (target.open && !target.in_store()) inodes_.RemoveUnpublished(to.parent, to.name);
  if (target.record && target.record->kind == InodeKind::kDirectory)
    inodes_.kernel().NoteRemoved(*target.record);
  info->key = new_place.key;
  if (request.source_info) own_versions_.Remember(store, new_place.key, *info);
  return FollowRename(source, to, *info, context);
}

Status FilesystemImpl::FollowRename(const NamedNode& source, const OpenFile::Place& to,
                                    const ObjectInfo& info, const CallContext& context) {
  const InodeRecord was = source.open ? source.open->view().record : *source.record;
  const InodeRecord moved = TRY(names_.RecordRename(was, to.parent, to.name, info));
  inodes_.kernel().RenamePages(moved.ino, was.etag, moved.etag);
  if (moved.kind == InodeKind::kDirectory) {
    // The rename is done, whatever becomes of the files that are open below.
    if (const Status followed = FollowDirectoryRename(moved.ino, context); !followed) {
      Log(LogLevel::kWarning,
          "rename: '{}' is renamed; what is open in it must be opened again: {}", to.name,
          followed.error().ToString());
    }
    return {};
  }
  if (source.open) source.open->Moved(to, info, names_.Now());
  return {};
}

Status FilesystemImpl::FollowDirectoryRename(InodeNumber directory, const CallContext& context) {
  const Location location = TRY(names_.Locate(directory));
  const bool atomic = location.remote->store->capabilities().atomic_directory_rename;
  // Moved one by one, the objects have new versions.
  if (!atomic) names_.DistrustTree(directory);
  Status first_failure;
  for (const auto& file : OpenBelow(directory)) {
    const OpenFile::View view = file->view();
    if (view.state != FileState::kPublished) continue;
    auto info = MovedVersion(*location.remote, view, atomic, context);
    if (!info) {  // somebody has removed it, or the store does not tell its new version
      file->SetState(FileState::kReplaced);
      const bool gone = info.error().code == ErrorCode::kNotFound;
      if (!gone && first_failure) first_failure = Fail(std::move(info).error());
      continue;
    }
    inodes_.kernel().RenamePages(file->ino(), view.record.etag, info->etag.value);
    file->Moved(view.place, *info, names_.Now());
  }
  return first_failure;
}

Result<ObjectInfo> FilesystemImpl::MovedVersion(const Remote& remote, const OpenFile::View& view,
                                                bool atomic, const CallContext& context) {
  const ObjectKey key = TRY(names_.LocateChild(view.place.parent, view.place.name)).key;
  if (atomic) return ToObjectInfo(view.record, key);
  return remote.store->Head(key, context);
}

std::vector<std::shared_ptr<OpenFile>> FilesystemImpl::OpenBelow(InodeNumber directory) {
  std::vector<std::shared_ptr<OpenFile>> below;
  for (auto& file : inodes_.AllOpen()) {
    for (InodeNumber at = file->view().place.parent; !names_.IsMountRoot(at);) {
      if (at == directory) {
        below.push_back(file);
        break;
      }
      const auto record = names_.Cached(at);
      if (!record || !*record) break;
      at = (*record)->parent;
    }
  }
  return below;
}

}  // namespace skybridge::fuse
