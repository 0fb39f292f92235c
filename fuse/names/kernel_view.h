// KernelView: what the kernel has of each inode, as far as this mount told it: how often it looked
// the inode up, which attributes it believes, of which version its pages are. You need it where a
// reply tells the kernel something, and where the mount learns that what the kernel has is old: the
// kernel is then told to forget it.
//
// The kernel believes attributes and names for as long as a reply allowed (`ttl`), and keeps pages
// and link targets until it is told otherwise. Without this class a program that opens a file just
// after another machine changed it would read new bytes with the old size.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "cache/metadata_cache.h"
#include "core/ids.h"
#include "core/mutex.h"
#include "fuse/vocabulary.h"

namespace skybridge::fuse {

// Safe from many threads. Every method is O(1) and touches neither disk nor net.
class KernelView {
 public:
  // nullptr while there is no kernel to tell.
  void SetNotifier(KernelNotifier* notifier) { notifier_ = notifier; }

  // Lookup counts. What is known of an inode goes with its last lookup.
  void AddLookup(InodeNumber ino);
  void Forget(InodeNumber ino, std::uint64_t count);
  std::uint64_t lookup_count(InodeNumber ino) const;

  // A directory that this mount has removed, while the kernel knows it: a program may have it open,
  // or be in it. Forgotten with the inode.
  void NoteRemoved(const cache::InodeRecord& directory);
  std::optional<cache::InodeRecord> FindRemoved(InodeNumber ino) const;

  // A reply with the attributes of `record` is on its way. The inode has been looked up.
  void NoteReply(const cache::InodeRecord& record);

  // The store has shown `record`, of a node that is not open here: what the kernel has of an older
  // version is forgotten.
  void Learned(const cache::InodeRecord& record);
  // `name` stands for another inode now, or for none; `before` is what it stood for.
  void LostName(InodeNumber before, InodeNumber parent, std::string_view name);
  // The same where `before` is not known.
  void LostName(InodeNumber parent, std::string_view name);
  // The attributes that the kernel has are no longer true; the next question gets what is.
  void ForgetAttributes(InodeNumber ino);
  // The same of attributes and pages: the kernel has put bytes where this mount has not.
  void ForgetContent(InodeNumber ino);

  // Before the reply to an open of the version in `record`: when this returns, the kernel believes
  // no attributes of another version. True if its pages are of this version and may be kept. False
  // until it is certain that all older pages are gone: of two replies to two opens the later may
  // arrive first, and must not save pages that the other one drops.
  bool BeforeOpen(const cache::InodeRecord& record);
  // The kernel's pages came through this mount, on their way to the version `etag`.
  void SetPages(InodeNumber ino, std::string_view etag);
  // The version changed, the content did not.
  void RenamePages(InodeNumber ino, std::string_view before, std::string_view after);

 private:
  // Hashes instead of texts: a million known inodes must stay small.
  static constexpr std::uint64_t kNothing = 0;
  static constexpr std::uint64_t kSeveral = 1;  // replies crossed: any of them may have won
  struct Known {
    std::uint64_t lookups = 0;
    std::uint64_t attributes = kNothing;
    std::uint64_t pages = kNothing;  // the version that they are of
    std::uint64_t dropping =
        kNothing;  // the version that they will be of, once older ones are gone
  };
  static std::uint64_t HashOfVersion(std::string_view etag);
  static std::uint64_t HashOfAttributes(const cache::InodeRecord& record);

  Known* FindLocked(InodeNumber ino) REQUIRES(mutex_);
  // Asks the kernel to drop its pages; afterwards they are of the version `wanted` (kSeveral: of
  // none).
  void DropPages(InodeNumber ino, std::uint64_t wanted);
  void PagesDropped(InodeNumber ino, std::uint64_t wanted);

  std::atomic<KernelNotifier*> notifier_{nullptr};

  mutable Mutex mutex_;  // guards what follows; not held while the kernel is told
  std::unordered_map<std::uint64_t, Known> known_ GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, cache::InodeRecord> removed_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
