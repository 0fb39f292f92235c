// Strong types for things that must not be swapped.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace skybridge {

// The path of an object below its container: UTF-8 bytes, parts joined by '/', no leading and no
// trailing '/'.
// "" is the container's own root directory. Bytes are bytes: no case folding, no Unicode
// normalisation.
struct ObjectKey {
  std::string path;

  ObjectKey() = default;
  explicit ObjectKey(std::string p) : path(std::move(p)) {}

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
    return ObjectKey(path.empty() ? std::string(name) : path + "/" + std::string(name));
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
