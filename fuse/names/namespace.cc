#include "fuse/names/namespace.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "core/log.h"
#include "core/utf8.h"
#include "fuse/inode_record.h"
#include "fuse/names/directory_scan.h"
#include "fuse/names/name_codec.h"

namespace skybridge::fuse {
namespace {

using cache::Child;
using cache::InodeKind;
using cache::InodeRecord;
using cache::NameAnswer;

constexpr std::size_t kMaxInterest = 4096;
// Each name that cannot be shown is logged once, up to so many.
constexpr std::size_t kMaxLoggedHidden = 1000;
constexpr std::chrono::minutes kRememberTooBig{5};

tl::unexpected<Error> Gone() {
  return Fail(ErrorCode::kPreconditionFailed, "the inode has no name any more");
}

// The store does not know that a directory's times have moved with its children (Touch). A time
// that went back would be a change that nobody made, to tar and rsync.
void KeepMovedTimes(const InodeRecord& known, Child& child) {
  if (known.kind != InodeKind::kDirectory || child.kind != InodeKind::kDirectory) return;
  if (known.attributes_known && known.etag == child.etag) child.mtime = known.mtime;
}

// What a listing cannot tell of a directory that is known.
void KeepKnown(InodeRecord known, Child& child) {
  if (known.kind != InodeKind::kDirectory || !known.attributes_known) return;
  if (child.attributes_known) return KeepMovedTimes(known, child);
  // By prefixes it tells neither version nor attributes: what Head has said once is kept.
  known.learned_at = child.learned_at;
  child = std::move(known);
}

// Errors: kNameTooLong; kNotFound for what looks like an escaped form and is none.
Status CheckName(std::string_view name) {
  if (name.size() > kMaxNameBytes) return Fail(ErrorCode::kNameTooLong, "a name of over 255 bytes");
  if (IsEscapedForm(name) && !IsDigestName(name) && !RemoteName(name))
    return Fail(ErrorCode::kNotFound, "no name is escaped so: '" + std::string(name) + "'");
  return {};
}

// Names that not every service takes; which of them, only the store knows.
bool MayBeRefused(std::string_view name) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  return name.ends_with('.') || name.starts_with(".skybridge-") || !IsUtf8(name) ||
         std::any_of(name.begin(), name.end(), is_control);
}

// What the store says of one object, while it answers for others.
bool ConcernsOneObject(ErrorCode code) {
  return code == ErrorCode::kPermissionDenied || code == ErrorCode::kCorrupt ||
         code == ErrorCode::kConflict || code == ErrorCode::kInvalidName ||
         code == ErrorCode::kNameTooLong || code == ErrorCode::kNotSupported ||
         code == ErrorCode::kInvalidArgument;
}

tl::unexpected<Error> Absent(std::string_view name) {
  return Fail(ErrorCode::kNotFound, "no such name: '" + std::string(name) + "'");
}

}  // namespace

Namespace::Namespace(const FilesystemParts& parts, const FilesystemOptions& options,
                     InodeTable& inodes)
    : parts_(parts),
      options_(options),
      inodes_(inodes),
      moves_(*parts.clock),
      outages_(*parts.clock) {}

Status Namespace::Start() {
  const WallTime now = Now();
  InodeRecord root;
  root.ino = InodeNumber::kRoot;
  root.parent = InodeNumber::kRoot;
  root.kind = InodeKind::kDirectory;
  root.attributes_known = true;
  root.mtime = root.ctime = root.learned_at = now;
  MutexLock lock(mutex_);
  fixed_[ToInteger(root.ino)] = root;
  if (!parts_.remotes_as_directories) return {};
  for (const Remote& remote : parts_.remotes) {
    Child child = root;
    child.ino = InodeNumber::kNone;
    child.name = remote.name;
    const InodeRecord record = TRY(cache().Upsert(InodeNumber::kRoot, child));
    fixed_[ToInteger(record.ino)] = record;
  }
  return {};
}

bool Namespace::IsFixed(InodeNumber ino) const {
  MutexLock lock(mutex_);
  return fixed_.contains(ToInteger(ino));
}

std::optional<InodeRecord> Namespace::FixedRecord(InodeNumber ino) const {
  MutexLock lock(mutex_);
  const auto found = fixed_.find(ToInteger(ino));
  if (found == fixed_.end()) return std::nullopt;
  return found->second;
}

