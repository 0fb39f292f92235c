// Names at the root of a tree that are the mirror's own and no content: who owns the destination, and
// what was deleted and may be wanted back.
#pragma once

#include <string_view>

namespace skybridge {

inline constexpr std::string_view kMirrorDirectory = ".skybridge";
inline constexpr std::string_view kTrashDirectory = ".skybridge-trash";

// `path` is relative to the root of the tree. No listing shows such a node: it is not copied, not
// verified, not counted, and never deleted as something that the source lacks.
inline bool IsMirrorsOwn(std::string_view path) {
  const std::string_view first = path.substr(0, path.find('/'));
  return first == kMirrorDirectory || first == kTrashDirectory;
}

}  // namespace skybridge
