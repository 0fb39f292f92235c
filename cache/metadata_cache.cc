#include "cache/metadata_cache.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "cache/cache_directory.h"
#include "cache/inode_codec.h"
#include "cache/inode_counter.h"
#include "cache/listing_states.h"
#include "cache/open_mark.h"
#include "cache/rocks_db.h"
#include "core/log.h"
#include "core/mutex.h"

namespace skybridge::cache {
namespace {

// Entries in one write of a listing or a removal: bounds memory and the time that other writers
// wait.
constexpr std::size_t kBatchEntries = 256;
// Entries of removed directories that go along with each change, until none are left.
constexpr std::size_t kGarbageEntries = 64;
// Deeper than any path that a store can hold (one byte a name in a key of 1024 bytes, or Azure's 63
// levels).
constexpr std::size_t kMaxDepth = 4096;

// What a record that was learned again keeps of the one before: what a listing could not tell about
// the same version.
void KeepWhatIsKnown(const InodeRecord& old, InodeRecord& fresh) {
  if (old.etag != fresh.etag) return;
  if (!fresh.attributes_known && old.attributes_known) {
    fresh.attributes_known = true;
    fresh.mtime = old.mtime;
    fresh.mode = old.mode;
    fresh.uid = old.uid;
    fresh.gid = old.gid;
    fresh.xattrs = old.xattrs;
    fresh.foreign = old.foreign;
    fresh.content = old.content;
    fresh.tier = old.tier;
    fresh.access = old.access;
  }
  if (fresh.symlink_target.empty()) fresh.symlink_target = old.symlink_target;
}

// A listing without attributes shows a symbolic link as a file; the version tells that it is the
// link we know.
bool IsKnownLink(const InodeRecord& old, const InodeRecord& fresh) {
  return old.kind == InodeKind::kSymlink && fresh.kind == InodeKind::kFile &&
         !fresh.attributes_known && !fresh.etag.empty() && old.etag == fresh.etag;
}

bool LooksTheSame(const InodeRecord& a, const InodeRecord& b) {
  return a.etag == b.etag && a.size_bytes == b.size_bytes && a.mtime == b.mtime &&
         a.mode == b.mode && a.uid == b.uid && a.gid == b.gid && a.xattrs == b.xattrs &&
         a.foreign == b.foreign && a.content == b.content && a.tier == b.tier &&
         a.access == b.access;
}

class RocksMetadataCache final : public MetadataCache {
 public:
  RocksMetadataCache(std::unique_ptr<CacheDirectory> directory, std::unique_ptr<OpenMark> mark,
                     std::unique_ptr<InodeCounter> counter, std::unique_ptr<RocksDb> db,
                     std::uint64_t max_bytes)
      : max_bytes_(max_bytes),
        directory_(std::move(directory)),
        mark_(std::move(mark)),
        counter_(std::move(counter)),
        db_(std::move(db)) {}

  // What is still in memory and finds no room on the disk is lost: the next process is told to
  // believe nothing.
  ~RocksMetadataCache() override {
    if (!db_->WriteUnwritten()) mark_->Leave();
  }

  Status Start();
  Status StartEmpty() {
    TRY_VOID(db_->Empty());
    return Start();
  }

  Result<std::optional<InodeRecord>> Get(InodeNumber ino) override;
  Result<NameAnswer> Lookup(InodeNumber parent, std::string_view name) override;
  Result<InodeRecord> Upsert(InodeNumber parent, const Child& child) override;
  Status SetAbsent(InodeNumber parent, std::string_view name, WallTime now) override;
  std::unique_ptr<Listing> BeginListing(InodeNumber directory) override;
  Result<DirectoryState> GetDirectoryState(InodeNumber directory) override;
  Status InvalidateDirectory(InodeNumber directory) override;
  Result<std::vector<InodeRecord>> Children(InodeNumber directory, std::string_view after,
                                            std::size_t max) override;
  Status Update(const InodeRecord& record) override;
  Status Rename(InodeNumber ino, InodeNumber new_parent, std::string_view new_name) override;
  Status Remove(InodeNumber parent, std::string_view name) override;
  Status Trim(const std::function<bool(InodeNumber)>& in_use) override;
  Result<InodeNumber> AllocateInode() override { return counter_->Next(); }
  Result<std::vector<std::string>> PathOf(InodeNumber ino) override;

 private:
  class RunningListing;
  // Changes under way that have not reached the database.
  struct Change {
    RocksBatch batch;
    std::unordered_map<std::string, InodeRecord> written;  // entries of this batch, by key
    std::vector<InodeRecord> replaced;                     // by an inode of another number
    std::vector<InodeNumber> garbage;                      // directories that were removed
  };

