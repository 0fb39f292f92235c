#include "fuse/session/session_call.h"

#include <cerrno>

#include "core/log.h"
#include "core/timespec.h"
#include "fuse/session/errno_map.h"

namespace skybridge::fuse {
namespace {

constexpr std::uint64_t kStatBlockBytes = 512;

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

}  // namespace

void ReplyError(fuse_req_t req, const char* operation, fuse_ino_t ino, const Error& error) {
  LogFailure(operation, ino, error);
  fuse_reply_err(req, ErrnoOf(error.code));
}

void ReplyNotOwner(fuse_req_t req, const char* operation, fuse_ino_t ino, const Error& refusal) {
  LogFailure(operation, ino, refusal);
  fuse_reply_err(req, EPERM);
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

}  // namespace skybridge::fuse
