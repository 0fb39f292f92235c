// Gives an object other metadata. The service can only do so by writing the object anew, in one of
// three ways: small ones go through us, large ones are copied within the service, and where its
// policy or a pre-authenticated request does not allow that, large ones go through us in parts.
#pragma once

#include <string>

#include "backends/oci/bucket.h"

namespace skybridge::oci {

// `head` describes the version that is rewritten: any other is left alone (kPreconditionFailed).
// Bytes, content type and the like stay; the change becomes visible at once. Errors: those of the
// bucket; kCorrupt.
Status ReplaceMetadata(Bucket& bucket, const std::string& name, const ObjectHead& head,
                       const Metadata& metadata, const CallContext& context);

}  // namespace skybridge::oci