  Result<std::optional<EntryPlace>> PlaceOf(InodeNumber ino);
  Result<std::optional<DirectoryEntry>> EntryAt(InodeNumber parent, std::string_view name);
  Result<ListingState> StateOf(InodeNumber directory);
  Status WriteState(InodeNumber directory, const ListingState& state) REQUIRES(mutex_);
  Status DistrustWhatAKilledProcessLeft();
  // The inode's own entry; nothing if it has gone.
  Result<std::optional<DirectoryEntry>> EntryOf(InodeNumber ino);
  Result<bool> IsBelow(InodeNumber ino, InodeNumber ancestor);
  Status RequireDirectory(InodeNumber directory);

  Result<InodeRecord> UpsertInto(Change& change, InodeNumber parent, const Child& child,
                                 std::uint64_t generation) REQUIRES(mutex_);
  Result<std::optional<InodeRecord>> PresentBefore(const Change& change, InodeNumber parent,
                                                   const std::string& name);
  void PutEntry(Change& change, const InodeRecord& inode, std::uint64_t generation);
  void PutPlace(Change& change, const InodeRecord& inode) {
    change.batch.Put(InodeKey(inode.ino), EncodePlace({inode.parent, inode.name}));
  }
  Status LeaveOldPlace(Change& change, const InodeRecord& inode);
  // Removes what an entry refers to, not the entry itself.
  void ForgetInode(Change& change, const InodeRecord& inode);
  Status Commit(Change& change) REQUIRES(mutex_);
  Status FindGarbage() REQUIRES(mutex_);
  // Removes up to `max_entries` of what lies in a removed directory. True: none is left.
  Result<bool> CollectSome(InodeNumber directory, std::size_t max_entries) REQUIRES(mutex_);
  Status CollectGarbage(std::size_t max_entries) REQUIRES(mutex_);
  // What lies below a removed directory may still be in the database.
  Result<bool> IsGarbage(InodeNumber directory);

  // Directories that have a listing, in order of their numbers.
  Result<std::vector<InodeNumber>> ListedDirectories(InodeNumber after, std::size_t max);
  // Returns about the bytes that were given back.
  Result<std::uint64_t> TrimDirectory(InodeNumber directory,
                                      const std::function<bool(InodeNumber)>& in_use);

  void NoteRemoved(InodeNumber parent, std::string_view name) REQUIRES(mutex_);
  void NoteMade(InodeNumber parent, std::string_view name) REQUIRES(mutex_);

  const std::uint64_t max_bytes_;
  const std::unique_ptr<CacheDirectory> directory_;
  const std::unique_ptr<OpenMark> mark_;
  const std::unique_ptr<InodeCounter> counter_;
  const std::unique_ptr<RocksDb> db_;
  ListingStates states_;
  // What was recorded before, in every directory, is as if it had been invalidated.
  std::uint64_t stale_before_ = 0;

  std::atomic<bool> has_garbage_{false};
  Mutex trim_mutex_;  // one Trim at a time; taken before mutex_
  // The size at the last Trim. RocksDB gives room back later, when it compacts; until then only what
  // came on top is trimmed again.
  std::uint64_t trimmed_bytes_ GUARDED_BY(trim_mutex_) = 0;
  InodeNumber trim_after_ GUARDED_BY(trim_mutex_) = InodeNumber::kNone;

  Mutex mutex_;  // one change at a time; reads do not take it
  std::vector<InodeNumber> garbage_
      GUARDED_BY(mutex_);  // removed directories that are not empty yet
  std::vector<RunningListing*> listings_ GUARDED_BY(mutex_);
};

// Its number is above that of every entry learned before it began, and marks those that its pages
// show.
class RocksMetadataCache::RunningListing final : public MetadataCache::Listing {
 public:
  RunningListing(RocksMetadataCache& cache, InodeNumber directory)
      : cache_(cache), directory_(directory) {
    MutexLock lock(cache_.mutex_);
    cache_.listings_.push_back(this);
    number_ = cache_.counter_->Next();
  }
  ~RunningListing() override {
    MutexLock lock(cache_.mutex_);
    std::erase(cache_.listings_, this);
  }

