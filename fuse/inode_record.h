// How one node looks in each of our words: as the store describes it (ObjectInfo, Attributes), as
// the cache keeps it (InodeRecord), as stat(2) shows it (NodeStat). Pure functions.
#pragma once

#include <string>

#include "backends/object_store.h"
#include "cache/metadata_cache.h"
#include "fuse/options.h"
#include "fuse/vocabulary.h"

namespace skybridge::fuse {

cache::InodeKind ToInodeKind(NodeKind kind);
NodeKind ToNodeKind(cache::InodeKind kind);

// What the store said at `now`, as the child `name` of a directory. Its ctime is the cache's to
// tell.
cache::Child ToChild(const ObjectInfo& info, std::string name, WallTime now);

// The object's attributes, complete. The time shown becomes recorded even where the object had none
// of its own: otherwise writing attributes would move it.
Attributes ToAttributes(const cache::InodeRecord& record);

// Whether the object has the attributes of the record; with `any_mtime`, its time does not count.
// True also where the store does not say what the object has.
bool HasAttributes(const ObjectInfo& info, const cache::InodeRecord& record, bool any_mtime);

// The version of the content that a record describes, for a writer to build on.
ObjectInfo ToObjectInfo(const cache::InodeRecord& record, const ObjectKey& key);

NodeStat ToStat(const cache::InodeRecord& record, const FilesystemOptions& options);

// Takes set-user-id, and set-group-id where the group may execute, from a file that was given away or
// changed by somebody who may not keep them. False: there was nothing to take.
bool DropSetId(cache::InodeRecord& record);

inline WallTime ShownMtime(const cache::InodeRecord& record) {
  return record.mtime.value_or(record.last_modified);
}

}  // namespace skybridge::fuse
