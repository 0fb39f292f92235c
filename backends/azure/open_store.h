// Opens an Azure container as the kind of store that its account is.
#pragma once

#include <memory>

#include "backends/azure/options.h"
#include "backends/http_transport.h"
#include "backends/object_store.h"
#include "core/clock.h"

namespace skybridge::azure {

// Whether the account has a hierarchical namespace: one request, or two where the first is not
// allowed or not known. Order of trust: Filesystem - Get Properties (x-ms-namespace-enabled);
// access control of the root (400 on flat accounts and on emulators without the DFS protocol).
// Errors: kContainerNotFound, kUnauthenticated, the transport's.
Result<bool> DetectHierarchical(const Options& options, HttpTransport& transport,
                                const Clock& clock, const CallContext& context);

// Errors: kInvalidArgument for an endpoint that is plain http on another machine (unless
// allow_http), or options without account, container or credential; those of DetectHierarchical
// unless Options::hierarchical is set. Transport and clock must outlive the store.
Result<std::unique_ptr<ObjectStore>> OpenStore(Options options, HttpTransport& transport,
                                               Clock& clock, const CallContext& context);

}  // namespace skybridge::azure
