// Names and attributes: what the kernel asks of nodes by their parent and name, or by their number.
#include <cerrno>
#include <climits>
#include <cstring>

#include "core/timespec.h"
#include "fuse/session/session_call.h"

namespace skybridge::fuse {
namespace {

constexpr std::size_t kMaxSymlinkBytes = PATH_MAX;

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

AttributeChange ToChange(const struct stat& attributes, int to_set, WallTime now) {
  AttributeChange change;
  if (to_set & FUSE_SET_ATTR_MODE) change.mode = attributes.st_mode & 07777;
  if (to_set & FUSE_SET_ATTR_UID) change.uid = attributes.st_uid;
  if (to_set & FUSE_SET_ATTR_GID) change.gid = attributes.st_gid;
  if (to_set & FUSE_SET_ATTR_SIZE)
    change.size_bytes = static_cast<std::uint64_t>(attributes.st_size);
  change.access_time = (to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW)) != 0;
  if (to_set & FUSE_SET_ATTR_MTIME_NOW) {
    change.mtime = now;
  } else if (to_set & FUSE_SET_ATTR_MTIME) {
    change.mtime = FromTimespec(attributes.st_mtim);
  }
  return change;
}

void OnSetattr(fuse_req_t req, fuse_ino_t ino, struct stat* attributes, int to_set,
               fuse_file_info* info) {
  const AttributeChange change =
      ToChange(*attributes, to_set, ContextOf(req).filesystem.clock().WallNow());
  const std::optional<HandleId> handle =
      info != nullptr ? std::optional<HandleId>(info->fh) : std::nullopt;
  const auto reply =
      Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
        return filesystem.SetAttributes(Ino(ino), handle, change, call);
      });
  if (!reply && !change.size_bytes && reply.error().code == ErrorCode::kPermissionDenied)
    return ReplyNotOwner(req, "setattr", ino, reply.error());
  ReplyAttributes(req, "setattr", ino, reply);
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

}  // namespace

void AddNameOperations(fuse_lowlevel_ops& operations) {
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
}

}  // namespace skybridge::fuse
