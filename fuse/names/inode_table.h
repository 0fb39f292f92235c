// InodeTable: what is known of inodes only in memory: what the kernel has of them
// (kernel_view.h), which files are open, and which names stand for files that the store does not
// have yet.
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
#include "fuse/names/kernel_view.h"
#include "fuse/open/open_file.h"

namespace skybridge::fuse {

// Safe from many threads. Touches neither disk nor net.
class InodeTable {
 public:
  KernelView& kernel() { return kernel_; }

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
  struct Opened {
    std::shared_ptr<OpenFile> file;
    std::uint64_t users = 0;
  };

  KernelView kernel_;
  std::atomic<std::uint64_t> closed_files_{0};

  mutable Mutex mutex_;  // guards what follows
  std::unordered_map<std::uint64_t, Opened> open_ GUARDED_BY(mutex_);
  std::map<std::pair<InodeNumber, std::string>, std::shared_ptr<OpenFile>> unpublished_
      GUARDED_BY(mutex_);
};

}  // namespace skybridge::fuse
