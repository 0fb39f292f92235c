#include "fuse/session/session_operations.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <exception>
#include <string>

#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>

#include "core/log.h"
#include "core/timespec.h"
#include "fuse/session/errno_map.h"
#include "fuse/session/session_context.h"
#include "fuse/vocabulary.h"

namespace skybridge::fuse {

void CallsAtWork::Add(std::stop_source* call) {
  MutexLock lock(mutex_);
  calls_.insert(call);
  if (stopped_) call->request_stop();
}

void CallsAtWork::Remove(std::stop_source* call) {
  MutexLock lock(mutex_);
  calls_.erase(call);
}

void CallsAtWork::StopAll() {
  MutexLock lock(mutex_);
  stopped_ = true;
  for (std::stop_source* call : calls_) call->request_stop();
}

namespace {

constexpr blksize_t kPreferredIoBytes = 1 << 20;
constexpr std::uint64_t kStatBlockBytes = 512;
// statfs: a store has no size. Large, but small enough that no program overflows.
constexpr std::uint64_t kShownCapacityBytes = std::uint64_t{1} << 50;
constexpr std::uint64_t kShownFiles = std::uint64_t{1} << 40;
constexpr int kMaxBackground = 64;  // read-ahead of 4 MiB needs more than the kernel's 12
constexpr int kCongestionThreshold = 48;
constexpr std::size_t kMaxSymlinkBytes = PATH_MAX;

SessionContext& ContextOf(fuse_req_t req) {
  return *static_cast<SessionContext*>(fuse_req_userdata(req));
}
InodeNumber Ino(fuse_ino_t ino) { return static_cast<InodeNumber>(ino); }

// A call that changes something runs to its end once begun: answered EINTR, it might still have
// been carried out.
enum class Interrupts { kStopTheCall, kAreIgnored };

// Lets the kernel's INTERRUPT, or the end of the session, stop one call.
class InterruptGuard {
 public:
  InterruptGuard(fuse_req_t req, Interrupts interrupts)
      : req_(req), calls_(ContextOf(req).calls), interrupts_(interrupts) {
    calls_.Add(&source_);
    if (interrupts_ == Interrupts::kStopTheCall) {
      fuse_req_interrupt_func(
          req_,
          [](fuse_req_t, void* source) { static_cast<std::stop_source*>(source)->request_stop(); },
          &source_);
    }
  }
  // libfuse waits here for an interrupt function that is running, so `source_` outlives it.
  ~InterruptGuard() {
    if (interrupts_ == Interrupts::kStopTheCall) fuse_req_interrupt_func(req_, nullptr, nullptr);
    calls_.Remove(&source_);
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  std::stop_token token() const { return source_.get_token(); }

 private:
  fuse_req_t req_;
  CallsAtWork& calls_;
  Interrupts interrupts_;
  std::stop_source source_;
};

// Runs `body(filesystem, call)` with deadline and interrupts. What it throws (std::bad_alloc, our
// own bugs) becomes an error: nothing is thrown into C.
template <class Body>
auto Run(fuse_req_t req, Interrupts interrupts, Body&& body)
    -> decltype(body(std::declval<Filesystem&>(), Call{})) {
  try {
    const fuse_ctx* caller = fuse_req_ctx(req);
    Filesystem& filesystem = ContextOf(req).filesystem;
    const InterruptGuard guard(req, interrupts);
    const Call call{.uid = caller->uid,
                    .gid = caller->gid,
                    .context = {.deadline = std::chrono::steady_clock::now() +
                                            filesystem.options().operation_timeout,
                                .stop = guard.token()}};
    return body(filesystem, call);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInternal, error.what());
  }
}

bool IsOrdinary(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kNotEmpty:
    case ErrorCode::kIsDirectory:
    case ErrorCode::kNotDirectory:
    case ErrorCode::kNotSupported:
    case ErrorCode::kInvalidName:
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNameTooLong:
    case ErrorCode::kReadOnly:
    case ErrorCode::kCancelled:
      return true;
    default:
      return false;
  }
}

// The one place where a failed call is logged.
void LogFailure(const char* operation, fuse_ino_t ino, const Error& error) {
  const LogLevel level = IsOrdinary(error.code) ? LogLevel::kDebug : LogLevel::kWarning;
  Log(level, "{} of inode {}: {} (errno {})", operation, ino, error.ToString(),
      ErrnoOf(error.code));
}

void ReplyError(fuse_req_t req, const char* operation, fuse_ino_t ino, const Error& error) {
  LogFailure(operation, ino, error);
  fuse_reply_err(req, ErrnoOf(error.code));
}

void ReplyStatus(fuse_req_t req, const char* operation, fuse_ino_t ino, const Status& status) {
  if (!status) return ReplyError(req, operation, ino, status.error());
  fuse_reply_err(req, 0);
}

mode_t TypeBits(cache::InodeKind kind) {
  switch (kind) {
    case cache::InodeKind::kFile:
      return S_IFREG;
    case cache::InodeKind::kDirectory:
      return S_IFDIR;
    case cache::InodeKind::kSymlink:
      return S_IFLNK;
  }
  return S_IFREG;
}

struct stat ToStat(const NodeStat& node) {
  struct stat out {};
  out.st_ino = ToInteger(node.ino);
  out.st_mode = TypeBits(node.kind) | node.mode;
  out.st_nlink = node.link_count;
  out.st_uid = node.uid;
  out.st_gid = node.gid;
  out.st_size = static_cast<off_t>(node.size_bytes);
  out.st_blksize = kPreferredIoBytes;
  out.st_blocks = static_cast<blkcnt_t>((node.size_bytes + kStatBlockBytes - 1) / kStatBlockBytes);
  out.st_mtim = ToTimespec(node.mtime);
  out.st_ctim = ToTimespec(node.ctime);
  out.st_atim = out.st_mtim;  // access times are not kept (the mount is noatime)
  return out;
}

double Seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

fuse_entry_param ToEntry(const NodeReply& node) {
  fuse_entry_param entry{};
  entry.ino = ToInteger(node.stat.ino);
  entry.generation = 1;  // numbers are never used again
  entry.attr = ToStat(node.stat);
  entry.attr_timeout = entry.entry_timeout = Seconds(node.valid_for);
  return entry;
}

void ReplyEntry(fuse_req_t req, const char* operation, fuse_ino_t ino,
                const Result<NodeReply>& node) {
  if (!node) return ReplyError(req, operation, ino, node.error());
  Filesystem& filesystem = ContextOf(req).filesystem;
  const fuse_entry_param entry = ToEntry(*node);
  // The kernel did not take the reply (the caller was killed): it does not count the lookup either.
  if (fuse_reply_entry(req, &entry) != 0) filesystem.Forget(node->stat.ino, 1);
}

void ReplyAttributes(fuse_req_t req, const char* operation, fuse_ino_t ino,
                     const Result<NodeReply>& node) {
  if (!node) return ReplyError(req, operation, ino, node.error());
  const struct stat attributes = ToStat(node->stat);
  fuse_reply_attr(req, &attributes, Seconds(node->valid_for));
}

void OnInit(void*, fuse_conn_info* connection) {
  connection->max_write = kMaxWriteBytes;
  connection->max_background = kMaxBackground;
  connection->congestion_threshold = kCongestionThreshold;
  connection->time_gran = 1;
  constexpr unsigned kWanted = FUSE_CAP_ASYNC_READ | FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_ASYNC_DIO |
                               FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
                               FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_CACHE_SYMLINKS |
                               FUSE_CAP_EXPLICIT_INVAL_DATA;
  // Named instead of inherited: AUTO_INVAL_DATA would win over EXPLICIT_INVAL_DATA and drop pages
  // after our own writes; splice is slower than a copy; locks are the kernel's own, local ones.
  connection->want = connection->capable & kWanted;
}

void OnLookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  auto node = Run(req, Interrupts::kStopTheCall, [&](Filesystem& filesystem, const Call& call) {
    return filesystem.Lookup(Ino(parent), name, call);
  });
  const auto negative_ttl = ContextOf(req).filesystem.options().negative_ttl;
  if (!node && node.error().code == ErrorCode::kNotFound && negative_ttl.count() > 0) {
    fuse_entry_param absent{};
    absent.entry_timeout =
        Seconds(negative_ttl) / 2;  // the other half is how long we believe it ourselves
    fuse_reply_entry(req, &absent);
    return;
  }
  ReplyEntry(req, "lookup", parent, node);
}

