// Namespace: names, inodes and attributes of the mounted remotes. It answers from the metadata
// cache while that may be believed (FilesystemOptions::ttl), asks the store otherwise, and writes
// what it learned, or what this mount changed, back.
//
//   lookup   a fresh entry, or a fresh complete listing that has no such name: no request. Else one
//   Head. After
//            kHeadsBeforeListing of those in one directory: one page of listing, which answers for
//            all its names.
//   listing  see directory_scan.h.
//
// An answer of the store that is older than a change of this mount is thrown away
// (local_changes.h). A foreign new version of a file that is open here gets a new inode number: the
// kernel keeps pages by inode, and must never mix two versions. So does each new version of a link:
// the kernel keeps targets for ever. What the store shows of an inode that the kernel knows, the
// kernel is told of (kernel_view.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cache/metadata_cache.h"
#include "core/mutex.h"
#include "fuse/names/inode_table.h"
#include "fuse/names/local_changes.h"
#include "fuse/names/outages.h"
#include "fuse/open/directory_moves.h"
#include "fuse/options.h"
#include "fuse/vocabulary.h"

namespace skybridge::fuse {

// Where a node lies in the clouds.
struct Location {
  const Remote* remote = nullptr;
  ObjectKey key;
  bool operator==(const Location&) const = default;
};

// Locations that stay true for as long as this lives: no directory above them is renamed.
template <class Guard>
struct Held {
  std::vector<Location> at;
  std::unique_ptr<Guard> guard;
};
using HeldForUse = Held<DirectoryMoves::Use>;
using HeldForMove = Held<DirectoryMoves::Move>;

// Safe from many threads.
class Namespace {
 public:
  static constexpr std::uint32_t kHeadsBeforeListing = 4;
  static constexpr std::uint32_t kMaxParallelHeads = 32;  // of all listings together

  Namespace(const FilesystemParts& parts, const FilesystemOptions& options, InodeTable& inodes);
  // Gives the remotes' directories their inodes. Before anything else.
  Status Start();

  bool IsMountRoot(InodeNumber ino) const { return ino == InodeNumber::kRoot; }
  // The mount's own directories: the root, and in a mount of several remotes the root of each.
  bool IsFixed(InodeNumber ino) const;
  // The directory that lists the remotes: it has no place in any store.
  bool ListsRemotes(InodeNumber ino) const {
    return parts_.remotes_as_directories && IsMountRoot(ino);
  }
  std::vector<cache::InodeRecord> RemoteDirectories() const;

  // Errors: kPreconditionFailed (the inode has no name any more), kNotSupported (the directory that
  // lists remotes).
  Result<Location> Locate(InodeNumber ino);
  // Errors: also kNameTooLong, kInvalidName, kNotFound (a digest of an unknown part).
  Result<Location> LocateChild(InodeNumber parent, std::string_view name);
  // For one request to the store; directory_moves.h says what else may be held. Errors: also
  // kTimedOut, kCancelled while a directory above is being renamed.
  Result<HeldForUse> Hold(InodeNumber ino, const CallContext& context);
  Result<HeldForUse> HoldChild(InodeNumber parent, std::string_view name,
                               const CallContext& context);
  Result<HeldForUse> HoldChildren(const OpenFile::Place& one, const OpenFile::Place& other,
                                  const CallContext& context);
  Result<HeldForMove> HoldForMoving(const OpenFile::Place& from, const OpenFile::Place& to,
                                    const CallContext& context);
  // The same for a name that is to be made. A name that the store cannot hold, or an escaped form
  // that does not exist, is refused now (kInvalidName), and not when the file's content is written
  // and has nowhere to go.
  Result<Location> LocateNew(InodeNumber parent, std::string_view name, const CallContext& context);

