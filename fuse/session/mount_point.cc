#include "fuse/session/mount_point.h"

#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <fmt/format.h>
#include <spawn.h>

#include "core/log.h"

namespace skybridge::fuse {
namespace {

namespace fs = std::filesystem;

constexpr const char* kType = "fuse.skybridge";

// mountinfo writes blank, tab, newline and backslash as three octal digits (proc(5)).
std::string DecodeOctal(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out.push_back(static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8)));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::optional<MountEntry> ParseMountLine(const std::string& line) {
  const auto separator = line.find(" - ");
  if (separator == std::string::npos) return std::nullopt;
  MountEntry entry;
  std::string id, parent;
  std::istringstream(line) >> id >> parent >> entry.device >> entry.root >> entry.mount_point;
  std::istringstream(line.substr(separator + 3)) >> entry.type >> entry.source;
  for (std::string* text : {&entry.root, &entry.mount_point, &entry.source})
    *text = DecodeOctal(*text);
  return entry;
}

bool IsBelow(const fs::path& path, const fs::path& directory) {
  const fs::path relative = path.lexically_relative(directory);
  return !relative.empty() && *relative.begin() != "..";
}

bool IsAtOrBelow(const std::string& path, const std::string& mount_point) {
  return mount_point == "/" || path == mount_point || path.starts_with(mount_point + "/");
}

// A mount point that cannot be entered has no canonical path of its own: its parent has.
std::string AbsolutePath(const std::string& path) {
  fs::path absolute = fs::absolute(path).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();
  std::error_code error;
  const fs::path parent = fs::canonical(absolute.parent_path(), error);
  return error ? absolute.string() : (parent / absolute.filename()).string();
}

// Asked by statvfs: the kernel answers stat for a while from what the dead process told it.
bool IsDeadMount(const std::string& path) {
  struct statvfs info {};
  return ::statvfs(path.c_str(), &info) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

Status RemoveDeadMount(const std::string& path) {
  while (IsDeadMount(path)) {
    const auto mount = FindMount(path);
    if (!mount || mount->type != kType) {
      return Fail(ErrorCode::kLocked,
                  fmt::format("a dead mount of another kind is at '{}'; unmount it: umount -l '{}'",
                              path, path));
    }
    Log(LogLevel::kWarning, "mount: removing the dead mount that an earlier process left at '{}'",
        path);
    TRY_VOID(Unmount(*mount));
  }
  return {};
}

Status CheckDirectory(const std::string& path, bool allow_nonempty) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    return Fail(
        ErrorCode::kNotFound,
        fmt::format("mount point '{}' does not exist; make it first: mkdir -p '{}'", path, path));
  }
  if (error) return Fail(ErrorFromErrno(error.value(), fmt::format("mount point '{}'", path)));
  if (!fs::is_directory(status)) {
    return Fail(ErrorCode::kNotDirectory, fmt::format("mount point '{}' is not a directory", path));
  }
  if (const auto mount = FindMount(path); mount && mount->type == kType) {
    return Fail(
        ErrorCode::kLocked,
        fmt::format("a skybridge mount is at '{}' already; unmount it first: fusermount3 -u '{}'",
                    path, path));
  }
  const bool empty = fs::is_empty(path, error);
  if (error) return Fail(ErrorFromErrno(error.value(), fmt::format("mount point '{}'", path)));
  if (!empty && !allow_nonempty) {
    return Fail(
        ErrorCode::kNotEmpty,
        fmt::format(
            "mount point '{}' is not empty; what is in it would be hidden (-o nonempty allows it)",
            path));
  }
  return {};
}

int RunFusermount(const std::string& mount_point) {
  std::vector<std::string> words{"fusermount3", "-u", "-z", "-q", "--", mount_point};
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (const int error =
          ::posix_spawnp(&child, "fusermount3", nullptr, nullptr, arguments.data(), environ))
    return error;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EBUSY;
}

}  // namespace

std::optional<MountEntry> FindMount(const std::string& mount_point) {
  std::ifstream mounts("/proc/self/mountinfo");
  std::optional<MountEntry> found;
  for (std::string line; std::getline(mounts, line);) {
    if (auto entry = ParseMountLine(line); entry && entry->mount_point == mount_point)
      found = std::move(entry);
  }
  return found;
}

std::optional<MountEntry> FindMountOf(const std::string& path) {
  std::ifstream mounts("/proc/self/mountinfo");
  std::optional<MountEntry> found;
  for (std::string line; std::getline(mounts, line);) {
    auto entry = ParseMountLine(line);
    if (!entry || !IsAtOrBelow(path, entry->mount_point)) continue;
    // Of two at one place the later one lies on top.
    if (!found || entry->mount_point.size() >= found->mount_point.size()) found = std::move(entry);
  }
  if (found && found->type != kType) found.reset();
  return found;
}

Result<std::string> PrepareMountPoint(const MountOptions& options) {
  if (options.mount_point.empty())
    return Fail(ErrorCode::kInvalidArgument, "no mount point was given");
  TRY_VOID(RemoveDeadMount(AbsolutePath(options.mount_point)));
  TRY_VOID(CheckDirectory(AbsolutePath(options.mount_point), options.allow_nonempty));
  const fs::path mount_point = fs::canonical(options.mount_point);
  for (const auto& local : options.local_paths) {
    std::error_code error;
    const fs::path resolved = fs::weakly_canonical(fs::absolute(local), error);
    if (error) return Fail(ErrorFromErrno(error.value(), fmt::format("'{}'", local)));
    if (IsBelow(resolved, mount_point)) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' lies below the mount point '{}': the mount would wait for "
                              "itself; choose another place",
                              local, mount_point.string()));
    }
  }
  if (::access("/dev/fuse", F_OK) != 0) {
    return Fail(ErrorCode::kNotSupported,
                "there is no /dev/fuse: load the kernel module (modprobe fuse), or give the "
                "container the device (--device /dev/fuse)");
  }
  return mount_point.string();
}

Status Unmount(const MountEntry& mount) {
  const auto now = FindMount(mount.mount_point);
  if (!now || now->device != mount.device) return {};
  if (::umount2(mount.mount_point.c_str(), UMOUNT_NOFOLLOW) == 0) return {};
  if (errno == EBUSY) {
    // Aborts the connection of a fuse mount, and is still refused; the mount then goes when its
    // files are closed.
    ::umount2(mount.mount_point.c_str(), MNT_FORCE | UMOUNT_NOFOLLOW);
    if (::umount2(mount.mount_point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return {};
  }
  const int error = errno;
  if (error == EINVAL) return {};
  if (error == EPERM && RunFusermount(mount.mount_point) == 0) return {};
  return Fail(ErrorFromErrno(error, fmt::format("unmount '{}'", mount.mount_point)));
}

bool SetReadAhead(const MountEntry& mount, std::uint32_t kib) {
  std::ofstream knob("/sys/class/bdi/" + mount.device + "/read_ahead_kb");
  knob << kib << std::flush;
  return knob.good();
}

}  // namespace skybridge::fuse
