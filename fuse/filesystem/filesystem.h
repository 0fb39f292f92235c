// Filesystem: the POSIX tree over one or several remotes, in our own words: no libfuse type appears
// here. You need it to mount (fuse/session/session.h calls it for each kernel request) or to test
// behaviour without a mount.
//
// Names and inodes come from the Namespace (cache, then store), bytes from OpenFile (read path and
// write path). Every method is safe from many threads, may block on the network until
// `Call::context.deadline`, and holds no lock while it does, except the per-file ones that are
// named so in open_file.h. Nothing is acknowledged before it is done: the one delay is that an open
// file's content and attributes reach the store at Close, Flush or the last Release.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/metadata_cache.h"
#include "core/byte_range.h"
#include "core/ids.h"
#include "core/result.h"
#include "fuse/options.h"
#include "fuse/vocabulary.h"

namespace skybridge::fuse {

using HandleId = std::uint64_t;

struct OpenReply {
  HandleId handle = 0;
  bool keep_cache = false;  // the kernel's pages are of the version now opened
};

struct CreateReply {
  NodeReply node;
  OpenReply open;
};

// Only what has a value changes.
struct AttributeChange {
  std::optional<std::uint32_t> mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<std::uint64_t> size_bytes;
  std::optional<WallTime> mtime;
  // The time of access was to change. No store keeps it: beside something else it is left out, and
  // alone it is kNotSupported.
  bool access_time = false;
};

struct OpenFlags {
  bool read = false;
  bool write = false;
  bool append = false;
  bool truncate = false;
};

struct DirectoryEntry {
  std::string_view name;
  InodeNumber ino = InodeNumber::kNone;
  // Nothing where the listing could not tell a file from a symbolic link: the program asks if it
  // needs to know.
  std::optional<cache::InodeKind> kind;
  std::uint64_t next_cookie = 0;  // continues after this entry
  // When attributes were asked for; nullptr for "." and "..", and where the store refused them.
  const NodeReply* node = nullptr;
};

// Takes an entry; false when there is no room for it (it then comes again).
using DirectorySink = std::function<bool(const DirectoryEntry&)>;

enum class XattrWrite { kSet, kMustNotExist, kMustExist };
enum class RenameMode { kReplace, kMustNotExist };
enum class RenameResult { kRenamed, kAcrossRemotes };

struct FilesystemCounters {
  std::uint64_t open_files = 0;
  std::uint64_t unpublished_files = 0;
  std::uint64_t dirty_bytes = 0;
  std::uint64_t conflicts = 0;     // lost updates kept as conflict copies
  std::uint64_t hidden_names = 0;  // remote names seen that no local name can stand for
};

class Filesystem {
 public:
  // Errors: kInvalidArgument (no remote; several without remotes_as_directories), those of the
  // metadata cache.
  static Result<std::unique_ptr<Filesystem>> Create(const FilesystemParts& parts,
                                                    const FilesystemOptions& options);
  virtual ~Filesystem() = default;

  // nullptr while there is no kernel to tell. Set before the first request, and again to nullptr
  // after the last.
  virtual void SetNotifier(KernelNotifier* notifier) = 0;
  virtual const FilesystemOptions& options() const = 0;
  virtual Clock& clock() const = 0;

  virtual std::size_t remote_count() const = 0;
  // Which remote a node lies in, by its number in FilesystemParts; it never changes. Nothing: in
  // none (the directory that lists them), or the node is not known. Asks local disk at most.
  virtual std::optional<std::size_t> RemoteOf(InodeNumber ino) = 0;

