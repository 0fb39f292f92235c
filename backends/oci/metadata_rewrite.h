// Gives an object other metadata. The service can only do so by writing the object anew, in one of
// three ways: small ones go through us, large ones are copied within the service, and where its
// policy or a pre-authenticated request does not allow that, large ones go through us in parts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "backends/oci/bucket.h"

namespace skybridge::oci {

// Up to here an object is written anew through us; above, the service copies it (seconds, whatever
// the size).
inline constexpr std::uint64_t kMaxWholeBytes = std::uint64_t{8} << 20;

// What replaces what the object has. A tier that is not among the headers stays as it is.
struct NewMetadata {
  Metadata metadata;
  StoredHeaders headers;
};

// Both leave any other version than the one that is named alone (kPreconditionFailed). Bytes
// and recorded digest stay; the change becomes visible at once. Errors:
// those of the bucket; kCorrupt.

// An object of at most kMaxWholeBytes, of which version and size are known: one GET, one PUT.
Result<ObjectHead> RewriteKnown(Bucket& bucket, const std::string& name, const ETag& version,
                                std::uint64_t size_bytes, const NewMetadata& change,
                                const CallContext& context);
// Any object, as `head` describes it. Nothing is returned where the service did not say what the
// new version is.
Result<std::optional<ObjectHead>> ReplaceMetadata(Bucket& bucket, const std::string& name,
                                                  const ObjectHead& head, NewMetadata change,
                                                  const CallContext& context);
// `metadata` with the digest that is recorded in `old`: the bytes stay, and so does their digest.
Metadata WithRecordedDigest(Metadata metadata, const Metadata& old);

}  // namespace skybridge::oci
