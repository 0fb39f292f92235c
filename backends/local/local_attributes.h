// How a local file, link or directory is described, and how attributes are written to it.
#pragma once

#include <sys/stat.h>

#include "backends/object_store.h"
#include "core/file_descriptor.h"

namespace skybridge {

// Inode, size, mtime and ctime: any change made through the system changes it.
ETag LocalETag(const struct stat& status);
// Whether both name the same content: a rename or a change of attributes changes only the ctime.
bool IsSameContent(const ETag& a, const ETag& b);

// `node`: as OpenNode gives it.
Result<struct stat> StatNode(const FileDescriptor& node);
Result<ObjectInfo> DescribeLocal(const ObjectKey& key, const FileDescriptor& node);

// Writes the set to a node. What is not recorded in it stays as the system made it, but extended
// attributes that are not in it are removed.
// Extended attributes: "user." only, which is what every user may set. Metadata of other tools is
// kept as "user.skybridge.foreign.<key>". A link keeps time and owner only. Content
// headers and tier are not kept (Capabilities). Errors: kNotSupported,
// kPermissionDenied (giving a file away), kNoSpace.
Status WriteLocalAttributes(const Attributes& attributes, const FileDescriptor& node);

}  // namespace skybridge
