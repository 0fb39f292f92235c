// One signed exchange with OCI: signs, sends, and turns what is no success into an Error.
#pragma once

#include <memory>
#include <string_view>

#include "backends/http_transport.h"
#include "backends/oci/identity.h"
#include "backends/oci/requests.h"
#include "core/call_context.h"
#include "core/clock.h"

namespace skybridge::oci {

// Safe from many threads.
class Client {
 public:
  // `transport` and `clock` must outlive the client.
  Client(HttpTransport& transport, std::unique_ptr<IdentityProvider> identities, Clock& clock);

  // Any 2xx is a success. Makes one attempt; after a 401 that a renewed token may cure one more,
  // and after a refusal for its rate as many as its turn allows (backends/send_in_turn.h). `what`
  // names operation and key in errors. An identity that fails does so as AsIdentityFailure says,
  // never as if an object were missing or in the way.
  Result<HttpResponse> Send(Call call, std::string_view what, const CallContext& context);

  Clock& clock() { return clock_; }

 private:
  Result<std::shared_ptr<const Identity>> WhoWeAre(const CallContext& context);
  Result<HttpResponse> SendAsUs(Call& call, std::string_view what, const CallContext& context);
  Result<HttpResponse> SendSigned(Call& call, const Identity& identity, const CallContext& context);

  HttpTransport& transport_;
  const std::unique_ptr<IdentityProvider> identities_;
  Clock& clock_;
};

}  // namespace skybridge::oci