  // The child, with attributes; while its remote is out of reach, as it was last seen. Errors:
  // kNotFound, those of the store.
  Result<cache::InodeRecord> Find(InodeNumber parent, std::string_view name,
                                  const CallContext& context);
  // The same for a name that a listing has shown: what the cache has of it will do, however old and
  // with or without attributes. Only a name that is not in the cache is asked for.
  Result<cache::InodeRecord> FindListed(InodeNumber parent, std::string_view name,
                                        const CallContext& context);
  // The inode, with attributes, no older than the TTL. Errors: kPreconditionFailed when it has
  // gone.
  Result<cache::InodeRecord> Get(InodeNumber ino, const CallContext& context);
  // What the cache has, however old; no request.
  Result<std::optional<cache::InodeRecord>> Cached(InodeNumber ino);
  // Since when the name is known not to exist; nothing where only the store can tell. No request.
  std::optional<WallTime> AbsentSince(InodeNumber parent, std::string_view name);
  // How long the record may still be believed.
  std::chrono::nanoseconds ValidFor(const cache::InodeRecord& record) const;

  // What this mount has changed in the store.
  Result<cache::InodeRecord> Record(InodeNumber parent, const cache::Child& child);
  Status RecordAbsent(InodeNumber parent, std::string_view name);
  // A directory that was just made: known to be empty, as of `since`.
  Status RecordEmpty(InodeNumber directory, WallTime since);
  Result<cache::InodeRecord> RecordRename(const cache::InodeRecord& source, InodeNumber new_parent,
                                          std::string_view new_name, const ObjectInfo& info);
  // The directory's times move, here only, and stay so until the directory itself changes in the
  // store.
  void Touch(InodeNumber directory);
  Status UpdateFixed(const cache::InodeRecord& record);
  // The next use asks the store: of a name that is known, and of one that was believed absent.
  void Distrust(InodeNumber parent, std::string_view name);
  void DistrustTree(InodeNumber directory);
  // No other child of the directory than `name` is known, or might exist.
  bool MayBeOnlyChild(InodeNumber directory, std::string_view name);

  // For DirectoryScan. Puts a page of a listing into the cache. `question` was asked before the
  // page. `stored`: the open listing, or nullptr (another scan has one). A directory whose name a
  // file had on an earlier page takes the name over. Errors: kConflict when LocalChanges no longer
  // remembers the question; the page must be asked for again.
  struct AskedPage {
    const ListPage& page;
    const LocalChanges::Question& question;
    WallTime listing_begun{};
    cache::MetadataCache::Listing* stored = nullptr;
  };
  Result<std::vector<cache::InodeRecord>> LearnPage(InodeNumber directory, const AskedPage& asked);
  // Attributes for those records that have none, by parallel Heads. Records whose object has gone
  // get ino kNone; where the store refuses one object, its record stays without attributes. Errors:
  // those that every object would meet.
  Status FillAttributes(InodeNumber directory, std::span<cache::InodeRecord> records,
                        const CallContext& context);
  // A listing has not shown the name, which was there before.
  void NoteVanished(InodeNumber directory, std::string_view name) {
    inodes_.kernel().LostName(directory, name);
  }
  bool ClaimListing(InodeNumber directory);
  void ReleaseListing(InodeNumber directory);
  bool HasFreshListing(InodeNumber directory);
  // While the directory's remote is out of reach, what the cache holds of it is believed up to
  // `offline_max`: names that exist, and complete listings. Nothing is answered absent for it.
  bool IsOut(InodeNumber directory);
  void NoteOutage(InodeNumber directory);
  bool KeepsListing(InodeNumber directory);

  // The place of a location's remote among those of the mount.
  std::size_t RemoteIndex(const Location& location) const {
    return static_cast<std::size_t>(location.remote - parts_.remotes.data());
  }
  // Keeps the metadata cache within its bound; after each listing.
  Status TrimCache();
  cache::MetadataCache& cache() { return *parts_.metadata; }
  LocalChanges& changes() { return changes_; }
  Clock& clock() const { return *parts_.clock; }
  WallTime Now() const { return parts_.clock->WallNow(); }
  std::uint64_t hidden_names() const { return hidden_names_; }

