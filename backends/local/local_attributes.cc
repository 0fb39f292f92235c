#include "backends/local/local_attributes.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/timespec.h"

namespace skybridge {
namespace {

using Xattrs = std::map<std::string, std::string>;

constexpr std::string_view kUserPrefix = "user.";
constexpr std::string_view kForeignPrefix = "user.skybridge.foreign.";

// For calls that refuse an O_PATH descriptor: leads to the node itself.
std::string ProcPath(const FileDescriptor& node) {
  return fmt::format("/proc/self/fd/{}", node.get());
}

NodeKind KindOf(const struct stat& status) {
  if (S_ISDIR(status.st_mode)) return NodeKind::kDirectory;
  return S_ISLNK(status.st_mode) ? NodeKind::kSymlink : NodeKind::kFile;
}

Result<std::string> ReadXattr(const std::string& path, const std::string& name) {
  std::string value(256, '\0');
  for (;;) {
    const ssize_t size = ::getxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (size >= 0) {
      value.resize(static_cast<std::size_t>(size));
      return value;
    }
    if (errno != ERANGE) return Fail(ErrorFromErrno(errno, "read extended attribute " + name));
    value.resize(value.size() * 4);
  }
}

// The "user." attributes by their full names; none where the file system has none.
Result<Xattrs> ReadXattrs(const std::string& path) {
  Xattrs xattrs;
  std::string names(1024, '\0');
  ssize_t size = 0;
  while ((size = ::listxattr(path.c_str(), names.data(), names.size())) < 0) {
    if (errno == ENOTSUP) return xattrs;
    if (errno != ERANGE) return Fail(ErrorFromErrno(errno, "list extended attributes"));
    names.resize(names.size() * 4);
  }
  std::string_view rest(names.data(), static_cast<std::size_t>(size));
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(name.size() + 1);
    if (name.starts_with(kUserPrefix)) xattrs[name] = TRY(ReadXattr(path, name));
  }
  return xattrs;
}

// What is to be there in the end.
Result<Xattrs> WantedXattrs(const Attributes& attributes) {
  for (const auto& [name, value] : attributes.xattrs) {
    if (!name.starts_with(kUserPrefix)) {
      return Fail(ErrorCode::kNotSupported,
                  "of extended attributes only those of users are kept, not " + name);
    }
  }
  Xattrs wanted = attributes.xattrs;
  for (const auto& [key, value] : attributes.foreign) {
    wanted[std::string(kForeignPrefix) + key] = value;
  }
  return wanted;
}

Status WriteXattrs(const Attributes& attributes, const std::string& path) {
  const Xattrs wanted = TRY(WantedXattrs(attributes));
  const Xattrs present = TRY(ReadXattrs(path));
  for (const auto& [name, value] : present) {
    if (!wanted.contains(name) && ::removexattr(path.c_str(), name.c_str()) != 0) {
      return Fail(ErrorFromErrno(errno, "remove extended attribute " + name));
    }
  }
  for (const auto& [name, value] : wanted) {
    const auto old = present.find(name);
    if (old != present.end() && old->second == value) continue;
    if (::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) != 0) {
      return Fail(ErrorFromErrno(errno, "set extended attribute " + name));
    }
  }
  return {};
}

Status WriteOwner(const Attributes& attributes, const struct stat& now,
                  const FileDescriptor& node) {
  const uid_t uid = attributes.uid.value_or(now.st_uid);
  const gid_t gid = attributes.gid.value_or(now.st_gid);
  if (uid == now.st_uid && gid == now.st_gid) return {};
  if (::fchownat(node.get(), "", uid, gid, AT_EMPTY_PATH) != 0) {
    return Fail(ErrorFromErrno(errno, fmt::format("give to {}:{}", uid, gid)));
  }
  return {};
}

Status WriteTime(WallTime mtime, const FileDescriptor& node) {
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, ToTimespec(mtime)};
  if (::utimensat(node.get(), "", times, AT_EMPTY_PATH) != 0) {
    return Fail(ErrorFromErrno(errno, "set the time"));
  }
  return {};
}

}  // namespace

ETag LocalETag(const struct stat& status) {
  return ETag(fmt::format("{:x}-{:x}-{:x}-{:x}", status.st_ino, status.st_size,
                          FromTimespec(status.st_mtim).time_since_epoch().count(),
                          FromTimespec(status.st_ctim).time_since_epoch().count()));
}

bool IsSameContent(const ETag& a, const ETag& b) {
  const auto content = [](const ETag& tag) {
    return std::string_view(tag.value).substr(0, tag.value.rfind('-'));
  };
  return !a.empty() && content(a) == content(b);
}

Result<struct stat> StatNode(const FileDescriptor& node) {
  struct stat status {};
  if (::fstat(node.get(), &status) != 0) return Fail(ErrorFromErrno(errno, "describe a file"));
  return status;
}

Result<ObjectInfo> DescribeLocal(const ObjectKey& key, const FileDescriptor& node) {
  const struct stat status = TRY(StatNode(node));
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode) && !S_ISLNK(status.st_mode)) {
    return Fail(ErrorCode::kNotSupported,
                "'" + key.path + "' is a socket, a pipe or a device, which no store has");
  }
  const NodeKind kind = KindOf(status);
  ObjectInfo info{
      .key = key,
      .kind = kind,
      .etag = LocalETag(status),
      .last_modified = FromTimespec(status.st_mtim),
      .attributes = Attributes{
          .mtime = FromTimespec(status.st_mtim), .uid = status.st_uid, .gid = status.st_gid}};
  if (kind != NodeKind::kDirectory) info.size_bytes = static_cast<std::uint64_t>(status.st_size);
  if (kind == NodeKind::kSymlink) return info;
  info.attributes->mode = status.st_mode & 07777;
  auto xattrs = TRY(ReadXattrs(ProcPath(node)));
  for (auto& [name, value] : xattrs) {
    if (name.starts_with(kForeignPrefix)) {
      info.attributes->foreign.emplace(name.substr(kForeignPrefix.size()), std::move(value));
    } else {
      info.attributes->xattrs.emplace(name, std::move(value));
    }
  }
  return info;
}

Status WriteLocalAttributes(const Attributes& attributes, const FileDescriptor& node) {
  const struct stat now = TRY(StatNode(node));
  // In this order: a new owner takes set-user-ID bits away, and every step changes the ctime.
  TRY_VOID(WriteOwner(attributes, now, node));
  if (S_ISLNK(now.st_mode)) {
    if (!attributes.xattrs.empty() || !attributes.foreign.empty()) {
      return Fail(ErrorCode::kNotSupported, "a local symbolic link keeps no extended attributes");
    }
  } else {
    const std::string path = ProcPath(node);
    TRY_VOID(WriteXattrs(attributes, path));
    if (attributes.mode && ::chmod(path.c_str(), *attributes.mode & 07777) != 0) {
      return Fail(ErrorFromErrno(errno, "set the mode"));
    }
  }
  return attributes.mtime ? WriteTime(*attributes.mtime, node) : Status();
}

}  // namespace skybridge
