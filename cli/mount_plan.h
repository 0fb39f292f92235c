// MountPlan: what `skybridge mount` and mount.skybridge are to do, once command line, -o options
// and configuration are put together. Deciding only: nothing is opened or contacted.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/failure.h"
#include "cli/place.h"
#include "core/config.h"
#include "core/environment.h"
#include "core/mount_settings.h"

namespace skybridge::cli {

// What the command line says.
struct MountArguments {
  std::string source;  // remote, remote:path or URI; empty: `all`, or a mount of the configuration
  bool all = false;    // every configured remote, as directories of one mount
  std::string directory;             // the mount point
  std::vector<std::string> options;  // each -o: "ro,ttl=5s"
  // From options such as --cache-size: {"cache_size", "10GiB"}.
  std::vector<std::pair<std::string, std::string>> settings;
  std::string config_file;
  std::string log_file;
  bool debug = false;
  bool foreground = false;
};

// -o options taken apart. Those of mount(8) that do not concern us (auto, nofail, _netdev, x-...)
// or always hold (nosuid, nodev, noatime) are dropped; umask, fmask and dmask become modes; what
// would change the meaning of a mount and is not supported is an error.
struct ParsedMountOptions {
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<std::string> kernel_options;  // noexec, sync, dirsync, SELinux contexts
  std::string config_file;
  std::string log_file;
  bool debug = false;
};
Outcome<ParsedMountOptions> ParseMountOptions(const std::vector<std::string>& options);

struct MountPlan {
  std::string directory;           // absolute
  std::vector<Place> places;       // each the root of its own store
  std::optional<Place> tree;       // the directory of a remote that was asked for
  std::vector<std::string> names;  // of the directories, when `as_directories`
  bool as_directories = false;
  std::string source;                       // what mount(8) shows
  std::string identity;                     // names the remotes, for the metadata cache
  std::vector<std::string> kernel_options;  // as in ParsedMountOptions
  MountSettings settings;                   // cache_dir is set
};

// -o overrides the settings of mounts.DIRECTORY, and options such as --cache-size override both.
Outcome<MountPlan> PlanMount(const MountArguments& arguments, const ParsedMountOptions& options,
                             const Config& config, const Environment& environment);

}  // namespace skybridge::cli
