// Reading directories.
#include <algorithm>
#include <utility>

#include "fuse/filesystem/filesystem_impl.h"

namespace skybridge::fuse {
namespace {

using cache::InodeKind;
using cache::InodeRecord;

constexpr std::uint64_t kDots = 2;
// Attributes are asked for so many entries at once: enough for the parallel Heads, few enough for a
// first answer soon.
constexpr std::size_t kFillBatch = 128;
// A symbolic link's object holds its target: nothing longer can be one.
constexpr std::uint64_t kMaxSymlinkBytes = 4096;

std::optional<InodeKind> KnownKind(const InodeRecord& record) {
  const bool may_be_link = !record.attributes_known && record.kind == InodeKind::kFile &&
                           record.size_bytes > 0 && record.size_bytes <= kMaxSymlinkBytes;
  if (may_be_link) return std::nullopt;
  return record.kind;
}

}  // namespace

Result<HandleId> FilesystemImpl::OpenDirectory(InodeNumber ino, const Call& call) {
  const InodeRecord record = TRY(names_.Get(ino, call.context));
  if (record.kind != InodeKind::kDirectory)
    return Fail(ErrorCode::kNotDirectory, "not a directory");
  return directories_.Add(std::make_shared<DirectoryHandle>(ino));
}

Result<bool> FilesystemImpl::EmitDots(InodeNumber ino, std::uint64_t& cookie,
                                      const DirectorySink& sink) {
  while (cookie < kDots) {
    InodeNumber number = ino;
    if (cookie == 1 && !names_.IsMountRoot(ino)) {
      const auto record = TRY(names_.cache().Get(ino));
      if (record) number = record->parent;
    }
    if (!sink({.name = cookie == 0 ? "." : "..",
               .ino = number,
               .kind = InodeKind::kDirectory,
               .next_cookie = cookie + 1})) {
      return false;
    }
    ++cookie;
  }
  return true;
}

bool FilesystemImpl::Emit(const InodeRecord& record, std::uint64_t closed_files,
                          std::uint64_t next_cookie, bool with_attributes,
                          const DirectorySink& sink) {
  DirectoryEntry entry{.name = record.name,
                       .ino = record.ino,
                       .kind = KnownKind(record),
                       .next_cookie = next_cookie};
  const bool refused = !record.attributes_known && !inodes_.FindOpen(record.ino);
  if (!with_attributes || refused) return sink(entry);
  inodes_.kernel().AddLookup(record.ino);
  const NodeReply reply = NewestReply(record, closed_files);
  entry.node = &reply;
  if (sink(entry)) return true;
  inodes_.kernel().Forget(record.ino, 1);
  return false;
}

Status FilesystemImpl::ReadRemoteDirectories(std::uint64_t cookie, bool with_attributes,
                                             const DirectorySink& sink) {
  if (!TRY(EmitDots(InodeNumber::kRoot, cookie, sink))) return {};
  const std::vector<InodeRecord> remotes = names_.RemoteDirectories();
  for (std::size_t i = cookie - kDots; i < remotes.size(); ++i) {
    if (!Emit(remotes[i], inodes_.closed_files(), kDots + i + 1, with_attributes, sink)) break;
  }
  return {};
}

void FilesystemImpl::LeaveBehind(DirectoryHandle& handle, std::uint64_t position) {
  while (!handle.window.empty() && handle.window_begin < position) {
    const std::string& name = handle.window.front().name;
    const auto mark = handle.marks.find(name);
    // Read again, the stream may have lost or gained entries before this one.
    if (mark != handle.marks.end() && mark->second < position) handle.window_begin = mark->second;
    if (handle.window_begin % DirectoryHandle::kMarkEvery == 0)
      handle.marks.try_emplace(name, handle.window_begin);
    handle.window.pop_front();
    ++handle.window_begin;
  }
}

Status FilesystemImpl::GoBack(DirectoryHandle& handle, std::uint64_t position,
                              const CallContext& context) {
  const DirectoryScan::Source source = handle.scan->source();
  handle.scan = std::make_unique<DirectoryScan>(names_, handle.ino, source);
  handle.window.clear();
  handle.window_begin = 0;
  handle.ended = false;
  for (const std::string& name : handle.shown_unpublished) {
    // Its place in the stream; PrepareEntry looks what it is by now.
    cache::InodeRecord shown;
    shown.name = name;
    handle.window.push_back(std::move(shown));
  }
  while (!handle.ended && handle.window_begin + handle.window.size() <= position) {
    LeaveBehind(handle, position);
    TRY_VOID(MoreEntries(handle, context));
  }
  LeaveBehind(handle, position);
  return {};
}

Status FilesystemImpl::MoreEntries(DirectoryHandle& handle, const CallContext& context) {
  if (!handle.scan) {
    auto scan = std::make_unique<DirectoryScan>(names_, handle.ino);
    handle.question.emplace(names_.changes());
    for (const auto& [name, file] : inodes_.UnpublishedIn(handle.ino)) {
      handle.shown_unpublished.insert(name);
      handle.window.push_back(file->view().record);
    }
    handle.scan = std::move(scan);
    if (!handle.window.empty()) return {};
  }
  std::vector<InodeRecord> entries = TRY(handle.scan->Next(context));
  handle.ended = entries.empty();
  for (InodeRecord& entry : entries) {
    if (!handle.shown_unpublished.contains(entry.name)) handle.window.push_back(std::move(entry));
  }
  return {};
}

// Makes the entry ready to be shown: changed here meanwhile? attributes wanted? ino kNone: not to
// be shown.
Status FilesystemImpl::PrepareEntry(DirectoryHandle& handle, std::size_t index,
                                    bool with_attributes, const CallContext& context) {
  InodeRecord& record = handle.window[index];
  if (const auto unpublished = inodes_.FindUnpublished(handle.ino, record.name)) {
    record = unpublished->view().record;
    return {};
  }
  const LocalChanges& changes = names_.changes();
  if (!changes.Remembers(*handle.question) ||
      changes.ChangedSince(*handle.question, handle.ino, record.name)) {
    auto now = names_.FindListed(handle.ino, record.name, context);
    if (!now && now.error().code != ErrorCode::kNotFound) return Fail(std::move(now).error());
    if (!now) record.ino = InodeNumber::kNone;
    if (now) record = *std::move(now);
  }
  if (record.ino == InodeNumber::kNone) return {};
  if (!with_attributes || record.attributes_known) return {};
  const std::size_t end = std::min(index + kFillBatch, handle.window.size());
  std::vector<InodeRecord> batch(handle.window.begin() + static_cast<std::ptrdiff_t>(index),
                                 handle.window.begin() + static_cast<std::ptrdiff_t>(end));
  TRY_VOID(names_.FillAttributes(handle.ino, batch, context));
  std::move(batch.begin(), batch.end(), handle.window.begin() + static_cast<std::ptrdiff_t>(index));
  return {};
}

Status FilesystemImpl::ReadDirectory(HandleId id, std::uint64_t cookie, bool with_attributes,
                                     const DirectorySink& sink, const Call& call) {
  const auto handle = directories_.Find(id);
  if (!handle) return Fail(ErrorCode::kInvalidArgument, "no such directory handle");
  if (names_.ListsRemotes(handle->ino)) return ReadRemoteDirectories(cookie, with_attributes, sink);
  if (inodes_.kernel().FindRemoved(handle->ino))
    return {};  // nothing is in it, and nothing can come

  MutexLock lock(handle->mutex);
  if (cookie == 0) {  // from the start, or again (rewinddir): the directory as it is now
    handle->scan.reset();
    handle->window.clear();
    handle->window_begin = 0;
    handle->ended = false;
    handle->shown_unpublished.clear();
    handle->marks.clear();
  }
  if (!TRY(EmitDots(handle->ino, cookie, sink))) return {};
  std::uint64_t position = cookie - kDots;
  if (position < handle->window_begin) TRY_VOID(GoBack(*handle, position, call.context));
  while (true) {
    while (position - handle->window_begin >= handle->window.size()) {
      if (handle->ended) return {};
      TRY_VOID(MoreEntries(*handle, call.context));
    }
    const std::uint64_t closed_files = inodes_.closed_files();
    TRY_VOID(PrepareEntry(*handle, position - handle->window_begin, with_attributes, call.context));
    const InodeRecord& record = handle->window[position - handle->window_begin];
    if (record.ino != InodeNumber::kNone &&
        !Emit(record, closed_files, kDots + position + 1, with_attributes, sink))
      break;
    ++position;
  }
  if (position > DirectoryHandle::kWindow)
    LeaveBehind(*handle, position - DirectoryHandle::kWindow);
  return {};
}

}  // namespace skybridge::fuse
