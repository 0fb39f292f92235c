// InodeTable: what is known of inodes only in memory: how often the kernel has looked each one up,
// which version its pages are of, which files are open, and which names stand for files that the
// store does not have yet.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/ids.h"
#include "core/mutex.h"
#include "fuse/open/open_file.h"

namespace skybridge::fuse {

// Safe from many threads. Everything the kernel does in bulk (lookup, forget) is O(1) and touches
// neither disk nor net.
class InodeTable {
 public:
  void AddLookup(InodeNumber ino);
  void Forget(InodeNumber ino, std::uint64_t count);
  std::uint64_t lookup_count(InodeNumber ino) const;

  // The kernel's pages of an inode are of this version from now on. True if they were already.
  // Forgotten with the inode.
  bool SetPageVersion(InodeNumber ino, std::string_view etag);
  // The version changed, the content did not: pages of `before` are now called pages of `after`.
  void RenamePageVersion(InodeNumber ino, std::string_view before, std::string_view after);

  // The open file of an inode, made by `make` if there is none; one more user. Give it back with
  // Close. `make` is called under the table's lock; nullptr from it: there is no open file still.
  std::shared_ptr<OpenFile> Open(InodeNumber ino,
                                 const std::function<std::shared_ptr<OpenFile>()>& make);
  void Close(InodeNumber ino);
  std::shared_ptr<OpenFile> FindOpen(InodeNumber ino) const;
  std::vector<std::shared_ptr<OpenFile>> AllOpen() const;
  // How many open files have lost their last user. While this has not moved, a file that is not
  // open was not open before either: nothing has been written to it.
  std::uint64_t closed_files() const { return closed_files_; }

  void AddUnpublished(InodeNumber parent, std::string_view name, std::shared_ptr<OpenFile> file);
  void RemoveUnpublished(InodeNumber parent, std::string_view name);
  std::shared_ptr<OpenFile> FindUnpublished(InodeNumber parent, std::string_view name) const;
  // In bytewise order of their names.
  std::vector<std::pair<std::string, std::shared_ptr<OpenFile>>> UnpublishedIn(
      InodeNumber parent) const;
  std::size_t unpublished_count() const;

 private:
  struct Known {
    std::uint64_t lookups = 0;
    std::uint64_t page_version = 0;  // hash of the ETag; 0: none
  };
  struct Opened {
    std::shared_ptr<OpenFile> file;
    std::uint64_t users = 0;
  };

  std::atomic<std::uint64_t> closed_files_{0};

  mutable Mutex mutex_;  // guards what follows
  std::unordered_map<std::uint64_t, Known> known_ GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, Opened> open_ GUARDED_BY(mutex_);
  std::map<std::pair<InodeNumber, std::string>, std::shared_ptr<OpenFile>> unpublished_
      GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
