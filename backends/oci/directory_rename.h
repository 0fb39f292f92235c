// Renames everything below a prefix of a bucket, object by object, so that an interruption is
// harmless: the destination's marker names its source until the end, and calling again goes on.
#pragma once

#include <functional>
#include <string>

#include "backends/oci/bucket.h"

namespace skybridge::oci {

struct DirectoryRename {
  std::string source;  // both with a trailing '/'
  std::string destination;
  bool must_not_exist = false;
  // An earlier attempt of this call has begun, and may have done everything but answer.
  bool may_be_done = false;
  std::function<void()> begun;  // called before the first object moves
};

// Errors: kNotFound (nothing below the source), kNotEmpty or kAlreadyExists (something below the
// destination that no interrupted rename of the same source put there); those of the single
// renames.
Status RenameDirectory(Bucket& bucket, const DirectoryRename& rename, const CallContext& context);

}  // namespace skybridge::oci
