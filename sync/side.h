// SyncSide: one side of a pass or a proof: a store, or the part of it below `root`.
#pragma once

#include "backends/object_store.h"

namespace skybridge {

// The store must outlive whoever uses the side.
struct SyncSide {
  ObjectStore& store;
  ObjectKey root = {};

  // The store's key of a path of the side. The path "" is the side's root.
  ObjectKey At(const ObjectKey& path) const { return root.descendant(path); }
};

}  // namespace skybridge