Status Namespace::UpdateFixed(const InodeRecord& record) {
  MutexLock lock(mutex_);
  fixed_[ToInteger(record.ino)] = record;
  return {};
}

std::vector<InodeRecord> Namespace::RemoteDirectories() const {
  MutexLock lock(mutex_);
  std::vector<InodeRecord> directories;
  for (const auto& [ino, record] : fixed_) {
    if (!IsMountRoot(record.ino)) directories.push_back(record);
  }
  std::sort(directories.begin(), directories.end(),
            [](const InodeRecord& a, const InodeRecord& b) { return a.name < b.name; });
  return directories;
}

Result<Location> Namespace::Locate(InodeNumber ino) {
  if (ListsRemotes(ino))
    return Fail(ErrorCode::kNotSupported, "the mount's root only lists its remotes");
  auto path = IsMountRoot(ino) ? Result<std::vector<std::string>>(std::vector<std::string>())
                               : cache().PathOf(ino);
  if (!path && path.error().code == ErrorCode::kNotFound) return Gone();
  if (!path) return Fail(path.error());
  Location location{.remote = &parts_.remotes.front()};
  InodeNumber at = InodeNumber::kRoot;
  auto part = path->begin();
  const bool has_digests = std::any_of(path->begin(), path->end(), IsDigestName);
  const auto descend = [&]() -> Status {
    if (has_digests) at = TRY(cache().Lookup(at, *part)).inode.ino;
    ++part;
    return {};
  };
  if (parts_.remotes_as_directories) {
    const auto found = std::find_if(parts_.remotes.begin(), parts_.remotes.end(),
                                    [&](const Remote& remote) { return remote.name == *part; });
    if (found == parts_.remotes.end()) return Gone();
    location.remote = &*found;
    TRY_VOID(descend());
  }
  location.key = location.remote->root;
  while (part != path->end()) {
    location.key = location.key.child(TRY(PartOf(at, *part)));
    TRY_VOID(descend());
  }
  return location;
}

Result<std::string> Namespace::PartOf(InodeNumber parent, std::string_view name) {
  if (!IsDigestName(name)) return RemoteName(name);
  NameAnswer known = TRY(cache().Lookup(parent, name));
  const bool proved =
      known.what == NameAnswer::What::kPresent && IsPartOfDigestName(known.inode.remote_name, name);
  if (!proved) return Absent(name);
  return std::move(known.inode.remote_name);
}

Result<Location> Namespace::LocateChild(InodeNumber parent, std::string_view name) {
  Location location = TRY(Locate(parent));
  const std::string remote_name = TRY(PartOf(parent, name));
  location.key = location.key.child(remote_name);
  const Capabilities& limits = location.remote->store->capabilities();
  if (remote_name.size() > limits.max_name_bytes ||
      location.key.path.size() > limits.max_key_bytes) {
    return Fail(ErrorCode::kNameTooLong,
                "the store takes names of " + std::to_string(limits.max_name_bytes) +
                    " and paths of " + std::to_string(limits.max_key_bytes) + " bytes");
  }
  return location;
}

template <class Guard>
Result<Held<Guard>> Namespace::HoldWhile(
    const std::function<Result<std::vector<Location>>()>& locate, const CallContext& context) {
  for (std::vector<Location> at = TRY(locate());;) {
    DirectoryMoves::Paths paths;
    for (const Location& location : at)
      paths.push_back(location.remote->name + ":" + location.key.path);
    auto guard = TRY(Guard::Begin(moves_, std::move(paths), context));
    auto now = TRY(locate());
    if (now == at) return Held<Guard>{.at = std::move(at), .guard = std::move(guard)};
    at = std::move(now);  // moved before the guard was there
  }
}

Result<HeldForUse> Namespace::Hold(InodeNumber ino, const CallContext& context) {
  return HoldWhile<DirectoryMoves::Use>(
      [&]() -> Result<std::vector<Location>> { return std::vector<Location>{TRY(Locate(ino))}; },
      context);
}

Result<HeldForUse> Namespace::HoldChild(InodeNumber parent, std::string_view name,
                                        const CallContext& context) {
  return HoldWhile<DirectoryMoves::Use>(
      [&]() -> Result<std::vector<Location>> {
        return std::vector<Location>{TRY(LocateChild(parent, name))};
      },
      context);
}

