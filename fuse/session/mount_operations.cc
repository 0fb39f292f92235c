// The mount as a whole: what is agreed with the kernel, and its size.
#include <sys/statvfs.h>

#include "fuse/session/session_call.h"

namespace skybridge::fuse {
namespace {

// statfs: a store has no size. Large, but small enough that no program overflows.
constexpr std::uint64_t kShownCapacityBytes = std::uint64_t{1} << 50;
constexpr std::uint64_t kShownFiles = std::uint64_t{1} << 40;
constexpr int kMaxBackground = 64;  // read-ahead of 4 MiB needs more than the kernel's 12
constexpr int kCongestionThreshold = 48;

void OnInit(void*, fuse_conn_info* connection) {
  connection->max_write = kMaxWriteBytes;
  connection->max_background = kMaxBackground;
  connection->congestion_threshold = kCongestionThreshold;
  connection->time_gran = 1;
  constexpr unsigned kWanted = FUSE_CAP_ASYNC_READ | FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_ASYNC_DIO |
                               FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
                               FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_CACHE_SYMLINKS |
                               FUSE_CAP_EXPORT_SUPPORT | FUSE_CAP_EXPLICIT_INVAL_DATA;
  // Named instead of inherited: AUTO_INVAL_DATA would win over EXPLICIT_INVAL_DATA and drop pages
  // after our own writes; splice is slower than a copy; locks are the kernel's own, local ones.
  connection->want = connection->capable & kWanted;
}

void OnStatfs(fuse_req_t req, fuse_ino_t) {
  struct statvfs shown {};
  shown.f_bsize = shown.f_frsize = kPreferredIoBytes;
  shown.f_blocks = shown.f_bfree = shown.f_bavail = kShownCapacityBytes / kPreferredIoBytes;
  shown.f_files = shown.f_ffree = shown.f_favail = kShownFiles;
  shown.f_namemax = kMaxNameBytes;
  fuse_reply_statfs(req, &shown);
}

}  // namespace

void AddMountOperations(fuse_lowlevel_ops& operations) {
  operations.init = OnInit;
  operations.statfs = OnStatfs;
}

}  // namespace skybridge::fuse
