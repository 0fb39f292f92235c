// MountStack: the parts of a mount, built bottom-up from a plan: stores, cache directory, metadata
// cache, block cache, staging, read and write paths, file system. They are destroyed top-down.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_context.h"
#include "cli/failure.h"
#include "cli/mount_plan.h"
#include "fuse/filesystem/filesystem.h"

namespace skybridge::cli {

// With less than this free on the cache's disk, a mount would fail at its first write.
inline constexpr std::uint64_t kNeedFreeBytes = std::uint64_t{512} << 20;

// A mount waits so long for one that has just been unmounted and still ends.
inline constexpr std::chrono::seconds kCacheLockWait{5};

// The bound of the block cache on a disk of `disk_bytes`: as asked for, which must fit on it, or 10
// GiB and at most half of it.
Outcome<std::uint64_t> CacheSizeFor(std::optional<std::uint64_t> asked_bytes,
                                    std::uint64_t disk_bytes);

class MountStack {
 public:
  // Checks that each remote exists and can be read, so that a mount that cannot work fails here,
  // within seconds.
  static Outcome<std::unique_ptr<MountStack>> Build(const MountPlan& plan,
                                                    const CommandContext& context);
  virtual ~MountStack() = default;
  virtual fuse::Filesystem& filesystem() = 0;
};

}  // namespace skybridge::cli
