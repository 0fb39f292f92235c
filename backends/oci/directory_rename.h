// Renames everything below a prefix of a bucket, object by object, so that an interruption is
// harmless: the destination's marker names its source until the end, and calling again goes on.
#pragma once

#include <string>

#include "backends/oci/bucket.h"

namespace skybridge::oci {

struct DirectoryRename {
  std::string source;  // both with a trailing '/'
  std::string destination;
  bool must_not_exist = false;
  bool retried = false;  // an earlier attempt of this call may have done some of it, or all
};

// Errors: kNotFound (nothing below the source), kNotEmpty or kAlreadyExists (something below the
// destination that no interrupted rename of the same source put there); those of the single
// renames.
Status RenameDirectory(Bucket& bucket, const DirectoryRename& rename, const CallContext& context);

}  // namespace skybridge::oci
