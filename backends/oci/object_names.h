// How the tree of an ObjectStore lies in a bucket's flat names: a file is its path, a directory its
// path and '/'. An object whose name ends in '/' is a directory's marker if it is empty; with content
// it is a file with an empty name in that directory.
//
// The service allows names that are no plain path ("a//b", "../x", "/y"): their keys have empty parts,
// or parts "." and ".." (core/ids.h). None leads outside of what was mounted, for a name is sent as it
// is, percent-encoded as a whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "backends/object_store.h"

namespace skybridge::oci {

inline constexpr std::uint32_t kMaxNameBytes =
    1024;  // of an object's whole name (Oracle: "Managing Objects")

// Immutable: safe from many threads.
class ObjectNames {
 public:
  // All keys lie below `root` of the bucket.
  explicit ObjectNames(const ObjectKey& root) : base_(root.is_root() ? "" : root.path + "/") {}

  // "" for a key that no object can have.
  std::string File(const ObjectKey& key) const { return base_ + std::string(key.flat_name()); }
  // Of the directory's marker, which is also the prefix of everything below it. "" for the bucket's
  // own root.
  std::string Directory(const ObjectKey& key) const {
    return key.is_root() ? base_ : File(key) + "/";
  }

  // The key of a listed name (its trailing '/' already cut off). None: a name to hide.
  std::optional<ObjectKey> Key(std::string_view name, const Capabilities& capabilities) const;

  // The longest key of a file; a directory's marker has one more byte.
  std::uint32_t max_key_bytes() const {
    return kMaxNameBytes - static_cast<std::uint32_t>(base_.size());
  }

 private:
  const std::string base_;
};

// Errors: those of CheckKey; kInvalidName for CR, LF and what is not UTF-8, which the service
// refuses in names.
Status CheckObjectKey(const ObjectKey& key, const Capabilities& capabilities);

}  // namespace skybridge::oci