  Result<Added> Add(const std::vector<Child>& children) override {
    const InodeNumber number = TRY(number_);
    Added added;
    added.records.reserve(children.size());
    for (std::size_t at = 0; at < children.size(); at += kBatchEntries) {
      const std::size_t end = std::min(children.size(), at + kBatchEntries);
      MutexLock lock(cache_.mutex_);
      TRY_VOID(cache_.RequireDirectory(directory_));
      Change change;
      for (std::size_t i = at; i < end; ++i) {
        if (removed_.contains(children[i].name)) continue;
        added.records.push_back(
            TRY(cache_.UpsertInto(change, directory_, children[i], ToInteger(number))));
      }
      TRY_VOID(cache_.Commit(change));
      std::move(change.replaced.begin(), change.replaced.end(), std::back_inserter(added.replaced));
    }
    return added;
  }

  Status Finish(WallTime listed_at, const std::function<bool(std::string_view)>& keep) override {
    const InodeNumber number = TRY(number_);
    std::string from = EntryKey(directory_, "");
    for (bool more = true; more;) {
      std::vector<Unseen> unseen = TRY(UnseenFrom(from, ToInteger(number)));
      more = unseen.size() == kBatchEntries;
      if (more) from = EntryKey(directory_, unseen.back().name);
      std::erase_if(unseen, [&](const Unseen& u) { return u.present && keep && keep(u.name); });
      TRY_VOID(RemoveUnseen(unseen, ToInteger(number)));
    }
    return MarkComplete(listed_at, ToInteger(number));
  }

  InodeNumber directory() const { return directory_; }
  void NoteRemoved(std::string_view name) { removed_.emplace(name); }
  void NoteMade(std::string_view name) { removed_.erase(std::string(name)); }

 private:
  struct Unseen {
    std::string name;
    bool present = false;  // false: a negative entry
  };

  // Up to kBatchEntries names that no page showed.
  Result<std::vector<Unseen>> UnseenFrom(const std::string& from, std::uint64_t number) {
    std::vector<Unseen> unseen;
    bool good = true;
    TRY_VOID(cache_.db_->Scan(
        EntryKey(directory_, ""), from, [&](std::string_view key, std::string_view value) {
          const std::string_view name = NameOfEntryKey(key);
          const std::optional<DirectoryEntry> entry = DecodeEntry(value, directory_, name);
          good = entry.has_value();
          if (good && entry->generation < number)
            unseen.push_back({std::string(name), entry->present});
          return good && unseen.size() < kBatchEntries;
        }));
    if (!good) return Fail(ErrorCode::kCorrupt, "metadata cache: an entry cannot be read");
    return unseen;
  }

  Status RemoveUnseen(const std::vector<Unseen>& unseen, std::uint64_t number) {
    MutexLock lock(cache_.mutex_);
    Change change;
    for (const auto& [name, present] : unseen) {
      const std::optional<DirectoryEntry> entry = TRY(cache_.EntryAt(directory_, name));
      if (!entry || entry->generation >= number) continue;  // changed since it was looked at
      change.batch.Delete(EntryKey(directory_, name));
      if (entry->present) cache_.ForgetInode(change, entry->inode);
    }
    return cache_.Commit(change);
  }

  Status MarkComplete(WallTime listed_at, std::uint64_t number) {
    MutexLock lock(cache_.mutex_);
    TRY_VOID(cache_.RequireDirectory(directory_));
    ListingState state = TRY(cache_.StateOf(directory_));
    if (state.stale_before > number)
      return {};  // invalidated while the listing ran: it proves nothing
    state.complete = true;
    state.listed_at = listed_at;
    return cache_.WriteState(directory_, state);
  }

