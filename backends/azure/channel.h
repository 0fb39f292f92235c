// Channel: one signed exchange with Azure Storage. Adds what every request carries, and turns
// refusals into Errors.
#pragma once

#include <memory>
#include <string>

#include "backends/azure/options.h"
#include "backends/http_transport.h"
#include "backends/server_clock.h"
#include "core/clock.h"
#include "core/ids.h"

namespace skybridge::azure {

// Safe from many threads. The transport and the clock must outlive it.
class Channel {
 public:
  Channel(const Options& options, HttpTransport& transport, const Clock& clock);

  // Adds x-ms-version, x-ms-date, x-ms-client-request-id, the server's own time limit (a little
  // less than ours, so that it gives up first) and the credential; sends. A token that was refused
  // (401) is replaced and the request sent once more; one that was refused for its rate is sent
  // again in its turn (backends/send_in_turn.h). Any status but 2xx, and any answer that is not the
  // service's own, is an Error that names the operation and `key`.
  Result<HttpResponse> Send(const HttpRequest& request, const ObjectKey& key,
                            const CallContext& context) const;

  const Clock& clock() const { return clock_; }
  // The service's own time.
  WallTime ServerNow() const { return server_clock_.Now(); }

 private:
  Result<HttpResponse> SendAuthorized(const HttpRequest& request, const ObjectKey& key,
                                      const CallContext& context) const;
  Result<HttpResponse> SendOnce(HttpRequest request, bool& refused,
                                const CallContext& context) const;

  HttpTransport& transport_;
  const Clock& clock_;
  mutable ServerClock server_clock_;
  const std::shared_ptr<Credential> credential_;
  const std::string api_version_;
};

}  // namespace skybridge::azure
