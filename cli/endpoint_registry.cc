#include "cli/endpoint_registry.h"

#include "backends/http/endpoint.h"

namespace skybridge::cli {

std::shared_ptr<EndpointState> EndpointRegistry::Of(const std::string& url) {
  const auto endpoint = ParseEndpoint(url);
  MutexLock lock(mutex_);
  // A text that is no URL never becomes a store: another check refuses it with a better message.
  auto& state = states_[endpoint ? endpoint->origin : url];
  if (!state) state = std::make_shared<EndpointState>();
  return state;
}

}  // namespace skybridge::cli
