#include "core/mount_settings.h"

#include <functional>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/parse_number.h"
#include "core/units.h"

namespace skybridge {
namespace {

using Apply = std::function<Status(MountSettings&, std::string_view value)>;

struct Setting {
  SettingInfo info;
  Apply apply;
};

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kPiB = std::uint64_t{1} << 50;

Apply Flag(bool MountSettings::*field) {
  return [field](MountSettings& settings, std::string_view value) -> Status {
    if (value != "true" && value != "false") {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' is neither true nor false", value));
    }
    settings.*field = value == "true";
    return {};
  };
}

// Any field that holds a uint64: plain or optional.
template <class Field>
Apply Size(Field MountSettings::*field, std::uint64_t least, std::uint64_t most) {
  return [=](MountSettings& settings, std::string_view value) -> Status {
    const std::uint64_t bytes = TRY(ParseSize(value));
    if (bytes < least || bytes > most) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is out of range: {} to {} are allowed", value, FormatBytes(least),
                              FormatBytes(most)));
    }
    settings.*field = bytes;
    return {};
  };
}

using Milliseconds = std::chrono::milliseconds;

Apply Duration(Milliseconds MountSettings::*field, Milliseconds least, Milliseconds most) {
  return [=](MountSettings& settings, std::string_view value) -> Status {
    const Milliseconds time = TRY(ParseDuration(value));
    if (time < least || time > most) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is out of range: {} to {} are allowed", value,
                              FormatDuration(least), FormatDuration(most)));
    }
    settings.*field = time;
    return {};
  };
}

// Any field that holds a uint32: plain or optional.
template <class Field>
Apply Integer(Field MountSettings::*field, int base, std::uint32_t least, std::uint32_t most) {
  return [=](MountSettings& settings, std::string_view value) -> Status {
    const auto number = ParseNumber<std::uint32_t>(value, base);
    if (!number || *number < least || *number > most) {
      return Fail(ErrorCode::kInvalidArgument,
                  base == 8 ? fmt::format("'{}' is not allowed: octal {:04o} to {:04o} is", value,
                                          least, most)
                            : fmt::format("'{}' is not allowed: a whole number from {} to {} is",
                                          value, least, most));
    }
    settings.*field = *number;
    return {};
  };
}

Apply Directory(std::string MountSettings::*field) {
  return [field](MountSettings& settings, std::string_view value) -> Status {
    if (!value.starts_with('/')) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is not an absolute path", value));
    }
    settings.*field = value;
    return {};
  };
}

constexpr std::uint32_t kMaxId =
    std::numeric_limits<std::uint32_t>::max() - 1;  // -1 means "no id" to the kernel

const std::vector<Setting>& Settings() {
  using enum SettingKind;
  using M = MountSettings;
  using namespace std::chrono_literals;
  static const std::vector<Setting> kSettings = {
      {{"cache_dir", kText, "directory of the metadata and block cache; an absolute path"},
       Directory(&M::cache_dir)},
      {{"cache_size", kText,
        "bound of the block cache on disk (64MiB to 1PiB; default 10GiB, at most half of the "
        "disk)"},
       Size(&M::cache_size_bytes, 64 * kMiB, kPiB)},
      {{"staging_size", kText,
        "bound of data on its way up, on disk (64MiB to 1PiB; default 4GiB)"},
       Size(&M::staging_size_bytes, 64 * kMiB, kPiB)},
      {{"ttl", kText,
        "how long an entry is believed without asking the store (0 to 1d; default 30s)"},
       Duration(&M::ttl, 0ms, 24h)},
      {{"negative_ttl", kText, "the same for a name that does not exist (0 to 1d; default 1s)"},
       Duration(&M::negative_ttl, 0ms, 24h)},
      {{"offline_max", kText,
        "how long the cache answers while the store is out of reach (0 to 30d; default 1d)"},
       Duration(&M::offline_max, 0ms, 24h * 30)},
      {{"timeout", kText, "longest time of one file system call (1s to 1h; default 60s)"},
       Duration(&M::timeout, 1s, 1h)},
      {{"read_only", kFlag, "refuse every change"}, Flag(&M::read_only)},
      {{"allow_other", kFlag,
        "let other users in (needs user_allow_other in /etc/fuse.conf unless root mounts)"},
       Flag(&M::allow_other)},
      {{"nonempty", kFlag, "mount over a directory that has entries"}, Flag(&M::nonempty)},
      {{"uid", kNumber, "owner of objects that record none (default: the mounting user)"},
       Integer(&M::uid, 10, 0, kMaxId)},
      {{"gid", kNumber, "group of objects that record none (default: the mounting user's)"},
       Integer(&M::gid, 10, 0, kMaxId)},
      {{"file_mode", kText, "octal mode of files that record none (default 0644)"},
       Integer(&M::file_mode, 8, 0, 07777)},
      {{"dir_mode", kText, "octal mode of directories that record none (default 0755)"},
       Integer(&M::dir_mode, 8, 0, 07777)},
      {{"prefetch_size", kText,
        "bound of read-ahead in memory, all files together (16MiB to 16GiB; default 96MiB)"},
       Size(&M::prefetch_bytes, 16 * kMiB, 16384 * kMiB)},
      {{"max_reads", kNumber, "ranged reads at once (1 to 256; default 24)"},
       Integer(&M::max_reads, 10, 1, 256)},
      {{"max_uploads", kNumber, "parts uploaded at once (1 to 256; default 16)"},
       Integer(&M::max_uploads, 10, 1, 256)},
  };
  return kSettings;
}

}  // namespace

const std::vector<SettingInfo>& MountSettingList() {
  static const std::vector<SettingInfo> kList = [] {
    std::vector<SettingInfo> list;
    for (const Setting& setting : Settings()) list.push_back(setting.info);
    return list;
  }();
  return kList;
}

Status ApplyMountSetting(MountSettings& settings, std::string_view name, std::string_view value) {
  std::vector<std::string_view> names;
  for (const Setting& setting : Settings()) {
    if (setting.info.name == name) return setting.apply(settings, value);
    names.push_back(setting.info.name);
  }
  return Fail(ErrorCode::kNotFound,
              fmt::format("unknown option '{}'; allowed are {}", name, fmt::join(names, ", ")));
}

}  // namespace skybridge
