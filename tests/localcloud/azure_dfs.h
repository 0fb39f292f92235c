// The Data Lake operations on filesystems and paths. Handlers run with AzureService's mutex held
// and throw Refusal. Source: Azure REST: Data Lake Storage Gen2: Filesystem and Path operations;
// recorded exchanges.
#pragma once

#include "tests/localcloud/azure_call.h"

namespace skybridge::localcloud::azure {

Response ListFilesystems(const Call& call);
Response CreateFilesystem(const Call& call);
Response GetFilesystem(const Call& call);
Response SetFilesystem(const Call& call);
Response DeleteFilesystem(const Call& call);
Response ListPaths(const Call& call);

Response CreatePath(const Call& call);  // a file or a directory
Response RenamePath(const Call& call);
Response AppendData(const Call& call);
Response FlushData(const Call& call);
Response SetProperties(const Call& call);
Response DeletePath(const Call& call);
Response SetExpiry(const Call& call);

Response SetAccessControl(const Call& call);
Response SetAccessControlRecursive(const Call& call);
Response GetAccessControl(const Call& call);
Response CheckAccess(const Call& call);

}  // namespace skybridge::localcloud::azure
