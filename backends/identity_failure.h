// AsIdentityFailure: what it means to the callers of a store that we could not say who we are.
//
// The code of such an error may speak of a file of this machine, or of whatever answered in place
// of a token service. To those who called a store every code is about an object: a missing token
// file must not read as "no such object", nor a token service's conflict as "it exists already".
#pragma once

#include "core/error.h"

namespace skybridge {

// kUnauthenticated where something of ours is missing or wrong, or where the issuer itself said no
// (its answer has a code or a request id); kUnavailable, retryable, where something else answered
// in its place, or where it may answer otherwise soon. What already says just that stays as it is,
// and the message always does.
Error AsIdentityFailure(Error error);

}  // namespace skybridge