Result<std::vector<Location>> Namespace::LocateBoth(const OpenFile::Place& one,
                                                    const OpenFile::Place& other) {
  Location first = TRY(LocateChild(one.parent, one.name));
  Location second = TRY(LocateChild(other.parent, other.name));
  return std::vector<Location>{std::move(first), std::move(second)};
}

Result<HeldForUse> Namespace::HoldChildren(const OpenFile::Place& one, const OpenFile::Place& other,
                                           const CallContext& context) {
  return HoldWhile<DirectoryMoves::Use>([&] { return LocateBoth(one, other); }, context);
}

Result<HeldForMove> Namespace::HoldForMoving(const OpenFile::Place& from, const OpenFile::Place& to,
                                             const CallContext& context) {
  return HoldWhile<DirectoryMoves::Move>([&] { return LocateBoth(from, to); }, context);
}

Result<Location> Namespace::LocateNew(InodeNumber parent, std::string_view name,
                                      const CallContext& context) {
  if (IsEscapedForm(name)) {
    // It may be replaced where it exists; nothing else makes one.
    const auto there = Find(parent, name, context);
    if (!there && there.error().code == ErrorCode::kNotFound) TRY_VOID(CheckNewName(name));
    if (!there) return Fail(there.error());
  }
  Location location = TRY(LocateChild(parent, name));
  if (!MayBeRefused(name)) return location;
  // A store that cannot hold the key says so without a request.
  const auto there = location.remote->store->Head(location.key, context);
  if (!there && there.error().code == ErrorCode::kInvalidName) return Fail(there.error());
  return location;
}

bool Namespace::Fresh(WallTime learned_at, std::chrono::nanoseconds ttl) const {
  const auto age = Now() - learned_at;
  return age >= age.zero() && age < ttl;  // a clock that was set back makes nothing fresh
}

bool Namespace::Usable(const InodeRecord& record) const {
  return record.attributes_known && Fresh(record.learned_at, options_.ttl);
}

std::chrono::nanoseconds Namespace::ValidFor(const InodeRecord& record) const {
  if (IsFixed(record.ino)) return options_.ttl;
  const auto left = options_.ttl - (Now() - record.learned_at);
  return std::clamp<std::chrono::nanoseconds>(left, std::chrono::nanoseconds(0), options_.ttl);
}

bool Namespace::HasFreshListing(InodeNumber directory) {
  const auto state = cache().GetDirectoryState(directory);
  return state && state->complete && Fresh(state->listed_at, options_.ttl);
}

Result<std::optional<InodeRecord>> Namespace::FindCached(InodeNumber parent,
                                                         std::string_view name) {
  NameAnswer answer = TRY(cache().Lookup(parent, name));
  if (AbsentSince(parent, answer)) return Absent(name);
  const bool known = answer.what == NameAnswer::What::kPresent && Usable(answer.inode);
  return known ? std::optional<InodeRecord>(std::move(answer.inode)) : std::nullopt;
}

std::optional<WallTime> Namespace::AbsentSince(InodeNumber parent, const NameAnswer& answer) {
  if (answer.what == NameAnswer::What::kPresent) return std::nullopt;
  const bool told = answer.what == NameAnswer::What::kAbsent &&
                    Fresh(answer.learned_at, options_.negative_ttl / 2);
  if (told) return answer.learned_at;
  const auto state = cache().GetDirectoryState(parent);
  const bool listed = state && state->complete && Fresh(state->listed_at, options_.ttl);
  return listed ? std::optional(state->listed_at) : std::nullopt;
}

std::optional<WallTime> Namespace::AbsentSince(InodeNumber parent, std::string_view name) {
  const auto answer = cache().Lookup(parent, name);
  return answer ? AbsentSince(parent, *answer) : std::nullopt;
}

Result<InodeRecord> Namespace::Find(InodeNumber parent, std::string_view name,
                                    const CallContext& context) {
  if (IsOut(parent)) {
    if (auto kept = TRY(FindKept(parent, name))) return *std::move(kept);
  }
  auto found = FindFresh(parent, name, context);
  if (found || !found.error().IsOutOfReach()) return found;
  NoteOutage(parent);
  if (auto kept = TRY(FindKept(parent, name))) return *std::move(kept);
  return found;
}