void OnForget(fuse_req_t req, fuse_ino_t ino, std::uint64_t count) {
  ContextOf(req).filesystem.Forget(Ino(ino), count);
  fuse_reply_none(req);
}

void OnForgetMany(fuse_req_t req, std::size_t count, fuse_forget_data* forgets) {
  for (std::size_t i = 0; i < count; ++i)
    ContextOf(req).filesystem.Forget(Ino(forgets[i].ino), forgets[i].nlookup);
  fuse_reply_none(req);
}

void OnGetattr(fuse_req_t req, fuse_ino_t ino, fuse_file_info*) {
  ReplyAttributes(req, "getattr", ino,
                  Run(req, Interrupts::kStopTheCall, [&](Filesystem& filesystem, const Call& call) {
                    return filesystem.GetAttributes(Ino(ino), call);
                  }));
}

AttributeChange ToChange(const struct stat& attributes, int to_set) {
  AttributeChange change;
  if (to_set & FUSE_SET_ATTR_MODE) change.mode = attributes.st_mode & 07777;
  if (to_set & FUSE_SET_ATTR_UID) change.uid = attributes.st_uid;
  if (to_set & FUSE_SET_ATTR_GID) change.gid = attributes.st_gid;
  if (to_set & FUSE_SET_ATTR_SIZE)
    change.size_bytes = static_cast<std::uint64_t>(attributes.st_size);
  if (to_set & FUSE_SET_ATTR_MTIME_NOW) {
    change.mtime = std::chrono::system_clock::now();
  } else if (to_set & FUSE_SET_ATTR_MTIME) {
    change.mtime = FromTimespec(attributes.st_mtim);
  }
  return change;
}

