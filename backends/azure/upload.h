// An upload in progress: what its durable name holds, and whether its parts make a whole file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backends/object_store.h"
#include "backends/posix_metadata.h"

namespace skybridge::azure {

// The value of an UploadId is the nonce that names the upload: 16 hex digits. All attempts of one
// call (CallContext::call_id, not 0) get the same one. kInvalidArgument if it is not one of ours.
UploadId NewUploadId(std::uint64_t call_id = 0);
Result<std::string> ParseUploadId(const UploadId& id);

// Errors: kInvalidArgument for an empty body or part number 0, kTooLarge.
Status CheckPart(const UploadPartRequest& part, const Capabilities& capabilities);
PartReceipt MakeReceipt(const UploadPartRequest& part, std::string tag);

struct WholeContent {
  std::uint64_t size_bytes = 0;
  std::uint32_t crc32c = 0;
};
// What the parts make together. kInvalidArgument unless they ascend and leave no gap.
Result<WholeContent> WholeOf(const CommitUploadRequest& request);

// The metadata that a commit gives its file: the attributes', the upload's mark, by which a
// repeated commit recognises itself, and the digest of the whole.
MetadataMap CommitMetadata(MetadataMap attributes, const std::string& nonce,
                           const WholeContent& whole, WallTime server_now);

}  // namespace skybridge::azure
