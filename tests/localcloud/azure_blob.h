// The Blob operations on containers and blobs, and the reads that both protocols share. Handlers
// run with AzureService's mutex held and throw Refusal. Source: Azure REST: Blob service:
// operations on the account, on containers, on blobs; recorded exchanges.
#pragma once

#include "tests/localcloud/azure_call.h"

namespace skybridge::localcloud::azure {

Response ReadBlob(const Call& call);  // GET and HEAD of a file, blob or directory
Response GetStatus(const Call& call);

Response ListContainers(const Call& call);
Response AccountProperties(const Call& call);
Response ServiceProperties(const Call& call);
Response UserDelegationKey(const Call& call);
Response CreateContainer(const Call& call);
Response GetContainer(const Call& call);
Response GetContainerAcl(const Call& call);
Response SetContainerMetadata(const Call& call);
Response LeaseContainer(const Call& call);
Response DeleteContainer(const Call& call);
Response ListBlobs(const Call& call);

Response PutBlob(const Call& call);
Response CopyBlob(
    const Call& call);  // Copy Blob, Copy Blob From URL, Put Blob From URL: all done at once
Response PutBlock(const Call& call);
Response PutBlockFromUrl(const Call& call);
Response PutBlockList(const Call& call);
Response GetBlockList(const Call& call);
Response GetMetadata(const Call& call);
Response SetMetadata(const Call& call);
Response SetBlobProperties(const Call& call);
Response SetTier(const Call& call);
Response ActOnLease(const Call& call);
Response AppendBlock(const Call& call);  // from the body or from an address
Response Seal(const Call& call);
Response Snapshot(const Call& call);
Response DeleteBlob(const Call& call);

// Steps that several writes share.

// The blob at call.target.path, which a write may change: conditions and lease allow it.
NodePtr NeedForWrite(const Call& call);
// Conditions and lease of a write that makes or replaces a blob. Throws when a directory is there.
void CheckReplace(const Call& call);
// Throws 409 InvalidBlobType.
void RequireKind(const Node& node, BlobKind kind);
// Keeps an uncommitted block under the id of the query.
void StageBlock(const Call& call, Slice bytes);

// The blob at call.target.path, made when it is missing, empty of everything that an earlier one
// left there. Throws when a directory stands there. The caller fills and saves it.
NodePtr FreshBlob(const Call& call);
// The range header of a request against a size: nullopt when there is none. Throws 400 or 416.
std::optional<ByteRange> RangeOf(const Call& call, std::uint64_t size);

}  // namespace skybridge::localcloud::azure
