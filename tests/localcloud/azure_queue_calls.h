// The operations of Azure's storage queues, as handlers of a Call whose target is a queue.
// Source: Azure REST: Queue service: operations on the account, on queues, on messages; shapes as
// the official client reads them.
#pragma once

#include "tests/localcloud/azure_call.h"

namespace skybridge::localcloud::azure {

// Any queue operation. Runs with AzureService's mutex held; throws Refusal.
Response ActOnQueue(const Call& call);

}  // namespace skybridge::localcloud::azure