Result<InodeRecord> Namespace::FindFresh(InodeNumber parent, std::string_view name,
                                         const CallContext& context) {
  if (ListsRemotes(parent)) {
    for (const InodeRecord& remote : RemoteDirectories()) {
      if (remote.name == name) return remote;
    }
    return Absent(name);
  }
  TRY_VOID(CheckName(name));
  auto cached = FindCached(parent, name);
  // What is too long for the store is not merely absent.
  if (!cached && cached.error().code == ErrorCode::kNotFound) TRY(LocateChild(parent, name));
  if (TRY(cached)) return **std::move(cached);
  const NameAnswer was = TRY(cache().Lookup(parent, name));
  const bool present = was.what == NameAnswer::What::kPresent;
  // A listing has shown it just now: only Head tells more.
  const bool listed_now = present && Fresh(was.inode.learned_at, options_.ttl);
  if (IsDigestName(name) && !present) {
    TRY_VOID(ListWhole(parent, context));
    if (auto listed = TRY(FindCached(parent, name))) return *std::move(listed);
  } else if (!listed_now && WorthListing(parent)) {
    TRY_VOID(ListOnePage(parent, context));
    if (auto listed = TRY(FindCached(parent, name))) return *std::move(listed);
  }
  return AskHead(parent, name, present ? was.inode.kind : InodeKind::kFile, context);
}

Result<InodeRecord> Namespace::FindListed(InodeNumber parent, std::string_view name,
                                          const CallContext& context) {
  NameAnswer known = TRY(cache().Lookup(parent, name));
  if (known.what == NameAnswer::What::kPresent) return std::move(known.inode);
  return Find(parent, name, context);
}

Result<InodeRecord> Namespace::Get(InodeNumber ino, const CallContext& context) {
  if (auto fixed = FixedRecord(ino)) return *std::move(fixed);
  auto record = TRY(cache().Get(ino));
  while (record && !Usable(*record)) {
    auto found = Find(record->parent, record->name, context);
    if (found && found->ino == ino) return found;
    if (!found && found.error().code != ErrorCode::kNotFound) return found;
    // The name is nobody's, or another file's, unless the inode was renamed meanwhile.
    auto now = TRY(cache().Get(ino));
    if (now && now->parent == record->parent && now->name == record->name) return Gone();
    record = std::move(now);
  }
  if (!record) return Gone();
  return *std::move(record);
}

Result<std::optional<InodeRecord>> Namespace::Cached(InodeNumber ino) {
  if (auto fixed = FixedRecord(ino)) return fixed;
  return cache().Get(ino);
}

// --- While the store is out of reach ---

bool Namespace::IsOut(InodeNumber directory) {
  if (!outages_.any()) return false;
  const auto location = Locate(directory);
  return location && outages_.IsOut(*location->remote);
}

void Namespace::NoteOutage(InodeNumber directory) {
  if (const auto location = Locate(directory)) outages_.Note(*location->remote);
}

Result<std::optional<InodeRecord>> Namespace::FindKept(InodeNumber parent, std::string_view name) {
  NameAnswer answer = TRY(cache().Lookup(parent, name));
  const bool present = answer.what == NameAnswer::What::kPresent;
  if (!present || !answer.inode.attributes_known) return std::optional<InodeRecord>();
  if (!Fresh(answer.inode.learned_at, std::max(options_.ttl, options_.offline_max)))
    return std::optional<InodeRecord>();
  return std::optional<InodeRecord>(std::move(answer.inode));
}

bool Namespace::KeepsListing(InodeNumber directory) {
  const auto state = cache().GetDirectoryState(directory);
  return state && state->complete &&
         Fresh(state->listed_at, std::max(options_.ttl, options_.offline_max));
}

// --- What the store says ---

Result<InodeRecord> Namespace::AskHead(InodeNumber parent, std::string_view name,
                                       InodeKind expected, const CallContext& context) {
  const HeldForUse held = TRY(HoldChild(parent, name, context));
  while (true) {
    const auto question = changes_.Ask();
    auto answer = AskStore(held.at.front(), parent, name, expected, question, context);
    // Else nothing can be said about the answer's age.
    if (changes_.Remembers(question)) return answer;
  }
}

Result<InodeRecord> Namespace::AskStore(const Location& location, InodeNumber parent,
                                        std::string_view name, InodeKind expected,
                                        const LocalChanges::Question& question,
                                        const CallContext& context) {
  auto info = Look(location, parent, name, expected, context);
  if (!info && info.error().code == ErrorCode::kNotFound) {
    // Nothing there, unless this mount has made it meanwhile.
    if (auto current = TRY(LearnAbsent(parent, name, question))) return *std::move(current);
    return Absent(name);
  }
  if (!info) return Fail(std::move(info).error());
  Child child = ToChild(*info, std::string(name), Now());
  if (IsDigestName(name)) child.remote_name = location.key.name();
  return Learn(parent, std::move(child), question);
}