 private:
  template <class Guard>
  Result<Held<Guard>> HoldWhile(const std::function<Result<std::vector<Location>>()>& locate,
                                const CallContext& context);
  Result<std::vector<Location>> LocateBoth(const OpenFile::Place& one,
                                           const OpenFile::Place& other);
  bool Fresh(WallTime learned_at, std::chrono::nanoseconds ttl) const;
  bool Usable(const cache::InodeRecord& record) const;
  std::optional<cache::InodeRecord> FixedRecord(InodeNumber ino) const;
  std::optional<WallTime> AbsentSince(InodeNumber parent, const cache::NameAnswer& answer);
  // From the cache alone: the record, kNotFound, or nothing if the store must be asked.
  Result<std::optional<cache::InodeRecord>> FindCached(InodeNumber parent, std::string_view name);
  Result<cache::InodeRecord> FindFresh(InodeNumber parent, std::string_view name,
                                       const CallContext& context);
  // What the cache has of a name that existed, for an outage; nothing if it is too old or not
  // whole.
  Result<std::optional<cache::InodeRecord>> FindKept(InodeNumber parent, std::string_view name);
  // `expected`: what the name was, or is in a listing; a directory is then found by fewer requests.
  Result<cache::InodeRecord> AskHead(InodeNumber parent, std::string_view name,
                                     cache::InodeKind expected, const CallContext& context);
  Result<cache::InodeRecord> AskStore(const Location& location, InodeNumber parent,
                                      std::string_view name, cache::InodeKind expected,
                                      const LocalChanges::Question& question,
                                      const CallContext& context);
  // What the store has under a local name.
  Result<ObjectInfo> Look(const Location& location, InodeNumber parent, std::string_view name,
                          cache::InodeKind expected, const CallContext& context);
  // The part of a key that a child's local name stands for. Errors: kInvalidName; kNotFound for a
  // digest whose part is not in the cache.
  Result<std::string> PartOf(InodeNumber parent, std::string_view name);
  bool WorthListing(InodeNumber directory);
  Status ListOnePage(InodeNumber directory, const CallContext& context);
  // Into the cache.
  Status ListWhole(InodeNumber directory, const CallContext& context);

  Result<cache::InodeRecord> Learn(InodeNumber parent, cache::Child child,
                                   const LocalChanges::Question& question);
  Result<std::optional<cache::InodeRecord>> LearnAbsent(InodeNumber parent, std::string_view name,
                                                        const LocalChanges::Question& question);
  Result<std::optional<cache::InodeRecord>> CurrentLocked(InodeNumber parent, std::string_view name)
      REQUIRES(learn_mutex_);
  // If `child` is a foreign new version of a file that is open here: gives it a number of its own.
  Status SeparateFromOpenLocked(const cache::InodeRecord& known, cache::Child& child)
      REQUIRES(learn_mutex_);
  // What the store has shown is recorded: the kernel forgets what it has of an older version.
  void TellKernel(const cache::InodeRecord& record);
  // `stored`: as for LearnPage.
  Result<cache::MetadataCache::Listing::Added> Keep(InodeNumber directory,
                                                    const std::vector<cache::Child>& children,
                                                    cache::MetadataCache::Listing* stored)
      REQUIRES(learn_mutex_);
  static std::vector<cache::Child> ToChildren(const std::vector<ObjectInfo>& entries, WallTime now);
  // Errors: kConflict when it is not known what this mount has changed since: ask again.
  Status CheckRemembered(const LocalChanges::Question& question) const;
  void NoteHidden(const ListPage& page);

  const FilesystemParts parts_;
  const FilesystemOptions options_;
  InodeTable& inodes_;
  LocalChanges changes_;
  DirectoryMoves moves_;
  Outages outages_;
  std::atomic<std::uint64_t> hidden_names_{0};
  std::atomic<std::int64_t> head_threads_{0};

  // "Is this answer older than our change?" and the write that follows are one step. Held for local
  // disk only.
  Mutex learn_mutex_;

  mutable Mutex mutex_;  // guards what follows
  std::unordered_map<std::uint64_t, cache::InodeRecord> fixed_ GUARDED_BY(mutex_);  // by inode
  std::unordered_set<std::uint64_t> listings_ GUARDED_BY(mutex_);  // directories being listed
  std::unordered_set<std::string> logged_hidden_ GUARDED_BY(mutex_);
  struct Interest {
    std::uint32_t heads = 0;
    WallTime since{};
    WallTime too_big_until{};
  };
  std::unordered_map<std::uint64_t, Interest> interest_
      GUARDED_BY(mutex_);  // bounded by kMaxInterest
  // A child of each directory that MayBeOnlyChild has met. Bounded likewise.
  std::unordered_map<std::uint64_t, std::string> siblings_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