void OnSetattr(fuse_req_t req, fuse_ino_t ino, struct stat* attributes, int to_set,
               fuse_file_info* info) {
  const AttributeChange change = ToChange(*attributes, to_set);
  const std::optional<HandleId> handle =
      info != nullptr ? std::optional<HandleId>(info->fh) : std::nullopt;
  ReplyAttributes(req, "setattr", ino,
                  Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
                    return filesystem.SetAttributes(Ino(ino), handle, change, call);
                  }));
}

void OnReadlink(fuse_req_t req, fuse_ino_t ino) {
  const auto target =
      Run(req, Interrupts::kStopTheCall, [&](Filesystem& filesystem, const Call& call) {
        return filesystem.ReadLink(Ino(ino), call);
      });
  if (!target) return ReplyError(req, "readlink", ino, target.error());
  fuse_reply_readlink(req, target->c_str());
}

void OnMknod(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode, dev_t) {
  if (!S_ISREG(mode)) {  // devices, pipes and sockets have no place in an object store
    fuse_reply_err(req, EPERM);
    return;
  }
  ReplyEntry(req, "mknod", parent,
             Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
               return filesystem.MakeFile(Ino(parent), name, mode & 07777, call);
             }));
}

void OnMkdir(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode) {
  ReplyEntry(req, "mkdir", parent,
             Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
               return filesystem.MakeDirectory(Ino(parent), name, mode & 07777, call);
             }));
}

void OnSymlink(fuse_req_t req, const char* target, fuse_ino_t parent, const char* name) {
  if (std::strlen(target) >= kMaxSymlinkBytes) {
    fuse_reply_err(req, ENAMETOOLONG);
    return;
  }
  ReplyEntry(req, "symlink", parent,
             Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
               return filesystem.MakeSymlink(Ino(parent), name, target, call);
             }));
}

// Hard links: an object has one name.
void OnLink(fuse_req_t req, fuse_ino_t, fuse_ino_t, const char*) { fuse_reply_err(req, EPERM); }

void OnUnlink(fuse_req_t req, fuse_ino_t parent, const char* name) {
  ReplyStatus(req, "unlink", parent,
              Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
                return filesystem.Unlink(Ino(parent), name, call);
              }));
}

void OnRmdir(fuse_req_t req, fuse_ino_t parent, const char* name) {
  ReplyStatus(req, "rmdir", parent,
              Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
                return filesystem.RemoveDirectory(Ino(parent), name, call);
              }));
}

