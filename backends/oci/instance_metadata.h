// InstanceMetadata: what a compute instance of OCI may ask about itself (IMDS version 2).
// Source: "Getting Instance Metadata" (Oracle documentation); paths as the official SDKs ask for
// them.
#pragma once

#include <string>
#include <string_view>

#include "backends/http_transport.h"
#include "backends/oci/region.h"
#include "core/call_context.h"
#include "core/clock.h"

namespace skybridge::oci {

// Where an instance is.
struct InstancePlace {
  std::string region;  // long id
  // The one that was given, which also knows the realm of a region that is younger than the table.
  Environment environment;
};

// Safe from many threads. Plain http to a link-local address: never through a proxy, answers within
// the machine.
class InstanceMetadata {
 public:
  // The base is OCI_METADATA_BASE_URL of the environment, else http://169.254.169.254/opc/v2.
  InstanceMetadata(HttpTransport& transport, Clock& clock, const Environment& environment);

  // The text at `path` ("/instance/region"). Attempts end after 5 s; lost connections, 404, 429,
  // 5xx and the pages of a portal are tried again, four attempts in all, 1, 2 and 4 s apart: the
  // service is slow after boot. Errors: kUnauthenticated, saying that this is no OCI instance, when
  // nobody answers; those of the last attempt (ErrorFromIssuer), where a 404 is kUnavailable: "not
  // yet".
  Result<std::string> Get(std::string_view path, const CallContext& context) const;

  // `region`: id or code; empty: the one this instance is in. Errors: those of Get for that one.
  Result<InstancePlace> Place(std::string_view region, const CallContext& context) const;

 private:
  HttpTransport& transport_;
  Clock& clock_;
  const Environment environment_;
  std::string base_;
};

}  // namespace skybridge::oci