Result<ObjectInfo> Namespace::Look(const Location& location, InodeNumber parent,
                                   std::string_view name, InodeKind expected,
                                   const CallContext& context) {
  ObjectStore& store = *location.remote->store;
  if (IsShadowedFileName(name)) {
    // There is one only beside a directory; what a listing has shown outlives that, until the next.
    const auto directory = store.HeadDirectory(location.key, context);
    const bool gone = !directory && directory.error().code == ErrorCode::kNotFound;
    if (!directory && !gone) return directory;
    if (gone && TRY(cache().Lookup(parent, name)).what != NameAnswer::What::kPresent)
      return Absent(name);
    auto file = store.Head(location.key, context);
    if (file && file->kind == NodeKind::kDirectory) return Absent(name);
    return file;
  }
  if (expected == InodeKind::kDirectory) {
    auto directory = store.HeadDirectory(location.key, context);
    // A file may have taken its place.
    if (directory || directory.error().code != ErrorCode::kNotFound) return directory;
  }
  return store.Head(location.key, context);
}

Result<std::optional<InodeRecord>> Namespace::CurrentLocked(InodeNumber parent,
                                                            std::string_view name) {
  NameAnswer answer = TRY(cache().Lookup(parent, name));
  if (answer.what != NameAnswer::What::kPresent) return std::optional<InodeRecord>();
  return std::optional<InodeRecord>(std::move(answer.inode));
}

Status Namespace::SeparateFromOpenLocked(const InodeRecord& known, Child& child) {
  if (known.kind != InodeKind::kFile || known.etag == child.etag) return {};
  const auto open = inodes_.FindOpen(known.ino);
  if (!open || open->view().record.etag == child.etag) return {};
  child.ino = TRY(cache().AllocateInode());
  open->SetState(FileState::kReplaced);
  return {};
}

Result<InodeRecord> Namespace::Learn(InodeNumber parent, Child child,
                                     const LocalChanges::Question& question) {
  MutexLock lock(learn_mutex_);
  TRY_VOID(CheckRemembered(question));
  const auto known = TRY(CurrentLocked(parent, child.name));
  if (changes_.ChangedSince(question, parent, child.name)) {
    if (known) return *known;
    return Absent(child.name);
  }
  if (known) {
    // On flat stores Head shows the file where a directory has the name: the listing has told them
    // apart.
    if (known->kind == InodeKind::kDirectory && child.kind != InodeKind::kDirectory) {
      const std::string shadowed = ShadowedFileName(TRY(PartOf(parent, child.name)));
      if (TRY(cache().Lookup(parent, shadowed)).what == NameAnswer::What::kPresent) return *known;
    }
    TRY_VOID(SeparateFromOpenLocked(*known, child));
    KeepMovedTimes(*known, child);
  }
  InodeRecord learned = TRY(cache().Upsert(parent, child));
  if (known && known->ino != learned.ino) inodes_.kernel().LostName(known->ino, parent, child.name);
  TellKernel(learned);
  return learned;
}

// What the kernel is told of an open file is what that says.
void Namespace::TellKernel(const InodeRecord& record) {
  if (inodes_.FindOpen(record.ino) == nullptr) inodes_.kernel().Learned(record);
}

Result<std::optional<InodeRecord>> Namespace::LearnAbsent(InodeNumber parent, std::string_view name,
                                                          const LocalChanges::Question& question) {
  MutexLock lock(learn_mutex_);
  TRY_VOID(CheckRemembered(question));
  auto known = TRY(CurrentLocked(parent, name));
  if (changes_.ChangedSince(question, parent, name)) return known;
  if (known) {
    if (const auto open = inodes_.FindOpen(known->ino)) open->SetState(FileState::kReplaced);
    inodes_.kernel().LostName(known->ino, parent, name);
  }
  TRY_VOID(cache().SetAbsent(parent, name, Now()));
  return std::optional<InodeRecord>();
}