void OnRename(fuse_req_t req, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
              const char* new_name, unsigned flags) {
  if ((flags & ~static_cast<unsigned>(RENAME_NOREPLACE)) !=
      0) {  // RENAME_EXCHANGE, RENAME_WHITEOUT
    fuse_reply_err(req, EINVAL);
    return;
  }
  const RenameMode mode = flags == 0 ? RenameMode::kReplace : RenameMode::kMustNotExist;
  const auto result =
      Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
        return filesystem.Rename(Ino(parent), name, Ino(new_parent), new_name, mode, call);
      });
  if (!result) return ReplyError(req, "rename", parent, result.error());
  fuse_reply_err(req, *result == RenameResult::kAcrossRemotes ? EXDEV : 0);
}

OpenFlags ToOpenFlags(int flags) {
  const int access = flags & O_ACCMODE;
  return {.read = access != O_WRONLY,
          .write = access != O_RDONLY,
          .append = (flags & O_APPEND) != 0,
          .truncate = (flags & O_TRUNC) != 0};
}

void FillOpen(const OpenReply& open, fuse_file_info& info) {
  info.fh = open.handle;
  info.keep_cache = open.keep_cache ? 1 : 0;
}

void OnOpen(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
  const OpenFlags flags = ToOpenFlags(info->flags);
  const auto open = Run(req, flags.truncate ? Interrupts::kAreIgnored : Interrupts::kStopTheCall,
                        [&](Filesystem& filesystem, const Call& call) {
                          return filesystem.Open(Ino(ino), flags, call);
                        });
  if (!open) return ReplyError(req, "open", ino, open.error());
  FillOpen(*open, *info);
  Filesystem& filesystem = ContextOf(req).filesystem;
  if (fuse_reply_open(req, info) != 0) filesystem.Release(open->handle, Call{});
}

void OnCreate(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode,
              fuse_file_info* info) {
  const auto created =
      Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
        return filesystem.CreateFile(Ino(parent), name, mode & 07777, ToOpenFlags(info->flags),
                                     call);
      });
  if (!created) return ReplyError(req, "create", parent, created.error());
  FillOpen(created->open, *info);
  const fuse_entry_param entry = ToEntry(created->node);
  Filesystem& filesystem = ContextOf(req).filesystem;
  if (fuse_reply_create(req, &entry, info) != 0) {
    filesystem.Release(created->open.handle, Call{});
    filesystem.Forget(created->node.stat.ino, 1);
  }
}

void OnRead(fuse_req_t req, fuse_ino_t ino, std::size_t size, off_t offset, fuse_file_info* info) {
  BufferPool::Lease buffer = ContextOf(req).buffers.Take(size);
  const auto got =
      Run(req, Interrupts::kStopTheCall, [&](Filesystem& filesystem, const Call& call) {
        return filesystem.Read(info->fh, static_cast<std::uint64_t>(offset),
                               buffer.span().first(size), call);
      });
  if (!got) return ReplyError(req, "read", ino, got.error());
  fuse_reply_buf(req, reinterpret_cast<const char*>(buffer.span().data()), *got);
}

void OnWrite(fuse_req_t req, fuse_ino_t ino, const char* bytes, std::size_t size, off_t offset,
             fuse_file_info* info) {
  const auto status =
      Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
        const auto begin = static_cast<std::uint64_t>(offset);
        if (info->writepage != 0)
          return filesystem.WriteMapped(info->fh, begin, AsBytes({bytes, size}), call);
        return filesystem.Write(info->fh, begin, AsBytes({bytes, size}), call);
      });
  if (!status) return ReplyError(req, "write", ino, status.error());
  fuse_reply_write(req, size);
}

void OnFlush(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
  ReplyStatus(req, "close", ino,
              Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
                return filesystem.Flush(info->fh, call);
              }));
}

void OnFsync(fuse_req_t req, fuse_ino_t ino, int, fuse_file_info* info) {
  ReplyStatus(req, "fsync", ino,
              Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
                return filesystem.Flush(info->fh, call);
              }));
}

void OnRelease(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
  // The kernel discards what release answers; Release logs what goes wrong.
  ReplyStatus(
      req, "release", ino,
      Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) -> Status {
        filesystem.Release(info->fh, call);
        return {};
      }));
}

void OnOpendir(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
  const auto handle =
      Run(req, Interrupts::kStopTheCall, [&](Filesystem& filesystem, const Call& call) {
        return filesystem.OpenDirectory(Ino(ino), call);
      });
  if (!handle) return ReplyError(req, "opendir", ino, handle.error());
  info->fh = *handle;
  Filesystem& filesystem = ContextOf(req).filesystem;
  if (fuse_reply_open(req, info) != 0) filesystem.ReleaseDirectory(*handle);
}

