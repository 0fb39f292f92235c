// EndpointRegistry: one EndpointState for each server that remotes of this process talk to, so that
// two remotes of one account or region back off together.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "backends/endpoint_state.h"
#include "core/mutex.h"

namespace skybridge::cli {

// Safe from many threads. Forgets nothing: there are no more entries than servers.
class EndpointRegistry {
 public:
  // `url`: any of the server; scheme, host and port count. Shared, since stores may outlive the
  // registry.
  std::shared_ptr<EndpointState> Of(const std::string& url);

 private:
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<EndpointState>> states_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::cli
