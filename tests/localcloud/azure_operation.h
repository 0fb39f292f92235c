// Which operation of the three Azure protocols a request asks for. Pure: method, target and headers
// decide. Source: Azure REST: Data Lake Storage Gen2 (Filesystem, Path) and Blob service
// operations; Queue service operations.
#pragma once

#include <string_view>

#include "tests/localcloud/azure_target.h"
#include "tests/localcloud/service.h"

namespace skybridge::localcloud::azure {

enum class Operation {
  kUnknown,
  // Tokens, not storage.
  kOauthToken,
  kImdsToken,
  kOpenIdConfiguration,
  // Data Lake.
  kListFilesystems,
  kCreateFilesystem,
  kGetFilesystem,
  kSetFilesystem,
  kDeleteFilesystem,
  kListPaths,
  kCreateFile,
  kCreateDirectory,
  kRename,
  kAppend,
  kFlush,
  kSetProperties,
  kSetAccessControl,
  kSetAccessControlRecursive,
  kGetAccessControl,
  kGetStatus,
  kCheckAccess,
  kDeletePath,
  kLeasePath,
  // Both.
  kRead,
  kHead,
  kSetExpiry,
  // Blob.
  kListContainers,
  kAccountProperties,
  kServiceProperties,
  kUserDelegationKey,
  kBatch,
  kCreateContainer,
  kGetContainer,
  kSetContainerMetadata,
  kGetContainerAcl,
  kLeaseContainer,
  kDeleteContainer,
  kListBlobs,
  kPutBlob,
  kCopyBlob,
  kPutBlock,
  kPutBlockFromUrl,
  kPutBlockList,
  kGetBlockList,
  kGetMetadata,
  kSetMetadata,
  kSetBlobProperties,
  kSetTier,
  kLeaseBlob,
  kSnapshot,
  kAppendBlock,
  kAppendBlockFromUrl,
  kSeal,
  kDeleteBlob,
  // Queues.
  kListQueues,
  kCreateQueue,
  kDeleteQueue,
  kGetQueueMetadata,
  kSetQueueMetadata,
  kPutMessage,
  kGetMessages,
  kPeekMessages,
  kClearMessages,
  kUpdateMessage,
  kDeleteMessage,
};

// "azure.append": the name it is counted under.
std::string_view OperationName(Operation operation);
bool IsQueue(Operation operation);
// Whether refusals are JSON and codes speak of paths.
bool IsDfs(Operation operation, const Target& target, const Request& request);

// POST to ".../oauth2/token" or ".../oauth2/v2.0/token"; GET "/metadata/identity/oauth2/token".
// kUnknown for the rest.
Operation RouteToken(const Request& request);
// Looks through X-HTTP-Method-Override, as Hadoop's driver sends it.
Operation RouteStorage(const Request& request, const Target& target);

}  // namespace skybridge::localcloud::azure
