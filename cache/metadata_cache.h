// MetadataCache: what we know of the remote trees of one mount, in RocksDB: persistent inodes,
// directory entries, listings, "no such name". Local storage only; nothing here touches the
// network.
//
// It answers "what did we learn, and when", never "is it still true": the caller (fuse/) compares
// `learned_at` with its TTL and asks the store again. Inode numbers are never reused and survive
// restarts and renames.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/access_control.h"
#include "core/clock.h"
#include "core/content_headers.h"
#include "core/ids.h"
#include "core/result.h"

namespace skybridge::cache {

enum class InodeKind : std::uint8_t { kFile = 0, kDirectory = 1, kSymlink = 2 };

// One inode as it is kept on disk. Optional POSIX fields: absent where the object has no such
// metadata.
struct InodeRecord {
  InodeNumber ino = InodeNumber::kNone;
  InodeNumber parent = InodeNumber::kNone;
  std::string name;
  // What the caller cannot tell from `name`: the part of the key that it stands for. Mostly empty.
  std::string remote_name;
  InodeKind kind = InodeKind::kFile;
  std::uint64_t size_bytes = 0;
  std::string etag;
  WallTime last_modified{};       // the store's time
  bool attributes_known = false;  // false: the listing could not tell, Head is needed for this ETag
  std::optional<WallTime> mtime;
  std::optional<std::uint32_t> mode;  // permission bits
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::map<std::string, std::string> xattrs;
  std::map<std::string, std::string> foreign;
  ContentHeaders content;
  std::string tier;
  std::optional<AccessControl> access;
  std::string symlink_target;  // of a symbolic link, once read
  WallTime ctime{};            // moves with every change that we made or saw
  WallTime learned_at{};       // wall time at which the store last said so

  bool operator==(const InodeRecord&) const = default;
};

// What the cache knows of one name in one directory.
struct NameAnswer {
  enum class What { kUnknown, kPresent, kAbsent } what = What::kUnknown;
  InodeRecord inode;      // when kPresent
  WallTime learned_at{};  // when kAbsent: since when
};

struct DirectoryState {
  bool complete = false;  // every child is in the cache
  WallTime listed_at{};
};

// A child as the store has it. `parent` is ignored. `ino` is kNone, or a number from AllocateInode
// (or of an inode known here) that the name must have from now on, whatever number it had before: a
// file published under the number that the kernel knows it by, or a new version that must not share
// the number of one that is still open.
using Child = InodeRecord;

// Safe from many threads. Each method is atomic: after a crash it has happened whole or not at all.
class MetadataCache {
 public:
  struct Options {
    std::string directory;  // made if missing, mode 0700
    std::string identity;   // names the remotes; a cache of another identity is emptied
    // About what the database may take on the disk (see Trim); 0: no bound.
    std::uint64_t max_bytes = 0;
    std::size_t block_cache_bytes = 16 << 20;
    std::size_t write_buffer_bytes = 8 << 20;
    // The free bytes of the disk; tests set another.
    std::function<Result<std::uint64_t>()> free_bytes = nullptr;
  };
  // Errors: kLocked (in use); kIo; kNoSpace; kReadOnly. A cache that is damaged or of another
  // format version is emptied (it holds nothing that the store does not have), with a warning.
  // While the disk is full, changes are kept in memory (64 MiB, then they fail with kNoSpace) and
  // are written when there is room again; if there is none until the end, it is as if the process
  // had been killed.
  // After a process that was killed it is as if every directory had been invalidated.
  static Result<std::unique_ptr<MetadataCache>> Open(const Options& options);

  virtual ~MetadataCache() = default;

  // The inode, or nothing.
  virtual Result<std::optional<InodeRecord>> Get(InodeNumber ino) = 0;
  // A name that a complete listing did not show is kAbsent, learned at the time of the listing.
  virtual Result<NameAnswer> Lookup(InodeNumber parent, std::string_view name) = 0;

  // Records that the store has this child. An existing name keeps its inode number if the kind is
  // the same (of a link also the version: kernels keep targets by number) and `child.ino` does not
  // ask for another; what the new record does not know (attributes of the same ETag, a link target)
  // is kept from the old one. A record without ctime gets the old one while nothing visible
  // changed. Returns it. Errors: kNotFound if the parent has gone.
  virtual Result<InodeRecord> Upsert(InodeNumber parent, const Child& child) = 0;
  // Records that the name does not exist (a negative entry), removing what was there.
  virtual Status SetAbsent(InodeNumber parent, std::string_view name, WallTime now) = 0;

  // Replaces the children of a directory by a complete listing, in bounded memory: begin, any
  // number of pages, finish. Children not seen by any page are removed at Finish, but not those
  // recorded since the listing began; names removed since then are left out of what Add stores. A
  // listing that is dropped unfinished removes nothing. The cache outlives its listings.
  class Listing {
   public:
    virtual ~Listing() = default;
    struct Added {
      // As stored, with inode numbers, in the order given (without names removed meanwhile).
      std::vector<InodeRecord> records;
      // What some of the names stood for until now: they have another inode number from here on.
      std::vector<InodeRecord> replaced;
    };
    virtual Result<Added> Add(const std::vector<Child>& children) = 0;
    // `keep`: names made locally while the listing ran, which must not be removed.
    virtual Status Finish(WallTime listed_at,
                          const std::function<bool(std::string_view)>& keep) = 0;
  };
  virtual std::unique_ptr<Listing> BeginListing(InodeNumber directory) = 0;
  virtual Result<DirectoryState> GetDirectoryState(InodeNumber directory) = 0;
  // The next lookup or readdir asks the store again: the listing is no longer complete, negative
  // entries are gone, and its children were `learned_at` the epoch until they are learned again.
  virtual Status InvalidateDirectory(InodeNumber directory) = 0;

  // Up to `max` present children with names greater than `after` (bytewise), in bytewise order.
  virtual Result<std::vector<InodeRecord>> Children(InodeNumber directory, std::string_view after,
                                                    std::size_t max) = 0;

  // Overwrites the record of an inode in place (attributes, size, ETag). kNotFound if it has gone.
  virtual Status Update(const InodeRecord& record) = 0;
  // Moves an inode to another name, replacing what is there; children follow without being touched.
  virtual Status Rename(InodeNumber ino, InodeNumber new_parent, std::string_view new_name) = 0;
  // Forgets a name and, for a directory, all below it.
  virtual Status Remove(InodeNumber parent, std::string_view name) = 0;

  // Does nothing while the database is within `max_bytes`. Beyond, it forgets names that do not
  // exist, and files and links that are not `in_use`, of one directory after another; their listings
  // are incomplete from then on. Directories stay. To be called after each listing, so that what one
  // adds another gives back. `in_use` may be called at any time during the call, without a lock.
  virtual Status Trim(const std::function<bool(InodeNumber)>& in_use) = 0;

  // A number that was never given out before, also across crashes.
  virtual Result<InodeNumber> AllocateInode() = 0;

  // The names from the mount's root down to the inode. Errors: kNotFound.
  virtual Result<std::vector<std::string>> PathOf(InodeNumber ino) = 0;
};

}  // namespace skybridge::cache
