// The place where we mount: what must be true of it, dead mounts of ours that lie there, and how a
// mount ends.
#pragma once

#include <optional>
#include <string>

#include "core/result.h"
#include "fuse/options.h"

namespace skybridge::fuse {

// A line of /proc/self/mountinfo.
struct MountEntry {
  std::string device;  // "major:minor", also the name of its backing_dev_info in sysfs
  std::string mount_point;
  std::string type;    // "fuse.skybridge"
  std::string source;  // what is mounted, as the mount says: "oci://lake@ns/", "skybridge"
  std::string root;    // the directory of the mounted tree that is at `mount_point`: "/"
};

// The topmost mount at exactly this absolute path. Reads only /proc: never waits for a file system.
std::optional<MountEntry> FindMount(const std::string& mount_point);
// The mount of ours that holds this absolute path without symbolic links; nothing if it lies in
// another file system.
std::optional<MountEntry> FindMountOf(const std::string& path);

// Removes a dead mount of ours (ENOTCONN), then checks the mount point; returns its absolute path
// without symbolic links. Errors: see Session::Mount.
Result<std::string> PrepareMountPoint(const MountOptions& options);

// Ends the mount: its connection too, if programs still have files open (they answer ECONNABORTED
// from now on). No error if it has gone, or if another mount lies there by now.
Status Unmount(const MountEntry& mount);

// Sets the kernel's read-ahead window of a mount. Needs root; false where it could not be set.
bool SetReadAhead(const MountEntry& mount, std::uint32_t kib);

}  // namespace skybridge::fuse
