// MountSettings: what can be set for a mount, by name, from `mounts.DIR.NAME` of the configuration
// and from `-o NAME=VALUE`. One table gives both the same names, units and limits.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace skybridge {

struct MountSettings {
  std::string cache_dir;                          // empty: the user's own cache directory
  std::optional<std::uint64_t> cache_size_bytes;  // else 10 GiB, at most half of the disk
  std::uint64_t staging_size_bytes = std::uint64_t{4} << 30;
  std::chrono::milliseconds ttl{30'000};  // how long an entry is believed without asking the store
  std::chrono::milliseconds negative_ttl{1'000};  // the same for "no such name"
  // How long the cache answers while the store is out of reach.
  std::chrono::milliseconds offline_max{std::chrono::hours(24)};
  std::chrono::milliseconds timeout{60'000};  // of one file system call, retries and all
  bool read_only = false;
  bool allow_other = false;
  bool nonempty = false;             // mount over a directory that has entries
  std::optional<std::uint32_t> uid;  // of objects that record none; else the mounting user's
  std::optional<std::uint32_t> gid;
  std::uint32_t file_mode = 0644;  // of objects that record none
  std::uint32_t dir_mode = 0755;
  std::uint64_t prefetch_bytes = std::uint64_t{96} << 20;  // bound of read-ahead in memory
  std::uint32_t max_reads = 24;                            // ranged requests at once
  std::uint32_t max_uploads = 16;                          // parts in flight at once

  bool operator==(const MountSettings&) const = default;
};

enum class SettingKind { kFlag, kNumber, kText };  // how the value is written in JSON

struct SettingInfo {
  std::string_view name;
  SettingKind kind;
  std::string_view help;  // "largest size of the block cache (64MiB to 1PiB)"
};

// All settings, in the order of the manual page.
const std::vector<SettingInfo>& MountSettingList();

// Sets one by name. A flag takes "true" or "false". Errors: kNotFound for an unknown name, listing
// those allowed; kInvalidArgument for a value, saying what is allowed.
Status ApplyMountSetting(MountSettings& settings, std::string_view name, std::string_view value);

}  // namespace skybridge
