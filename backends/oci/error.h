// From an answer of OCI Object Storage that is no success to an Error: one table, tested row by
// row. Source: "API Errors" (Oracle documentation) and the retry rules of the official SDKs.
#pragma once

#include <string>
#include <string_view>

#include "backends/http_transport.h"
#include "core/clock.h"
#include "core/error.h"

namespace skybridge::oci {

// `what` is the operation and its key ("get 'a/b'"). The body may be empty (HEAD), or not JSON at
// all (a proxy's page). `now` turns a Retry-After that is a date into a duration.
Error ErrorFromResponse(std::string_view what, const HttpResponse& response, WallTime now);

// Whether the service itself answered: each of its replies carries opc-request-id (OCI API: every
// operation's response headers).
bool IsFromService(const HttpHeaders& headers);

// What an issuer of tokens, or the metadata service, said instead of what it was asked for, as
// AsIdentityFailure says. Not each of them sends opc-request-id: an error code of its own tells it
// from a proxy or a portal, too, whose answers are StrangersAnswer.
Error ErrorFromIssuer(std::string_view what, const HttpResponse& response, WallTime now);

// The same rules for one entry of a batch, which has a status and no code.
Error ErrorFromStatus(std::string_view what, int http_status, std::string_view message);

}  // namespace skybridge::oci