  RocksMetadataCache& cache_;
  const InodeNumber directory_;
  Result<InodeNumber> number_ = Fail(ErrorCode::kInternal, "listing without a number");
  std::set<std::string>
      removed_;  // names removed here since the listing began; guarded by cache_.mutex_
};

Status RocksMetadataCache::Start() {
  MutexLock lock(mutex_);
  TRY_VOID(FindGarbage());
  while (has_garbage_) TRY_VOID(CollectGarbage(kBatchEntries));
  TRY_VOID(DistrustWhatAKilledProcessLeft());
  const std::optional<DirectoryEntry> root = TRY(EntryAt(InodeNumber::kNone, ""));
  if (root) return {};
  Change change;
  const InodeRecord record{.ino = InodeNumber::kRoot, .kind = InodeKind::kDirectory};
  PutEntry(change, record, counter_->last());
  PutPlace(change, record);
  return Commit(change);
}

// A process that was killed between a change in the store and its record left a cache that is older
// than its own acknowledged work. Nothing is believed then before the store has said it again.
Status RocksMetadataCache::DistrustWhatAKilledProcessLeft() {
  const std::string key = AboutKey("stale-before");
  if (mark_->was_there()) {
    RocksBatch batch;
    batch.Put(key, std::to_string(ToInteger(TRY(counter_->Next()))));
    TRY_VOID(db_->Write(batch));
  }
  const std::optional<std::string> number = TRY(db_->Get(key));
  if (!number) return {};
  const auto [end, error] =
      std::from_chars(number->data(), number->data() + number->size(), stale_before_);
  if (error != std::errc() || end != number->data() + number->size())
    return Fail(ErrorCode::kCorrupt, "metadata cache: the age of its content cannot be read");
  return {};
}

// --- reading

Result<std::optional<EntryPlace>> RocksMetadataCache::PlaceOf(InodeNumber ino) {
  const std::optional<std::string> value = TRY(db_->Get(InodeKey(ino)));
  if (!value) return std::optional<EntryPlace>();
  std::optional<EntryPlace> place = DecodePlace(*value);
  if (!place)
    return Fail(ErrorCode::kCorrupt, "metadata cache: the place of an inode cannot be read");
  return place;
}

Result<std::optional<DirectoryEntry>> RocksMetadataCache::EntryAt(InodeNumber parent,
                                                                  std::string_view name) {
  const std::optional<std::string> value = TRY(db_->Get(EntryKey(parent, name)));
  if (!value) return std::optional<DirectoryEntry>();
  std::optional<DirectoryEntry> entry = DecodeEntry(*value, parent, name);
  if (!entry) return Fail(ErrorCode::kCorrupt, "metadata cache: an entry cannot be read");
  return entry;
}

Result<ListingState> RocksMetadataCache::StateOf(InodeNumber directory) {
  const auto [known, epoch] = states_.Find(directory);
  if (known) return *known;
  const std::optional<std::string> value = TRY(db_->Get(StateKey(directory)));
  std::optional<ListingState> state = value ? DecodeState(*value) : ListingState();
  if (!state)
    return Fail(ErrorCode::kCorrupt, "metadata cache: the state of a directory cannot be read");
  if (state->stale_before < stale_before_) {
    state->complete = false;
    state->stale_before = stale_before_;
  }
  states_.Keep(directory, *state, epoch);
  return *state;
}

Status RocksMetadataCache::WriteState(InodeNumber directory, const ListingState& state) {
  RocksBatch batch;
  batch.Put(StateKey(directory), EncodeState(state));
  TRY_VOID(db_->Write(batch));
  states_.Forget(directory);
  return {};
}

Result<std::optional<DirectoryEntry>> RocksMetadataCache::EntryOf(InodeNumber ino) {
  // A rename between the two reads shows as another inode at the old place: look again.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::optional<EntryPlace> place = TRY(PlaceOf(ino));
    if (!place) break;
    std::optional<DirectoryEntry> entry = TRY(EntryAt(place->parent, place->name));
    if (entry && entry->present && entry->inode.ino == ino) return entry;
  }
  return std::optional<DirectoryEntry>();
}

Result<std::optional<InodeRecord>> RocksMetadataCache::Get(InodeNumber ino) {
  std::optional<DirectoryEntry> entry = TRY(EntryOf(ino));
  if (!entry || TRY(IsGarbage(entry->inode.parent))) return std::optional<InodeRecord>();
  const ListingState state = TRY(StateOf(entry->inode.parent));
  if (entry->generation < state.stale_before) entry->inode.learned_at = WallTime{};
  return std::optional(std::move(entry->inode));
}

Result<NameAnswer> RocksMetadataCache::Lookup(InodeNumber parent, std::string_view name) {
  if (TRY(IsGarbage(parent))) return NameAnswer();
  std::optional<DirectoryEntry> entry = TRY(EntryAt(parent, name));
  const ListingState state = TRY(StateOf(parent));
  const bool stale = entry && entry->generation < state.stale_before;
  NameAnswer answer;
  if (entry && entry->present) {
    answer.what = NameAnswer::What::kPresent;
    answer.inode = std::move(entry->inode);
    if (stale) answer.inode.learned_at = WallTime{};
    return answer;
  }
  const bool negative = entry && !stale;
  if (!negative && !state.complete) return answer;
  // A complete listing also says which names do not exist.
  answer.what = NameAnswer::What::kAbsent;
  if (negative) answer.learned_at = entry->learned_at;
  if (state.complete) answer.learned_at = std::max(answer.learned_at, state.listed_at);
  return answer;
}

Result<DirectoryState> RocksMetadataCache::GetDirectoryState(InodeNumber directory) {
  const ListingState state = TRY(StateOf(directory));
  return DirectoryState{.complete = state.complete, .listed_at = state.listed_at};
}

Result<std::vector<InodeRecord>> RocksMetadataCache::Children(InodeNumber directory,
                                                              std::string_view after,
                                                              std::size_t max) {
  std::vector<InodeRecord> children;
  if (TRY(IsGarbage(directory))) return children;
  const ListingState state = TRY(StateOf(directory));
  bool good = true;
  const std::string from = EntryKey(directory, after);
  TRY_VOID(
      db_->Scan(EntryKey(directory, ""), from, [&](std::string_view key, std::string_view value) {
        if (children.size() >= max) return false;
        const std::string_view name = NameOfEntryKey(key);
        if (name == after) return true;
        std::optional<DirectoryEntry> entry = DecodeEntry(value, directory, name);
        good = entry.has_value();
        if (!good) return false;
        if (entry->generation < state.stale_before) entry->inode.learned_at = WallTime{};
        if (entry->present) children.push_back(std::move(entry->inode));
        return true;
      }));
  if (!good) return Fail(ErrorCode::kCorrupt, "metadata cache: an entry cannot be read");
  return children;
}

Result<std::vector<std::string>> RocksMetadataCache::PathOf(InodeNumber ino) {
  std::vector<std::string> names;
  while (ino != InodeNumber::kRoot) {
    std::optional<EntryPlace> place = TRY(PlaceOf(ino));
    if (!place || names.size() > kMaxDepth)
      return Fail(ErrorCode::kNotFound, "the inode has no path any more");
    names.push_back(std::move(place->name));
    ino = place->parent;
  }
  std::reverse(names.begin(), names.end());
  return names;
}

Result<bool> RocksMetadataCache::IsBelow(InodeNumber ino, InodeNumber ancestor) {
  for (std::size_t depth = 0; ino != InodeNumber::kRoot && depth < kMaxDepth; ++depth) {
    if (ino == ancestor) return true;
    const std::optional<EntryPlace> place = TRY(PlaceOf(ino));
    if (!place) return false;
    ino = place->parent;
  }
  return false;
}

// --- changing

Status RocksMetadataCache::RequireDirectory(InodeNumber directory) {
  const std::optional<EntryPlace> place = TRY(PlaceOf(directory));
  if (!place) return Fail(ErrorCode::kNotFound, "the directory is no longer in the metadata cache");
  return {};
}

void RocksMetadataCache::PutEntry(Change& change, const InodeRecord& inode,
                                  std::uint64_t generation) {
  const std::string key = EntryKey(inode.parent, inode.name);
  change.batch.Put(key, EncodeEntry({.present = true, .generation = generation, .inode = inode}));
  change.written[key] = inode;
}

void RocksMetadataCache::ForgetInode(Change& change, const InodeRecord& inode) {
  change.batch.Delete(InodeKey(inode.ino));
  if (inode.kind != InodeKind::kDirectory) return;
  change.batch.Put(GarbageKey(inode.ino), "");
  change.garbage.push_back(inode.ino);
}

Status RocksMetadataCache::Commit(Change& change) {
  TRY_VOID(db_->Write(change.batch));
  garbage_.insert(garbage_.end(), change.garbage.begin(), change.garbage.end());
  if (!change.garbage.empty()) has_garbage_ = true;
  return CollectGarbage(kGarbageEntries);
}

Result<std::optional<InodeRecord>> RocksMetadataCache::PresentBefore(const Change& change,
                                                                     InodeNumber parent,
                                                                     const std::string& name) {
  const auto written = change.written.find(EntryKey(parent, name));
  if (written != change.written.end()) return std::optional(written->second);
  std::optional<DirectoryEntry> entry = TRY(EntryAt(parent, name));
  if (!entry || !entry->present) return std::optional<InodeRecord>();
  return std::optional(std::move(entry->inode));
}

// A number that the caller chose may have had another name until now.
Status RocksMetadataCache::LeaveOldPlace(Change& change, const InodeRecord& inode) {
  const std::optional<DirectoryEntry> elsewhere = TRY(EntryOf(inode.ino));
  if (!elsewhere ||
      (elsewhere->inode.parent == inode.parent && elsewhere->inode.name == inode.name))
    return {};
  change.batch.Delete(EntryKey(elsewhere->inode.parent, elsewhere->inode.name));
  return {};
}

Result<InodeRecord> RocksMetadataCache::UpsertInto(Change& change, InodeNumber parent,
                                                   const Child& child, std::uint64_t generation) {
  InodeRecord fresh = child;
  fresh.parent = parent;
  const std::optional<InodeRecord> old = TRY(PresentBefore(change, parent, child.name));
  if (old && IsKnownLink(*old, fresh)) fresh.kind = InodeKind::kSymlink;
  const bool same_kind = old && old->kind == fresh.kind;
  if (same_kind) KeepWhatIsKnown(*old, fresh);
  if (fresh.ctime == WallTime{}) fresh.ctime = old ? fresh.learned_at : fresh.last_modified;
  if (same_kind && child.ctime == WallTime{} && LooksTheSame(*old, fresh)) fresh.ctime = old->ctime;
  const bool another_link =
      fresh.kind == InodeKind::kSymlink && same_kind && old->etag != fresh.etag;
  if (same_kind && !another_link && child.ino == InodeNumber::kNone) fresh.ino = old->ino;
  if (fresh.ino == InodeNumber::kNone) fresh.ino = TRY(counter_->Next());
  if (!same_kind || fresh.ino != old->ino) {
    if (old) {
      ForgetInode(change, *old);
      change.replaced.push_back(*old);
    }
    TRY_VOID(LeaveOldPlace(change, fresh));
    PutPlace(change, fresh);
  }
  PutEntry(change, fresh, generation);
  return fresh;
}

Result<InodeRecord> RocksMetadataCache::Upsert(InodeNumber parent, const Child& child) {
  MutexLock lock(mutex_);
  TRY_VOID(RequireDirectory(parent));
  Change change;
  InodeRecord stored = TRY(UpsertInto(change, parent, child, counter_->last()));
  TRY_VOID(Commit(change));
  NoteMade(parent, child.name);
  return stored;
}

Status RocksMetadataCache::SetAbsent(InodeNumber parent, std::string_view name, WallTime now) {
  MutexLock lock(mutex_);
  TRY_VOID(RequireDirectory(parent));
  const std::optional<DirectoryEntry> old = TRY(EntryAt(parent, name));
  Change change;
  if (old && old->present) ForgetInode(change, old->inode);
  change.batch.Put(EntryKey(parent, name),
                   EncodeEntry({.generation = counter_->last(), .learned_at = now}));
  TRY_VOID(Commit(change));
  NoteRemoved(parent, name);
  return {};
}

Status RocksMetadataCache::Remove(InodeNumber parent, std::string_view name) {
  MutexLock lock(mutex_);
  const std::optional<DirectoryEntry> old = TRY(EntryAt(parent, name));
  NoteRemoved(parent, name);
  if (!old) return {};
  Change change;
  change.batch.Delete(EntryKey(parent, name));
  if (old->present) ForgetInode(change, old->inode);
  return Commit(change);
}

Status RocksMetadataCache::Update(const InodeRecord& record) {
  MutexLock lock(mutex_);
  const std::optional<DirectoryEntry> old = TRY(EntryOf(record.ino));
  if (!old) return Fail(ErrorCode::kNotFound, "the inode is no longer in the metadata cache");
  InodeRecord fresh = record;
  fresh.parent = old->inode.parent;
  fresh.name = old->inode.name;
  Change change;
  PutEntry(change, fresh, counter_->last());
  return Commit(change);
}

Status RocksMetadataCache::Rename(InodeNumber ino, InodeNumber new_parent,
                                  std::string_view new_name) {
  MutexLock lock(mutex_);
  std::optional<DirectoryEntry> moved = TRY(EntryOf(ino));
  if (!moved) return Fail(ErrorCode::kNotFound, "the inode is no longer in the metadata cache");
  TRY_VOID(RequireDirectory(new_parent));
  const bool into_itself = TRY(IsBelow(new_parent, ino));
  if (into_itself)
    return Fail(ErrorCode::kInvalidArgument, "a directory cannot be moved into itself");
  const EntryPlace from{moved->inode.parent, moved->inode.name};
  if (from == EntryPlace{new_parent, std::string(new_name)}) return {};
  const std::optional<DirectoryEntry> replaced = TRY(EntryAt(new_parent, new_name));
  Change change;
  if (replaced && replaced->present) ForgetInode(change, replaced->inode);
  change.batch.Delete(EntryKey(from.parent, from.name));
  moved->inode.parent = new_parent;
  moved->inode.name = new_name;
  moved->inode.remote_name.clear();
  PutEntry(change, moved->inode, counter_->last());
  PutPlace(change, moved->inode);
  TRY_VOID(Commit(change));
  NoteRemoved(from.parent, from.name);
  NoteMade(new_parent, new_name);
  return {};
}

Status RocksMetadataCache::InvalidateDirectory(InodeNumber directory) {
  MutexLock lock(mutex_);
  ListingState state = TRY(StateOf(directory));
  state.complete = false;
  state.stale_before = ToInteger(TRY(counter_->Next()));
  return WriteState(directory, state);
}

std::unique_ptr<MetadataCache::Listing> RocksMetadataCache::BeginListing(InodeNumber directory) {
  return std::make_unique<RunningListing>(*this, directory);
}

// --- the bound of the database

Status RocksMetadataCache::Trim(const std::function<bool(InodeNumber)>& in_use) {
  if (max_bytes_ == 0) return {};
  MutexLock lock(trim_mutex_);
  const std::uint64_t size = db_->SizeBytes();
  trimmed_bytes_ = std::min(trimmed_bytes_, size);
  const std::uint64_t allowed = std::max(max_bytes_, trimmed_bytes_);
  if (size <= allowed) return {};
  trimmed_bytes_ = size;
  const std::uint64_t wanted = size - allowed + max_bytes_ / 16;
  std::uint64_t given_back = 0;
  for (bool wrapped = false; given_back < wanted;) {
    const auto directories = TRY(ListedDirectories(trim_after_, 1));
    if (directories.empty()) {
      if (std::exchange(wrapped, true)) break;  // nothing is left that may go
      trim_after_ = InodeNumber::kNone;
      continue;
    }
    trim_after_ = directories.front();
    given_back += TRY(TrimDirectory(trim_after_, in_use));
  }
  Log(LogLevel::kDebug, "metadata cache: {} bytes are over the bound of {}, {} are given back",
      size - max_bytes_, max_bytes_, given_back);
  return {};
}

Result<std::vector<InodeNumber>> RocksMetadataCache::ListedDirectories(InodeNumber after,
                                                                       std::size_t max) {
  std::vector<InodeNumber> directories;
  const InodeNumber first = static_cast<InodeNumber>(ToInteger(after) + 1);
  TRY_VOID(db_->Scan("s", StateKey(first), [&](std::string_view key, std::string_view) {
    directories.push_back(InodeOfKey(key));
    return directories.size() < max;
  }));
  return directories;
}

Result<std::uint64_t> RocksMetadataCache::TrimDirectory(
    InodeNumber directory, const std::function<bool(InodeNumber)>& in_use) {
  {
    MutexLock lock(mutex_);
    const auto is_listed = [&](const RunningListing* l) { return l->directory() == directory; };
    if (std::any_of(listings_.begin(), listings_.end(), is_listed)) return 0;
    ListingState state = TRY(StateOf(directory));
    state.complete = false;
    TRY_VOID(WriteState(directory, state));
  }
  std::uint64_t bytes = 0;
  std::string from = EntryKey(directory, "");
  for (bool more = true; more;) {
    std::vector<std::pair<std::string, DirectoryEntry>> found;  // by key
    TRY_VOID(
        db_->Scan(EntryKey(directory, ""), from, [&](std::string_view key, std::string_view v) {
          std::optional<DirectoryEntry> entry = DecodeEntry(v, directory, NameOfEntryKey(key));
          if (entry) found.emplace_back(key, *std::move(entry));
          from = std::string(key) + '\0';
          bytes += key.size() + v.size();
          return found.size() < kBatchEntries;
        }));
    more = found.size() == kBatchEntries;
    std::erase_if(found, [&](const auto& candidate) {
      const InodeRecord& inode = candidate.second.inode;
      return candidate.second.present && (inode.kind == InodeKind::kDirectory || in_use(inode.ino));
    });
    MutexLock lock(mutex_);
    Change change;
    for (const auto& [key, entry] : found) {
      const auto now = TRY(EntryAt(directory, NameOfEntryKey(key)));
      if (!now || now->generation != entry.generation || now->inode.ino != entry.inode.ino)
        continue;  // changed since it was looked at
      change.batch.Delete(key);
      if (now->present) ForgetInode(change, now->inode);
    }
    TRY_VOID(Commit(change));
  }
  return bytes;
}

void RocksMetadataCache::NoteRemoved(InodeNumber parent, std::string_view name) {
  for (RunningListing* listing : listings_) {
    if (listing->directory() == parent) listing->NoteRemoved(name);
  }
}

void RocksMetadataCache::NoteMade(InodeNumber parent, std::string_view name) {
  for (RunningListing* listing : listings_) {
    if (listing->directory() == parent) listing->NoteMade(name);
  }
}

// --- removed directories
//
// Their descendants go a few at a time, with the changes that follow, so that no change waits for a
// large tree. Nobody finds what is left: it has no way up to the root. What a crash leaves, the next
// start removes. The list in memory saves looking for the keys of past ones, which RocksDB would
// have to step over each time.

Status RocksMetadataCache::FindGarbage() {
  std::vector<InodeNumber> found;
  TRY_VOID(db_->Scan("g", "g", [&found](std::string_view key, std::string_view) {
    found.push_back(InodeOfKey(key));
    return true;
  }));
  garbage_ = std::move(found);
  has_garbage_ = !garbage_.empty();
  return {};
}

Status RocksMetadataCache::CollectGarbage(std::size_t max_entries) {
  if (garbage_.empty()) return {};
  const InodeNumber directory = garbage_.back();
  const bool done = TRY(CollectSome(directory, max_entries));
  if (done) std::erase(garbage_, directory);
  has_garbage_ = !garbage_.empty();
  return {};
}

Result<bool> RocksMetadataCache::CollectSome(InodeNumber directory, std::size_t max_entries) {
  Change change;
  std::size_t count = 0;
  const std::string prefix = EntryKey(directory, "");
  TRY_VOID(db_->Scan(prefix, prefix, [&](std::string_view key, std::string_view value) {
    change.batch.Delete(key);
    const std::optional<DirectoryEntry> entry = DecodeEntry(value, directory, NameOfEntryKey(key));
    if (entry && entry->present) ForgetInode(change, entry->inode);
    return ++count < max_entries;
  }));
  const bool done = count < max_entries;
  if (done) {
    change.batch.Delete(StateKey(directory));
    change.batch.Delete(GarbageKey(directory));
  }
  TRY_VOID(db_->Write(change.batch));
  states_.Forget(directory);
  garbage_.insert(garbage_.end(), change.garbage.begin(), change.garbage.end());
  return done;
}

Result<bool> RocksMetadataCache::IsGarbage(InodeNumber directory) {
  if (!has_garbage_) return false;
  for (std::size_t depth = 0; directory != InodeNumber::kRoot && depth < kMaxDepth; ++depth) {
    if (directory == InodeNumber::kNone) return false;  // above the root
    const std::optional<EntryPlace> place = TRY(PlaceOf(directory));
    if (!place) return true;
    directory = place->parent;
  }
  return false;
}

// A counter file that is lost or unreadable: the numbers go on above those in the database, which
// is then emptied, because its generations cannot be compared with the new numbers.
Status StartCounterAnew(InodeCounter& counter, RocksDb& db) {
  const std::optional<std::string> last =
      TRY(db.LastUpTo(InodeKey(static_cast<InodeNumber>(UINT64_MAX))));
  if (!last || !last->starts_with('i')) return {};  // a new cache
  const std::uint64_t number = ToInteger(InodeOfKey(*last));
  if (number < InodeCounter::kFirst) return {};  // it has never needed a number
  Log(LogLevel::kWarning,
      "metadata cache: the inode counter is lost; the cache is emptied and will be filled again");
  TRY_VOID(counter.SkipTo(number));
  return db.Empty();
}

Result<std::unique_ptr<InodeCounter>> OpenCounter(const std::string& path) {
  Result<std::unique_ptr<InodeCounter>> counter = InodeCounter::Open(path);
  if (counter || counter.error().code != ErrorCode::kCorrupt) return counter;
  std::remove(path.c_str());
  return InodeCounter::Open(path);
}

}  // namespace

