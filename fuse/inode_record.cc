#include "fuse/inode_record.h"

#include <utility>

namespace skybridge::fuse {

cache::InodeKind ToInodeKind(NodeKind kind) {
  switch (kind) {
    case NodeKind::kFile:
      return cache::InodeKind::kFile;
    case NodeKind::kDirectory:
      return cache::InodeKind::kDirectory;
    case NodeKind::kSymlink:
      return cache::InodeKind::kSymlink;
  }
  return cache::InodeKind::kFile;
}

NodeKind ToNodeKind(cache::InodeKind kind) {
  switch (kind) {
    case cache::InodeKind::kFile:
      return NodeKind::kFile;
    case cache::InodeKind::kDirectory:
      return NodeKind::kDirectory;
    case cache::InodeKind::kSymlink:
      return NodeKind::kSymlink;
  }
  return NodeKind::kFile;
}

cache::Child ToChild(const ObjectInfo& info, std::string name, WallTime now) {
  cache::Child child;
  child.name = std::move(name);
  child.kind = ToInodeKind(info.kind);
  child.size_bytes = info.kind == NodeKind::kDirectory ? 0 : info.size_bytes;
  child.etag = info.etag.value;
  child.last_modified = info.last_modified;
  child.learned_at = now;
  child.attributes_known = info.attributes.has_value();
  if (info.attributes) {
    child.mtime = info.attributes->mtime;
    child.mode = info.attributes->mode;
    child.uid = info.attributes->uid;
    child.gid = info.attributes->gid;
    child.xattrs = info.attributes->xattrs;
    child.foreign = info.attributes->foreign;
    child.content = info.attributes->content;
    child.tier = info.attributes->tier;
    child.access = info.attributes->access;
  }
  return child;
}

Attributes ToAttributes(const cache::InodeRecord& record) {
  return {.mtime = ShownMtime(record),
          .mode = record.mode,
          .uid = record.uid,
          .gid = record.gid,
          .xattrs = record.xattrs,
          .foreign = record.foreign,
          .content = record.content,
          .tier = record.tier,
          .access = record.access};
}

bool HasAttributes(const ObjectInfo& info, const cache::InodeRecord& record, bool any_mtime) {
  if (!info.attributes) return true;
  Attributes wanted = ToAttributes(record);
  if (any_mtime) wanted.mtime = info.attributes->mtime;
  return wanted == *info.attributes;
}

ObjectInfo ToObjectInfo(const cache::InodeRecord& record, const ObjectKey& key) {
  return {.key = key,
          .kind = ToNodeKind(record.kind),
          .size_bytes = record.size_bytes,
          .etag = ETag(record.etag),
          .last_modified = record.last_modified,
          .attributes = ToAttributes(record)};
}

bool DropSetId(cache::InodeRecord& record) {
  constexpr std::uint32_t kSetUserId = 04000;
  constexpr std::uint32_t kSetGroupId = 02000;
  constexpr std::uint32_t kGroupExecute = 0010;
  if (!record.mode || record.kind != cache::InodeKind::kFile) return false;
  const std::uint32_t before = *record.mode;
  *record.mode &= ~kSetUserId;
  if ((*record.mode & kGroupExecute) != 0) *record.mode &= ~kSetGroupId;
  return *record.mode != before;
}

NodeStat ToStat(const cache::InodeRecord& record, const FilesystemOptions& options) {
  const bool directory = record.kind == cache::InodeKind::kDirectory;
  const std::uint32_t default_mode =
      directory ? options.default_directory_mode : options.default_file_mode;
  return {
      .ino = record.ino,
      .kind = record.kind,
      .mode = record.kind == cache::InodeKind::kSymlink ? 0777 : record.mode.value_or(default_mode),
      .uid = record.uid.value_or(options.default_uid),
      .gid = record.gid.value_or(options.default_gid),
      .size_bytes = record.size_bytes,
      .link_count = 1,
      .mtime = ShownMtime(record),
      .ctime = record.ctime};
}

}  // namespace skybridge::fuse
