// What a listing could not tell of a node, asked for by Head.
#pragma once

#include "sync/call_policy.h"
#include "sync/side.h"

namespace skybridge {

// What Head tells of the node at `path` of the side. Of a directory by fewer requests, unless
// another kind of node has its name. The key of the answer is `path`.
Result<ObjectInfo> LookAt(const SyncSide& side, const ObjectKey& path, NodeKind expected,
                          const CallPolicy& policy);

// Asks only if the attributes are not known. The key of `info` is and stays relative to the side.
Status Complete(ObjectInfo& info, const SyncSide& side, const CallPolicy& policy);

// Success: the file at `path`, which Head did not find, is not there. Asked by reading, since what
// may not be read is no missing object, and Head cannot always tell (OCI answers it without a
// body). Errors: what reading said; `not_found` with a note if it can be read.
Status CheckIsGone(const SyncSide& side, const ObjectKey& path, const Error& not_found,
                   const CallPolicy& policy);

}  // namespace skybridge
