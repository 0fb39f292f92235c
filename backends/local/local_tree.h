// LocalTree: a directory of this machine, reached only from the inside. Every step of every path is
// taken below the root and through no symbolic link (openat2), so that neither a name nor a link
// that somebody placed there can lead outside.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/file_descriptor.h"
#include "core/ids.h"
#include "core/result.h"

namespace skybridge {

// A place in the tree, taken or not: the directory that holds it, and its name there.
struct LocalPlace {
  FileDescriptor directory;
  std::string name;
};

// Safe from many threads.
class LocalTree {
 public:
  // Errors: kNotFound, kNotDirectory, kPermissionDenied; kNotSupported where the kernel has no
  // openat2 (before Linux 5.6).
  static Result<LocalTree> Open(const std::string& path);

  // For reading its names and for making it durable.
  Result<FileDescriptor> OpenDirectory(const ObjectKey& key) const;
  Result<LocalPlace> Find(const ObjectKey& key) const;
  // The same, with the missing directories above it made.
  Result<LocalPlace> FindOrMakeParents(const ObjectKey& key) const;

 private:
  explicit LocalTree(FileDescriptor root) : root_(std::move(root)) {}

  FileDescriptor root_;
};

// What has that name in the directory, itself, never what a link points to: a handle (O_PATH) that
// stays with it when the name is given to something else.
Result<FileDescriptor> OpenNode(const FileDescriptor& directory, const std::string& name);

struct LocalName {
  std::string name;
  bool is_directory = false;
};

struct LocalNames {
  std::vector<LocalName> names;  // bytewise, with "/" behind those of directories; no "." and ".."
  std::vector<std::string> other_kinds;  // sockets, pipes and devices, which are not among `names`
};
Result<LocalNames> ReadNames(const FileDescriptor& directory);

}  // namespace skybridge
