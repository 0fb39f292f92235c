// LocalStore: a directory of this machine as an ObjectStore ("file:///DIR"), so that a copy may
// start or end there like anywhere else.
//
// - What is written becomes visible whole, by a rename from the hidden directory ".skybridge-tmp"
//   below the root, after it is on disk. That directory is made by the first write (a store that is
//   only read changes nothing) and removed by the last store that used it. What a crash leaves
//   there is removed when no living store uses it and the next one is opened: at once, but uploads
//   in parts, which may be gone on with, after a day. The name is refused as a key and never
//   listed, in no directory: it may be that of a store whose root lies below this one.
// - The ETag is made of inode, size, mtime and ctime: a change by any program is seen. If-Match is
//   exact among the users of one store; against other programs it is checked just before the
//   rename.
// - No name and no link leads out of the root (backends/local/local_tree.h).
// - Sockets, pipes and devices are not shown; ListPage::hidden_names names them.
#pragma once

#include <memory>
#include <string>

#include "backends/object_store.h"
#include "core/clock.h"

namespace skybridge {

struct LocalStoreOptions {
  std::string directory;  // must exist
  bool sync = true;       // writes reach the disk before they are acknowledged
};

// `clock` outlives the store. Errors: kNotFound, kNotDirectory, kPermissionDenied, kNotSupported
// (the kernel is older than 5.6).
Result<std::unique_ptr<ObjectStore>> OpenLocalStore(const LocalStoreOptions& options, Clock& clock);

}  // namespace skybridge
