// StoreFactory: builds the real stores. From the bottom: transport, credentials, the cloud's store,
// a limit on requests in flight, retries. It is the only place that knows every kind of store. The
// remotes that it opens share the state of their endpoint: its pauses, and whether it is silent.
#pragma once

#include <memory>

#include "cli/endpoint_registry.h"
#include "cli/store_opener.h"
#include "core/clock.h"
#include "core/environment.h"

namespace skybridge::cli {

// Starts no thread and touches no network before the first Open.
class StoreFactory final : public StoreOpener {
 public:
  // Both outlive the factory and what it opened.
  StoreFactory(const Environment& environment, Clock& clock)
      : environment_(environment), clock_(clock) {}

  // A configuration whose `auth` is automatic takes the environment's credentials.
  // Failures: kConfiguration for what is wrong with secrets, profiles and files; kAuthentication
  // without credentials; those of the first request.
  Outcome<std::unique_ptr<OpenStore>> Open(const RemoteConfig& remote,
                                           const CallContext& context) override;

 private:
  const Environment& environment_;
  Clock& clock_;
  EndpointRegistry endpoints_;
};

}  // namespace skybridge::cli
