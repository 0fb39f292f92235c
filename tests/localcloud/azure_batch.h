// A Blob batch: a multipart body of sub-requests, each signed on its own, and the multipart reply.
// Source: Azure REST: Blob Batch.
#pragma once

#include <functional>
#include <vector>

#include "tests/localcloud/service.h"

namespace skybridge::localcloud::azure {

// The reply to `request`, whose parts are handed to `handle` one by one. Throws Refusal 400 for a
// malformed body or more than 256 parts.
Response HandleBatch(const Request& request, const std::function<Response(const Request&)>& handle);

}  // namespace skybridge::localcloud::azure