// Packs directory entries as the kernel reads them.
class EntryPacker {
 public:
  EntryPacker(fuse_req_t req, std::span<std::byte> into) : req_(req), into_(into) {}

  bool AddPlain(const DirectoryEntry& entry) {
    struct stat brief {};
    brief.st_ino = ToInteger(entry.ino);
    brief.st_mode = entry.kind ? TypeBits(*entry.kind) : 0;  // 0 is DT_UNKNOWN
    return Advance(fuse_add_direntry(req_, Cursor(), Room(), Name(entry), &brief,
                                     static_cast<off_t>(entry.next_cookie)));
  }
  bool AddPlus(const DirectoryEntry& entry) {
    fuse_entry_param full{};
    if (entry.node != nullptr) {
      full = ToEntry(*entry.node);
    } else {  // "." and "..": the kernel takes only number and type
      full.attr.st_ino = ToInteger(entry.ino);
      full.attr.st_mode = S_IFDIR;
    }
    return Advance(fuse_add_direntry_plus(req_, Cursor(), Room(), Name(entry), &full,
                                          static_cast<off_t>(entry.next_cookie)));
  }
  const char* data() const { return reinterpret_cast<const char*>(into_.data()); }
  std::size_t size_bytes() const { return used_; }

 private:
  char* Cursor() { return reinterpret_cast<char*>(into_.data()) + used_; }
  std::size_t Room() const { return into_.size() - used_; }
  const char* Name(const DirectoryEntry& entry) {
    name_.assign(entry.name);
    return name_.c_str();
  }
  bool Advance(std::size_t needed) {
    if (needed > Room()) return false;
    used_ += needed;
    return true;
  }

  fuse_req_t req_;
  std::span<std::byte> into_;
  std::size_t used_ = 0;
  std::string name_;
};

void ReadDirectory(fuse_req_t req, fuse_ino_t ino, std::size_t size, off_t offset,
                   fuse_file_info* info, bool plus) {
  BufferPool::Lease buffer = ContextOf(req).buffers.Take(size);
  EntryPacker packer(req, buffer.span().first(size));
  const auto status =
      Run(req, Interrupts::kStopTheCall, [&](Filesystem& filesystem, const Call& call) {
        return filesystem.ReadDirectory(
            info->fh, static_cast<std::uint64_t>(offset), plus,
            [&](const DirectoryEntry& entry) {
              return plus ? packer.AddPlus(entry) : packer.AddPlain(entry);
            },
            call);
      });
  // Entries that were packed have been counted as looked up: they must reach the kernel; the error
  // comes again.
  if (!status && packer.size_bytes() == 0) return ReplyError(req, "readdir", ino, status.error());
  fuse_reply_buf(req, packer.data(), packer.size_bytes());
}

void OnReaddir(fuse_req_t req, fuse_ino_t ino, std::size_t size, off_t offset,
               fuse_file_info* info) {
  ReadDirectory(req, ino, size, offset, info, false);
}

void OnReaddirplus(fuse_req_t req, fuse_ino_t ino, std::size_t size, off_t offset,
                   fuse_file_info* info) {
  ReadDirectory(req, ino, size, offset, info, true);
}

void OnReleasedir(fuse_req_t req, fuse_ino_t, fuse_file_info* info) {
  ContextOf(req).filesystem.ReleaseDirectory(info->fh);
  fuse_reply_err(req, 0);
}

// Changes to directories are in the store before they are acknowledged.
void OnFsyncdir(fuse_req_t req, fuse_ino_t, int, fuse_file_info*) { fuse_reply_err(req, 0); }

void OnStatfs(fuse_req_t req, fuse_ino_t) {
  struct statvfs shown {};
  shown.f_bsize = shown.f_frsize = kPreferredIoBytes;
  shown.f_blocks = shown.f_bfree = shown.f_bavail = kShownCapacityBytes / kPreferredIoBytes;
  shown.f_files = shown.f_ffree = shown.f_favail = kShownFiles;
  shown.f_namemax = kMaxNameBytes;
  fuse_reply_statfs(req, &shown);
}

