// The words that all rooms of fuse/ share: the parts that a mount is built from, who calls, what
// stat(2) shows of a node, and what the kernel is told. No libfuse type, and no behaviour.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/object_store.h"
#include "cache/metadata_cache.h"
#include "cache/staging.h"
#include "cache/unpublished_files.h"
#include "core/call_context.h"
#include "core/clock.h"
#include "core/ids.h"

namespace skybridge::fuse {

class ReadPath;   // fuse/read/read_path.h
class WritePath;  // fuse/write/write_path.h

inline constexpr std::size_t kMaxNameBytes = 255;  // NAME_MAX

// One remote of a mount. The pointers outlive the Filesystem.
struct Remote {
  std::string name;  // its directory in a mount of several
  ObjectKey root;    // the directory of the container that is shown; "" shows all of it
  ObjectStore* store = nullptr;
  ReadPath* reads = nullptr;
  WritePath* writes = nullptr;
};

struct FilesystemParts {
  std::vector<Remote> remotes;
  // False: the one remote's tree is the mount. True: one directory for each remote, by its name.
  bool remotes_as_directories = false;
  cache::MetadataCache* metadata = nullptr;
  cache::Staging* staging = nullptr;  // keeps what is unlinked while open
  // Keeps what could not be published; null: nothing outlives the process.
  cache::UnpublishedFiles* unpublished = nullptr;
  Clock* clock = nullptr;
};

// Who calls, and until when.
struct Call {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t pid = 0;  // of the thread; 0 where it cannot be known
  CallContext context;
};

// What stat(2) shows.
struct NodeStat {
  InodeNumber ino = InodeNumber::kNone;
  cache::InodeKind kind = cache::InodeKind::kFile;
  std::uint32_t mode = 0;  // permission bits only
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size_bytes = 0;
  std::uint32_t link_count = 1;  // 0 once unlinked
  WallTime mtime{};
  WallTime ctime{};
};

// A node and how long the kernel may believe it.
struct NodeReply {
  NodeStat stat;
  std::chrono::nanoseconds valid_for{};
};

// Who may still write a file by a descriptor that dup(2) or fork(2) copied.
class WritingDescriptors {
 public:
  virtual ~WritingDescriptors() = default;
  // Whether the process has one for the inode. False where it cannot be known. Waits for nothing.
  virtual bool Has(std::uint32_t pid, InodeNumber ino) const = 0;
};

// What the kernel must be told of changes that it did not make. All but ForgetAttributesNow return
// at once (a queue), and no request needs them for its progress.
class KernelNotifier {
 public:
  virtual ~KernelNotifier() = default;
  virtual void ForgetAttributes(InodeNumber ino) = 0;
  // When this returns, the kernel believes none of the attributes that earlier replies told it, nor
  // those of a reply that is on its way. Never while a lock is held that a request may wait for.
  virtual void ForgetAttributesNow(InodeNumber ino) = 0;
  // `done` is called when the kernel has dropped the pages, on a thread of the notifier; never if
  // the notice was lost (the queue was full, or the mount ended).
  virtual void ForgetPages(InodeNumber ino, std::function<void()> done) = 0;
  virtual void ForgetEntry(InodeNumber parent, std::string_view name) = 0;
};

}  // namespace skybridge::fuse
