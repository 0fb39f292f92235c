// StoreOpener: makes the store of a remote. The seam between the commands and the network.
#pragma once

#include <memory>

#include "backends/object_store.h"
#include "cli/failure.h"
#include "core/call_context.h"
#include "core/config.h"

namespace skybridge::cli {

// A store with everything it stands on: destroyed together.
class OpenStore {
 public:
  virtual ~OpenStore() = default;
  virtual ObjectStore& store() = 0;
};

// Safe from many threads.
class StoreOpener {
 public:
  virtual ~StoreOpener() = default;
  // The store shows the directory that `remote.uri` names as its root, and retries by itself. Its
  // container has answered: what is wrong with endpoint, credentials or container shows here, in
  // seconds.
  virtual Outcome<std::unique_ptr<OpenStore>> Open(const RemoteConfig& remote,
                                                   const CallContext& context) = 0;
};

}  // namespace skybridge::cli
