#include "backends/local/local_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

#include <fmt/format.h>

namespace skybridge {
namespace {

FileDescriptor OpenBeneath(const FileDescriptor& directory, const ObjectKey& key, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const char* path = key.is_root() ? "." : key.path.c_str();
  return FileDescriptor(
      static_cast<int>(::syscall(SYS_openat2, directory.get(), path, &how, sizeof how)));
}

// A link on the way is, in a tree of objects, no directory.
tl::unexpected<Error> PathError(int code, std::string_view path) {
  if (code == ELOOP || code == EXDEV) code = ENOTDIR;
  return Fail(ErrorFromErrno(code, fmt::format("'{}'", path)));
}

struct DirectoryCloser {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

std::string SortName(const LocalName& entry) {
  return entry.is_directory ? entry.name + "/" : entry.name;
}

unsigned char TypeOf(const FileDescriptor& directory, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type;
  struct stat status {};
  if (::fstatat(directory.get(), entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
    return DT_UNKNOWN;
  return IFTODT(status.st_mode);
}

}  // namespace

Result<LocalTree> LocalTree::Open(const std::string& path) {
  FileDescriptor root(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return Fail(ErrorFromErrno(errno, fmt::format("open '{}'", path)));
  if (!OpenBeneath(root, ObjectKey(), O_PATH | O_DIRECTORY)) {
    return Fail(ErrorFromErrno(errno, fmt::format("open '{}' with openat2", path)));
  }
  return LocalTree(std::move(root));
}

Result<FileDescriptor> LocalTree::OpenDirectory(const ObjectKey& key) const {
  FileDescriptor directory = OpenBeneath(root_, key, O_RDONLY | O_DIRECTORY);
  if (!directory) return PathError(errno, key.path);
  return directory;
}

Result<LocalPlace> LocalTree::Find(const ObjectKey& key) const {
  FileDescriptor directory = OpenBeneath(root_, key.parent(), O_PATH | O_DIRECTORY);
  if (!directory) return PathError(errno, key.path);
  return LocalPlace{.directory = std::move(directory),
                    .name = key.is_root() ? "." : std::string(key.name())};
}

Result<LocalPlace> LocalTree::FindOrMakeParents(const ObjectKey& key) const {
  Result<LocalPlace> place = Find(key);
  if (place || place.error().code != ErrorCode::kNotFound) return place;
  const LocalPlace parent = TRY(FindOrMakeParents(key.parent()));
  if (::mkdirat(parent.directory.get(), parent.name.c_str(), 0777) != 0 && errno != EEXIST) {
    return PathError(errno, key.parent().path);
  }
  return Find(key);
}

Result<FileDescriptor> OpenNode(const FileDescriptor& directory, const std::string& name) {
  FileDescriptor node(::openat(directory.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!node) return PathError(errno, name);
  return node;
}

Result<LocalNames> ReadNames(const FileDescriptor& directory) {
  // A description of its own: the stream moves its offset.
  const int own = ::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return Fail(ErrorFromErrno(errno, "read a directory"));
  const std::unique_ptr<DIR, DirectoryCloser> stream(::fdopendir(own));
  LocalNames result;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());  // NOLINT(concurrency-mt-unsafe): our own stream
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const unsigned char type = TypeOf(directory, *entry);
    if (type == DT_UNKNOWN) continue;  // gone meanwhile
    if (type == DT_REG || type == DT_DIR || type == DT_LNK) {
      result.names.push_back({.name = std::string(name), .is_directory = type == DT_DIR});
    } else {
      result.other_kinds.emplace_back(name);
    }
  }
  if (errno != 0) return Fail(ErrorFromErrno(errno, "read a directory"));
  std::sort(result.names.begin(), result.names.end(),
            [](const LocalName& a, const LocalName& b) { return SortName(a) < SortName(b); });
  return result;
}

}  // namespace skybridge
