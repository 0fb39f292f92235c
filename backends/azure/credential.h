// Credential: proves to Azure Storage who sends a request. One of SharedKey, SAS or a bearer token;
// or none.
#pragma once

#include <string>

#include "backends/http_transport.h"
#include "core/call_context.h"
#include "core/result.h"

namespace skybridge::azure {

// Safe from many threads.
class Credential {
 public:
  virtual ~Credential() = default;

  // Completes a request that has everything else already, x-ms-date included: what comes later is
  // not signed. May itself talk to an authority within the context. Errors: kUnauthenticated
  // (expired, refused by the authority), kInvalidArgument (a secret must not go over this URL),
  // those of the transport.
  virtual Status Authorize(HttpRequest& request, const CallContext& context) = 0;

  // The service answered 401 to this request. True if another Authorize may give something else:
  // send once more.
  virtual bool Refused(const HttpRequest& request) = 0;

  // For people: which identity this is, and of a chain also why the others were not taken. Holds no
  // secret.
  virtual std::string Describe() const = 0;
  // What will go wrong soon ("the SAS token expires ..."); empty if nothing is known.
  virtual std::string Warning() const { return {}; }
};

// Sends nothing: for containers that anybody may read.
class AnonymousCredential final : public Credential {
 public:
  Status Authorize(HttpRequest& /*request*/, const CallContext& /*context*/) override { return {}; }
  bool Refused(const HttpRequest& /*request*/) override { return false; }
  std::string Describe() const override { return "none: nothing is sent"; }
};

}  // namespace skybridge::azure
