// Extended attributes.
#include <cerrno>
#include <string>

#include "fuse/session/session_call.h"

namespace skybridge::fuse {
namespace {

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

}  // namespace

void AddXattrOperations(fuse_lowlevel_ops& operations) {
  operations.getxattr = OnGetxattr;
  operations.listxattr = OnListxattr;
  operations.setxattr = OnSetxattr;
  operations.removexattr = OnRemovexattr;
}

}  // namespace skybridge::fuse
