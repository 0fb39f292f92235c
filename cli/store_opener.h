// StoreOpener: makes the store of a remote. The seam between the commands and the network.
#pragma once

#include <memory>
#include <string>

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
  // For people: as whom the store is reached, and why not as somebody else; "" if there is nothing
  // to tell. Holds no secret.
  virtual std::string Identity() const { return {}; }
  // What will go wrong soon, as a SAS token that expires; "" if nothing is known.
  virtual std::string Warning() const { return {}; }
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