std::vector<Child> Namespace::ToChildren(const std::vector<ObjectInfo>& entries, WallTime now) {
  std::unordered_set<std::string_view> directories;
  for (const ObjectInfo& entry : entries) {
    if (entry.kind == NodeKind::kDirectory) directories.insert(entry.key.name());
  }
  std::vector<Child> children;
  children.reserve(entries.size());
  std::unordered_set<std::string> seen;  // a service that repeats itself shows no name twice
  for (const ObjectInfo& entry : entries) {
    const std::string_view part = entry.key.name();
    const bool shadowed = entry.kind != NodeKind::kDirectory && directories.contains(part);
    std::string local = shadowed ? ShadowedFileName(part) : LocalName(part);
    if (!seen.insert(local).second) continue;
    Child child = ToChild(entry, std::move(local), now);
    if (IsDigestName(child.name)) child.remote_name = part;
    children.push_back(std::move(child));
  }
  return children;
}

Result<cache::MetadataCache::Listing::Added> Namespace::Keep(
    InodeNumber directory, const std::vector<Child>& children,
    cache::MetadataCache::Listing* stored) {
  if (stored != nullptr) return stored->Add(children);
  cache::MetadataCache::Listing::Added added;
  added.records.reserve(children.size());
  for (const Child& child : children) {
    auto before = TRY(CurrentLocked(directory, child.name));
    added.records.push_back(TRY(cache().Upsert(directory, child)));
    if (before && before->ino != added.records.back().ino)
      added.replaced.push_back(*std::move(before));
  }
  return added;
}

Status Namespace::CheckRemembered(const LocalChanges::Question& question) const {
  if (changes_.Remembers(question)) return {};
  return Fail(ErrorCode::kConflict,
              "the answer may be older than changes of this mount: ask again");
}

Result<std::vector<InodeRecord>> Namespace::LearnPage(InodeNumber directory,
                                                      const AskedPage& asked) {
  const LocalChanges::Question& question = asked.question;
  NoteHidden(asked.page);
  std::vector<Child> children = ToChildren(asked.page.entries, Now());
  MutexLock lock(learn_mutex_);
  TRY_VOID(CheckRemembered(question));
  std::vector<Child> kept;
  kept.reserve(children.size());
  std::unordered_map<std::string, std::shared_ptr<OpenFile>> open_here;
  for (auto& file : inodes_.AllOpen()) {
    const auto place = file->view().place;
    if (place.parent == directory) open_here.emplace(place.name, file);
  }
  for (Child& child : children) {
    if (changes_.ChangedSince(question, directory, child.name)) {
      // Our own change is newer: the cache has it already, or has it no more.
      if (auto current = TRY(CurrentLocked(directory, child.name)))
        kept.push_back(*std::move(current));
      continue;
    }
    if (child.kind == InodeKind::kDirectory) {
      auto known = TRY(CurrentLocked(directory, child.name));
      if (known && known->kind != InodeKind::kDirectory &&
          known->learned_at >= asked.listing_begun) {
        Child file = *known;
        file.ino = InodeNumber::kNone;
        file.name = ShadowedFileName(TRY(PartOf(directory, child.name)));
        if (IsDigestName(file.name)) file.remote_name = TRY(PartOf(directory, child.name));
        kept.push_back(std::move(file));
      }
      if (known) KeepKnown(*std::move(known), child);
    }
    if (open_here.contains(child.name)) {
      if (const auto known = TRY(CurrentLocked(directory, child.name))) {
        TRY_VOID(SeparateFromOpenLocked(*known, child));
      }
    }
    kept.push_back(std::move(child));
  }
  cache::MetadataCache::Listing::Added added = TRY(Keep(directory, kept, asked.stored));
  for (const InodeRecord& before : added.replaced)
    inodes_.kernel().LostName(before.ino, directory, before.name);
  for (const InodeRecord& record : added.records) TellKernel(record);
  return std::move(added.records);
}

void Namespace::NoteHidden(const ListPage& page) {
  hidden_names_ += page.hidden_names.size();
  for (const std::string& name : page.hidden_names) {
    {
      MutexLock lock(mutex_);
      if (logged_hidden_.size() >= kMaxLoggedHidden) return;
      if (!logged_hidden_.insert(name).second) continue;
    }
    Log(LogLevel::kWarning, "'{}' has no name that the mount can show: it is left out", name);
  }
}

