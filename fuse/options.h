// What a mount can be told. The documented defaults are those of the command line and of the
// configuration (cli/), which set what a user may choose; those here are for the rest, and for tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace skybridge::fuse {

// Publishing may take one second more than other calls for each MiB of the file.
inline constexpr std::uint64_t kSlowestUploadBytesPerSecond = 1 << 20;

// How the tree behaves.
struct FilesystemOptions {
  bool read_only = false;

  // What nodes show whose objects carry no such metadata: ours is a mount of the user who mounted.
  std::uint32_t default_uid = 0;
  std::uint32_t default_gid = 0;
  std::uint32_t default_file_mode = 0644;
  std::uint32_t default_directory_mode = 0755;

  // How long what the store said of a node is believed, counted from the store's answer; the kernel
  // is told what is left of it. A change by another client is seen within this time. "No such name"
  // is believed for `negative_ttl`, one half by the mount and the other by the kernel; for `ttl` in
  // a directory that was listed completely.
  std::chrono::milliseconds ttl{5'000};
  std::chrono::milliseconds negative_ttl{1'000};
  // How long names that exist, complete listings and blocks are answered from the cache while the
  // store is out of reach. "No such name" is never believed past its own time.
  std::chrono::milliseconds offline_max{std::chrono::hours(24)};

  // No call lasts longer, but publishing: that gets one second more for each MiB.
  std::chrono::milliseconds operation_timeout{60'000};

  // A file that is unlinked, or replaced by a rename, while it is open is kept locally for its
  // readers up to this size; readers of a larger one get ESTALE, as they do on NFS.
  std::uint64_t max_kept_unlinked_bytes = std::uint64_t{1} << 30;
};

// How the tree is mounted.
struct MountOptions {
  std::string mount_point;
  std::string source;      // shown by mount(8) and df: the remote's URI
  bool read_only = false;  // also set FilesystemOptions::read_only
  bool allow_other =
      false;  // users other than the one who mounted (default_permissions is always on)
  bool allow_nonempty = false;
  std::vector<std::string> kernel_options = {};  // of mount(8), for the kernel: "noexec", "sync"
  std::uint32_t max_threads = 64;                // that wait for one remote
  std::uint32_t read_ahead_kib = 4096;           // set after mounting when we are root
  // A stop waits so long for data to reach the store before it gives up and says what was lost.
  std::chrono::milliseconds drain_timeout{300'000};
  // Directories and files that the daemon itself uses (cache, staging, log): none may lie below the
  // mount point.
  std::vector<std::string> local_paths;
};

}  // namespace skybridge::fuse
