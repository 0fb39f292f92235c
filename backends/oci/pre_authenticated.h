// Pre-authenticated requests: a URL of OCI Object Storage with a secret in it, which lets whoever
// has it read, write or list the objects of a bucket or below a prefix, without signing. Source:
// "Using Pre-Authenticated Requests" (Oracle documentation).
//
//   https://HOST/p/SECRET/n/NAMESPACE/b/BUCKET/o/
//
// Through one nothing can be deleted, renamed or copied, whatever it was made for.
#pragma once

#include <string>

#include "core/result.h"
#include "core/secret.h"

namespace skybridge::oci {

struct PreAuthenticatedUrl {
  std::string endpoint;  // scheme://host[:port]
  Secret access;         // "/p/SECRET"
  std::string name_space;
  std::string bucket;
};

// Errors: kInvalidArgument, without repeating any of the URL. One that was made for a single object
// is refused: it has no tree.
Result<PreAuthenticatedUrl> ParsePreAuthenticatedUrl(const Secret& url);

}  // namespace skybridge::oci
