// Strong types for things that must not be swapped.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace skybridge {

// The path of an object below its container: parts joined by '/'. "" is the container's own root
// directory. Bytes are bytes: no case folding, no Unicode normalisation.
//
// A service of flat names allows names that are no plain path ("a//b", "/c", "d/"): cut at each
// '/', they have empty parts. Such a key has an empty part as well, so that "d/" is the key of a
// child of "d" whose name is empty. Only where the very first part is empty does the key differ from
// the flat name: it has one more '/' in front, or the root and its child of that name would be one
// key. Which parts a store can hold is its own affair (Capabilities::any_key_parts, CheckKey).
struct ObjectKey {
  std::string path;

  ObjectKey() = default;
  explicit ObjectKey(std::string p) : path(std::move(p)) {}

  // The key of a name as a service of flat names has it: not for the root.
  static ObjectKey FromFlatName(std::string_view name) {
    const bool first_is_empty = name.empty() || name.front() == '/';
    return ObjectKey((first_is_empty ? "/" : "") + std::string(name));
  }
  std::string_view flat_name() const {
    return std::string_view(path).substr(path.starts_with('/') ? 1 : 0);
  }

  bool is_root() const { return path.empty(); }
  // The last part; "" for the root.
  std::string_view name() const {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? std::string_view(path)
                                      : std::string_view(path).substr(slash + 1);
  }
  // Everything before the last part; the root for a key without '/'.
  ObjectKey parent() const {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? ObjectKey() : ObjectKey(path.substr(0, slash));
  }
  ObjectKey child(std::string_view name) const {
    return is_root() ? FromFlatName(name) : ObjectKey(path + "/" + std::string(name));
  }
  // The key that `below` has in the directory `this`.
  ObjectKey descendant(const ObjectKey& below) const {
    if (is_root() || below.is_root()) return is_root() ? below : *this;
    return ObjectKey(path + "/" + std::string(below.flat_name()));
  }
  bool is_below(const ObjectKey& directory) const {  // strictly
    return directory.is_root() ? !is_root() : path.starts_with(directory.path + "/");
  }
  // The reverse of descendant, for a key that is_below(directory).
  ObjectKey relative_to(const ObjectKey& directory) const {
    if (directory.is_root()) return *this;
    return FromFlatName(std::string_view(path).substr(directory.path.size() + 1));
  }

  auto operator<=>(const ObjectKey&) const = default;
};

// A version of an object as its store names it: opaque, compared bytewise, kept without surrounding
// quotes. Empty where the store has no version to name (a directory that exists only as a prefix).
struct ETag {
  std::string value;

  ETag() = default;
  explicit ETag(std::string v) : value(std::move(v)) {}
  bool empty() const { return value.empty(); }

  auto operator<=>(const ETag&) const = default;
};

// Names an inode to the kernel and to programs (st_ino). 0 is "none", 1 is the root of the mount.
enum class InodeNumber : std::uint64_t { kNone = 0, kRoot = 1 };

inline std::uint64_t ToInteger(InodeNumber ino) { return static_cast<std::uint64_t>(ino); }

}  // namespace skybridge

template <>
struct std::hash<skybridge::ObjectKey> {
  std::size_t operator()(const skybridge::ObjectKey& key) const noexcept {
    return std::hash<std::string>{}(key.path);
  }
};
