// Which of the source's attributes a destination is able to keep. What it cannot keep for anybody
// (an owner, for an ordinary user's directory; extended attributes, for a file system that has
// none) is left out and counted, as rsync does it, and is no failure of each file.
#pragma once

#include "backends/object_store.h"

namespace skybridge {

struct LeftOut {
  bool owner = false;  // user or group
  bool xattrs =
      false;  // extended attributes, or metadata of other tools that would be kept as such
};

// Removes from `attributes` of a node what `destination` cannot keep. Says what was removed. The
// permissions of a symbolic link mean nothing: removing them is not told, nor is what only services
// have (content headers, access control lists, tiers).
LeftOut LeaveOut(Attributes& attributes, NodeKind kind, const Capabilities& destination);

}  // namespace skybridge