Status Namespace::FillAttributes(InodeNumber directory, std::span<InodeRecord> records,
                                 const CallContext& context) {
  std::vector<InodeRecord*> unknown;
  for (InodeRecord& record : records) {
    if (!record.attributes_known && record.ino != InodeNumber::kNone) unknown.push_back(&record);
  }
  std::atomic<std::size_t> next{0};
  Mutex error_mutex;
  std::optional<Error> first_error;
  const auto work = [&] {
    for (std::size_t i = next++; i < unknown.size(); i = next++) {
      auto found = AskHead(directory, unknown[i]->name, unknown[i]->kind, context);
      if (found) {
        *unknown[i] = *std::move(found);
      } else if (found.error().code == ErrorCode::kNotFound) {
        unknown[i]->ino = InodeNumber::kNone;
      } else if (ConcernsOneObject(found.error().code)) {
        Log(LogLevel::kDebug, "list: no attributes of '{}': {}", unknown[i]->name,
            found.error().ToString());
      } else {
        MutexLock lock(error_mutex);
        if (!first_error) first_error = std::move(found).error();
        next = unknown.size();
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    while (helpers.size() + 1 < unknown.size() && ++head_threads_ <= kMaxParallelHeads)
      helpers.emplace_back(work);
    if (helpers.size() + 1 < unknown.size()) --head_threads_;  // the one that was not allowed
    work();
    const auto used = static_cast<std::int64_t>(helpers.size());
    helpers.clear();  // joins
    head_threads_ -= used;
  }
  if (first_error) return Fail(*std::move(first_error));
  return {};
}

// --- Listing instead of many Heads ---

bool Namespace::WorthListing(InodeNumber directory) {
  const WallTime now = Now();
  MutexLock lock(mutex_);
  if (interest_.size() >= kMaxInterest) interest_.clear();
  Interest& interest = interest_[ToInteger(directory)];
  if (now < interest.too_big_until) return false;
  if (now - interest.since > options_.ttl) interest = {.since = now};
  return ++interest.heads > kHeadsBeforeListing;
}

Status Namespace::ListOnePage(InodeNumber directory, const CallContext& context) {
  if (!ClaimListing(directory)) return {};
  struct Claim {
    Namespace& names;
    InodeNumber directory;
    ~Claim() { names.ReleaseListing(directory); }
  } const claim{*this, directory};
  const HeldForUse held = TRY(Hold(directory, context));
  const Location& location = held.at.front();
  const WallTime asked_at = Now();
  const auto question = changes_.Ask();
  auto page = location.remote->store->List({.directory = location.key}, context);
  if (!page && page.error().code == ErrorCode::kNotFound) return {};  // Head will say so
  if (!page) return Fail(std::move(page).error());
  const auto listing = cache().BeginListing(directory);
  const auto learned = LearnPage(
      directory,
      {.page = *page, .question = question, .listing_begun = asked_at, .stored = listing.get()});
  if (!changes_.Remembers(question)) return {};  // Head asks again
  TRY(learned);
  if (page->continuation.empty()) {
    return listing->Finish(asked_at, [&](std::string_view name) {
      if (changes_.ChangedSince(question, directory, name)) return true;
      NoteVanished(directory, name);
      return false;
    });
  }
  MutexLock lock(mutex_);
  interest_[ToInteger(directory)].too_big_until = Now() + kRememberTooBig;
  return {};
}

Status Namespace::ListWhole(InodeNumber directory, const CallContext& context) {
  DirectoryScan scan(*this, directory);
  while (!TRY(scan.Next(context)).empty()) {
  }
  return {};
}

bool Namespace::ClaimListing(InodeNumber directory) {
  MutexLock lock(mutex_);
  return listings_.insert(ToInteger(directory)).second;
}

void Namespace::ReleaseListing(InodeNumber directory) {
  MutexLock lock(mutex_);
  listings_.erase(ToInteger(directory));
}

Status Namespace::TrimCache() {
  return cache().Trim([this](InodeNumber ino) {
    return inodes_.kernel().lookup_count(ino) > 0 || inodes_.FindOpen(ino) != nullptr;
  });
}

// --- What this mount changed ---

Result<InodeRecord> Namespace::Record(InodeNumber parent, const Child& child) {
  MutexLock lock(learn_mutex_);
  changes_.Note(parent, child.name);
  return cache().Upsert(parent, child);
}

Status Namespace::RecordAbsent(InodeNumber parent, std::string_view name) {
  MutexLock lock(learn_mutex_);
  changes_.Note(parent, name);
  return cache().SetAbsent(parent, name, Now());
}

Status Namespace::RecordEmpty(InodeNumber directory, WallTime since) {
  return cache().BeginListing(directory)->Finish(since, [](std::string_view) { return false; });
}

Result<InodeRecord> Namespace::RecordRename(const InodeRecord& source, InodeNumber new_parent,
                                            std::string_view new_name, const ObjectInfo& info) {
  MutexLock lock(learn_mutex_);
  changes_.Note(source.parent, source.name);
  changes_.Note(new_parent, new_name);
  InodeRecord moved = source;
  if (TRY(cache().Get(source.ino))) {
    TRY_VOID(cache().Rename(source.ino, new_parent, new_name));
    TRY_VOID(cache().SetAbsent(source.parent, source.name, Now()));
  }
  moved.parent = new_parent;
  moved.name = std::string(new_name);
  moved.remote_name.clear();
  moved.etag = info.etag.value;
  if (info.kind != NodeKind::kDirectory) moved.last_modified = info.last_modified;
  moved.mtime = ShownMtime(source);  // a rename never moves it
  moved.ctime = moved.learned_at = Now();
  return cache().Upsert(new_parent, moved);
}

void Namespace::Touch(InodeNumber directory) {
  const WallTime now = Now();
  {
    MutexLock lock(mutex_);
    if (const auto found = fixed_.find(ToInteger(directory)); found != fixed_.end()) {
      found->second.mtime = found->second.ctime = now;
      return;
    }
  }
  MutexLock lock(learn_mutex_);
  auto record = cache().Get(directory);
  if (!record || !*record) return;
  (*record)->mtime = (*record)->ctime = now;
  if (const Status status = cache().Update(**record); !status) {
    Log(LogLevel::kWarning, "cache: the times of a directory were not kept: {}",
        status.error().ToString());
  }
}

void Namespace::Distrust(InodeNumber parent, std::string_view name) {
  const auto forget = [&]() -> Status {
    MutexLock lock(learn_mutex_);
    if (auto known = TRY(CurrentLocked(parent, name))) {
      known->learned_at = WallTime{};
      inodes_.kernel().ForgetAttributes(known->ino);
      return cache().Update(*known);
    }
    TRY_VOID(cache().SetAbsent(parent, name, WallTime{}));
    return cache().InvalidateDirectory(parent);
  };
  if (const Status status = forget(); !status) {
    Log(LogLevel::kWarning, "cache: an entry could not be marked as old: {}",
        status.error().ToString());
  }
  inodes_.kernel().LostName(parent, name);
}

void Namespace::DistrustTree(InodeNumber directory) {
  constexpr std::size_t kBatch = 1000;
  std::vector<InodeNumber> todo{directory};
  while (!todo.empty()) {
    const InodeNumber next = todo.back();
    todo.pop_back();
    if (const Status status = cache().InvalidateDirectory(next); !status) {
      Log(LogLevel::kWarning, "cache: a directory could not be marked as old: {}",
          status.error().ToString());
    }
    for (std::string after;;) {
      const auto children = cache().Children(next, after, kBatch);
      if (!children || children->empty()) break;
      after = children->back().name;
      for (const InodeRecord& child : *children) {
        if (child.kind == InodeKind::kDirectory) todo.push_back(child.ino);
      }
    }
  }
}

bool Namespace::MayBeOnlyChild(InodeNumber directory, std::string_view name) {
  const auto state = cache().GetDirectoryState(directory);
  if (!state || !state->complete) return true;
  const std::uint64_t number = ToInteger(directory);
  std::string sibling;
  {
    MutexLock lock(mutex_);
    if (const auto found = siblings_.find(number); found != siblings_.end())
      sibling = found->second;
  }
  if (!sibling.empty() && sibling != name) {
    const auto there = cache().Lookup(directory, sibling);
    if (there && there->what == NameAnswer::What::kPresent) return false;
  }
  // Who removes one name after the other has left removed ones before this: they cost time.
  auto others = cache().Children(directory, name, 1);
  if (others && others->empty()) others = cache().Children(directory, "", 1);
  if (!others || others->empty() || others->front().name == name) return true;
  MutexLock lock(mutex_);
  if (siblings_.size() >= kMaxInterest) siblings_.clear();
  siblings_.insert_or_assign(number, others->front().name);
  return false;
}

}  // namespace skybridge::fuse
