// How the Azure services word a refusal that a rule asks for (shaping.h): each status with the code
// that the service has for it. Source: Azure REST: Common REST API error codes; Blob, Queue and Data
// Lake error codes; Microsoft identity platform: OAuth errors.
#pragma once

#include "tests/localcloud/azure_operation.h"
#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/service.h"

namespace skybridge::localcloud::azure {

// `dfs`: the codes of Data Lake where they differ from Blob's. A `denial.code` is taken as it is.
Refusal RefusalOf(const Denial& denial, Operation operation, const Target& target, bool dfs);
// Of the token endpoints, whose errors are OAuth's.
Response TokenRefusalOf(const Denial& denial, WallTime now);

}  // namespace skybridge::localcloud::azure