Result<std::unique_ptr<MetadataCache>> MetadataCache::Open(const Options& options) {
  std::unique_ptr<CacheDirectory> directory =
      TRY(CacheDirectory::Take({.path = options.directory}));
  std::unique_ptr<OpenMark> mark = TRY(OpenMark::Set(options.directory + "/open"));
  std::unique_ptr<InodeCounter> counter = TRY(OpenCounter(options.directory + "/next-inode"));
  RocksDb::Options database{.path = options.directory + "/db",
                            .name = "metadata cache",
                            .format = std::string(kMetadataFormat),
                            .identity = options.identity,
                            .on_damage = RocksDb::OnDamage::kEmpty,
                            .when_full = RocksDb::WhenFull::kKeepInMemory,
                            .synced = false,
                            .block_cache_bytes = options.block_cache_bytes,
                            .write_buffer_bytes = options.write_buffer_bytes,
                            .before_unwritten = [&numbers = *counter] { return numbers.Settle(); },
                            .free_bytes = options.free_bytes};
  std::unique_ptr<RocksDb> db = TRY(RocksDb::Open(std::move(database)));
  if (counter->is_new()) TRY_VOID(StartCounterAnew(*counter, *db));
  auto cache = std::make_unique<RocksMetadataCache>(
      std::move(directory), std::move(mark), std::move(counter), std::move(db), options.max_bytes);
  Status started = cache->Start();
  if (!started && started.error().code == ErrorCode::kCorrupt) started = cache->StartEmpty();
  TRY_VOID(std::move(started));
  return cache;
}

}  // namespace skybridge::cache
