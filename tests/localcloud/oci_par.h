// Pre-authenticated requests: URLs with a secret in them that let anybody do something to a bucket
// without signing. A request through one stands for an ordinary request; this translates it, and
// says whether the secret allows it. Sources: OCI API reference "PreauthenticatedRequest", OCI
// documentation "Using Pre-Authenticated Requests".
//
//   /p/SECRET/n/NS/b/BUCKET/o/OBJECT                 GET, HEAD, PUT; PUT with "opc-multipart: true"
//   /p/SECRET/n/NS/b/BUCKET/o/                       GET lists, where that was allowed
//   /p/SECRET2/n/NS/b/BUCKET/u/OBJECT/id/UPLOAD/N    PUT sends a part; without N, POST commits all
//                                                    parts and DELETE aborts
#pragma once

#include <optional>
#include <string>

#include "tests/localcloud/oci_message.h"
#include "tests/localcloud/oci_state.h"

namespace skybridge::localcloud::oci {

// A request whose target began "/p/SECRET".
struct Unwrapped {
  std::string secret;
  Request plain;  // what it stands for, without its body
  bool starts_upload = false;
  bool commits_upload = false;
};

// Nothing: an ordinary request. Looks at method, target and headers only.
std::optional<Unwrapped> Unwrap(const Request& request);

// Whether the secret allows `call`, the plain request: 401 for a secret that nobody gave or whose
// time is over, 404 for what it was not made for, as to a user without permission.
std::optional<OciFailure> CheckSecret(OciState& state, const Unwrapped& through,
                                      const OciCall& call);

// The body of the plain request: the original's, or the JSON of what its headers or its upload say.
Outcome<std::string> PlainBody(OciState& state, const Unwrapped& through, const OciCall& call,
                               const Request& request);

// To the answer of an upload that was started: where its parts go.
Outcome<Response> AddAccessUri(OciState& state, const OciCall& call, Response response);

// Of the answer that made an upload or a pre-authenticated request.
std::string AccessUriOf(const Response& response);

}  // namespace skybridge::localcloud::oci