  // Names. A reply with a node adds one to the inode's lookup count. "." is `parent` itself and
  // ".." what it lies in: so the kernel asks for an inode that it knows by its number alone (file
  // handles, NFS). Errors: kPreconditionFailed when the number stands for nothing any more.
  virtual Result<NodeReply> Lookup(InodeNumber parent, std::string_view name, const Call& call) = 0;
  virtual void Forget(InodeNumber ino, std::uint64_t count) = 0;
  virtual Result<NodeReply> GetAttributes(InodeNumber ino, const Call& call) = 0;
  virtual Result<NodeReply> SetAttributes(InodeNumber ino, std::optional<HandleId> handle,
                                          const AttributeChange& change, const Call& call) = 0;
  virtual Result<std::string> ReadLink(InodeNumber ino, const Call& call) = 0;
  virtual Result<NodeReply> MakeDirectory(InodeNumber parent, std::string_view name,
                                          std::uint32_t mode, const Call& call) = 0;
  virtual Result<NodeReply> MakeSymlink(InodeNumber parent, std::string_view name,
                                        std::string_view target, const Call& call) = 0;
  // An empty regular file, in the store when this returns (mknod).
  virtual Result<NodeReply> MakeFile(InodeNumber parent, std::string_view name, std::uint32_t mode,
                                     const Call& call) = 0;
  virtual Status Unlink(InodeNumber parent, std::string_view name, const Call& call) = 0;
  virtual Status RemoveDirectory(InodeNumber parent, std::string_view name, const Call& call) = 0;
  virtual Result<RenameResult> Rename(InodeNumber parent, std::string_view name,
                                      InodeNumber new_parent, std::string_view new_name,
                                      RenameMode mode, const Call& call) = 0;

  // Directories.
  virtual Result<HandleId> OpenDirectory(InodeNumber ino, const Call& call) = 0;
  // Entries after `cookie` (0: from the start), until `sink` is full or the directory ends. With
  // attributes, each entry that was taken counts as looked up.
  virtual Status ReadDirectory(HandleId handle, std::uint64_t cookie, bool with_attributes,
                               const DirectorySink& sink, const Call& call) = 0;
  virtual void ReleaseDirectory(HandleId handle) = 0;

  // Files.
  virtual Result<CreateReply> CreateFile(InodeNumber parent, std::string_view name,
                                         std::uint32_t mode, OpenFlags flags, const Call& call) = 0;
  virtual Result<OpenReply> Open(InodeNumber ino, OpenFlags flags, const Call& call) = 0;
  virtual Result<std::size_t> Read(HandleId handle, std::uint64_t offset_bytes,
                                   std::span<std::byte> into, const Call& call) = 0;
  // What a program writes: at the end of the file where the handle appends.
  virtual Status Write(HandleId handle, std::uint64_t offset_bytes, ByteSpan bytes,
                       const Call& call) = 0;
  // What a program has changed in a mapping, as the kernel writes it back: at its place also where
  // the handle appends, for the kernel takes any handle that writes the file.
  virtual Status WriteMapped(HandleId handle, std::uint64_t offset_bytes, ByteSpan bytes,
                             const Call& call) = 0;
  // fsync(2): returns when content and attributes are in the store.
  virtual Status Flush(HandleId handle, const Call& call) = 0;
  // close(2) of one descriptor: the same, unless the handle is the file's only one that writes, and
  // whoever closes or whoever opened it still has a copy of the descriptor. Then the file is not
  // finished, and its last close publishes it.
  virtual Status Close(HandleId handle, const WritingDescriptors& copies, const Call& call) = 0;
  virtual void Release(HandleId handle, const Call& call) = 0;
  // Makes the file at least so long. kNotSupported for anything but plain extension (mode 0).
  virtual Status Allocate(HandleId handle, int mode, ByteRange range, const Call& call) = 0;

  // Extended attributes. Nothing (or false): there is no such attribute.
  virtual Result<std::optional<std::string>> GetXattr(InodeNumber ino, std::string_view name,
                                                      const Call& call) = 0;
  virtual Result<bool> SetXattr(InodeNumber ino, std::string_view name, std::string_view value,
                                XattrWrite how, const Call& call) = 0;
  virtual Result<std::vector<std::string>> ListXattrs(InodeNumber ino, const Call& call) = 0;
  virtual Result<bool> RemoveXattr(InodeNumber ino, std::string_view name, const Call& call) = 0;

  // Publishes everything that open files hold. Returns the first error after having tried them all.
  virtual Status Drain(const CallContext& context) = 0;
  virtual FilesystemCounters counters() const = 0;
};

}  // namespace skybridge::fuse
