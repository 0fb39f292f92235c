// Open directories.
#include <span>
#include <string>

#include "fuse/session/session_call.h"

namespace skybridge::fuse {
namespace {

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
    } else {  // the kernel takes only number and type, and asks for the rest when it needs it
      full.attr.st_ino = ToInteger(entry.ino);
      full.attr.st_mode = entry.kind ? TypeBits(*entry.kind) : 0;
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

}  // namespace

void AddDirectoryOperations(fuse_lowlevel_ops& operations) {
  operations.opendir = OnOpendir;
  operations.readdir = OnReaddir;
  operations.readdirplus = OnReaddirplus;
  operations.releasedir = OnReleasedir;
  operations.fsyncdir = OnFsyncdir;
}

}  // namespace skybridge::fuse