// An xattr value, or names: the caller asks with size 0 how much room it needs.
void ReplySized(fuse_req_t req, const std::string& value, std::size_t size) {
  if (size == 0) {
    fuse_reply_xattr(req, value.size());
  } else if (value.size() > size) {
    fuse_reply_err(req, ERANGE);
  } else {
    fuse_reply_buf(req, value.data(), value.size());
  }
}

void OnGetxattr(fuse_req_t req, fuse_ino_t ino, const char* name, std::size_t size) {
  const auto value =
      Run(req, Interrupts::kStopTheCall, [&](Filesystem& filesystem, const Call& call) {
        return filesystem.GetXattr(Ino(ino), name, call);
      });
  if (!value) return ReplyError(req, "getxattr", ino, value.error());
  if (!*value) {
    fuse_reply_err(req, ENODATA);
    return;
  }
  ReplySized(req, **value, size);
}

void OnListxattr(fuse_req_t req, fuse_ino_t ino, std::size_t size) {
  const auto names =
      Run(req, Interrupts::kStopTheCall, [&](Filesystem& filesystem, const Call& call) {
        return filesystem.ListXattrs(Ino(ino), call);
      });
  if (!names) return ReplyError(req, "listxattr", ino, names.error());
  std::string packed;
  for (const auto& name : *names) packed.append(name).push_back('\0');
  ReplySized(req, packed, size);
}

void ReplyFound(fuse_req_t req, const char* operation, fuse_ino_t ino, const Result<bool>& found,
                int otherwise) {
  if (!found) return ReplyError(req, operation, ino, found.error());
  fuse_reply_err(req, *found ? 0 : otherwise);
}

void OnSetxattr(fuse_req_t req, fuse_ino_t ino, const char* name, const char* value,
                std::size_t size, int flags) {
  constexpr int kCreate = 1, kReplace = 2;  // XATTR_CREATE, XATTR_REPLACE
  const XattrWrite how = (flags & kCreate) != 0    ? XattrWrite::kMustNotExist
                         : (flags & kReplace) != 0 ? XattrWrite::kMustExist
                                                   : XattrWrite::kSet;
  const auto done =
      Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
        return filesystem.SetXattr(Ino(ino), name, {value, size}, how, call);
      });
  ReplyFound(req, "setxattr", ino, done, ENODATA);
}

void OnRemovexattr(fuse_req_t req, fuse_ino_t ino, const char* name) {
  const auto done =
      Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
        return filesystem.RemoveXattr(Ino(ino), name, call);
      });
  ReplyFound(req, "removexattr", ino, done, ENODATA);
}

void OnFallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                 fuse_file_info* info) {
  const ByteRange range{static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(length)};
  ReplyStatus(req, "fallocate", ino,
              Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
                return filesystem.Allocate(info->fh, mode, range, call);
              }));
}

fuse_lowlevel_ops MakeOperations() {
  fuse_lowlevel_ops operations{};
  operations.init = OnInit;
  operations.lookup = OnLookup;
  operations.forget = OnForget;
  operations.forget_multi = OnForgetMany;
  operations.getattr = OnGetattr;
  operations.setattr = OnSetattr;
  operations.readlink = OnReadlink;
  operations.mknod = OnMknod;
  operations.mkdir = OnMkdir;
  operations.symlink = OnSymlink;
  operations.link = OnLink;
  operations.unlink = OnUnlink;
  operations.rmdir = OnRmdir;
  operations.rename = OnRename;
  operations.open = OnOpen;
  operations.create = OnCreate;
  operations.read = OnRead;
  operations.write = OnWrite;
  operations.flush = OnFlush;
  operations.fsync = OnFsync;
  operations.release = OnRelease;
  operations.opendir = OnOpendir;
  operations.readdir = OnReaddir;
  operations.readdirplus = OnReaddirplus;
  operations.releasedir = OnReleasedir;
  operations.fsyncdir = OnFsyncdir;
  operations.statfs = OnStatfs;
  operations.getxattr = OnGetxattr;
  operations.listxattr = OnListxattr;
  operations.setxattr = OnSetxattr;
  operations.removexattr = OnRemovexattr;
  operations.fallocate = OnFallocate;
  return operations;
}

}  // namespace

const fuse_lowlevel_ops& SessionOperations() {
  static const fuse_lowlevel_ops kOperations = MakeOperations();
  return kOperations;
}

}  // namespace skybridge::fuse
