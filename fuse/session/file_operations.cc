// Files: open, read, write, close.
#include <fcntl.h>

#include "fuse/session/session_call.h"

namespace skybridge::fuse {
namespace {

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
                return filesystem.Close(info->fh, ContextOf(req).descriptors, call);
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

void OnFallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                 fuse_file_info* info) {
  const ByteRange range{static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(length)};
  ReplyStatus(req, "fallocate", ino,
              Run(req, Interrupts::kAreIgnored, [&](Filesystem& filesystem, const Call& call) {
                return filesystem.Allocate(info->fh, mode, range, call);
              }));
}

}  // namespace

void AddFileOperations(fuse_lowlevel_ops& operations) {
  operations.open = OnOpen;
  operations.create = OnCreate;
  operations.read = OnRead;
  operations.write = OnWrite;
  operations.flush = OnFlush;
  operations.fsync = OnFsync;
  operations.release = OnRelease;
  operations.fallocate = OnFallocate;
}

}  // namespace skybridge::fuse
