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
  // For people: which identity is used, and why others are not; "" if there is nothing to say. It
  // contains no secret.
  virtual std::string Identity() const { return {}; }
  // A problem that will come soon, such as a SAS token that expires; "" if there is none.
  virtual std::string Warning() const { return {}; }
};

// Safe from many threads.
class StoreOpener {
 public:
  virtual ~StoreOpener() = default;
  // The store's root is the directory that `remote.uri` names; it retries by itself. Its container
  // has answered once, so that a wrong endpoint, credential or container is reported here, within
  // seconds.
  virtual Outcome<std::unique_ptr<OpenStore>> Open(const RemoteConfig& remote,
                                                   const CallContext& context) = 0;
};

}  // namespace skybridge::cli
