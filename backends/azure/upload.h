// An upload in progress: what its durable name holds, and whether its parts make a whole file.
#pragma once

#include <string>
#include <string_view>

#include "backends/object_store.h"
#include "backends/posix_metadata.h"

namespace skybridge::azure {

// The value of an UploadId is "NONCE-FINGERPRINT" in hex. The nonce names the upload; the
// fingerprint is of the metadata that it began with, so that a commit knows, even after a restart,
// whether it must send others.
struct UploadName {
  std::string nonce;
  std::string fingerprint;
};

UploadName NewUploadName(const MetadataMap& metadata);
std::string Fingerprint(const MetadataMap& metadata);
UploadId ToUploadId(const UploadName& name);
// kInvalidArgument if it is not one of ours.
Result<UploadName> ParseUploadId(const UploadId& id);

// Errors: kInvalidArgument for an empty body or part number 0, kTooLarge.
Status CheckPart(const UploadPartRequest& part, const Capabilities& capabilities);
PartReceipt MakeReceipt(const UploadPartRequest& part, std::string tag);
// The size of the whole. kInvalidArgument unless the parts ascend and leave no gap.
Result<std::uint64_t> WholeSize(const CommitUploadRequest& request);

}  // namespace skybridge::azure
