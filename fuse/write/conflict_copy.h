// How the data of a lost update is kept: beside the file, as `NAME.conflict-YYYYMMDDThhmmssZ`, or,
// where the version that was changed is gone and had not been read here, as `NAME.conflict-TIME.ranges`
// (fuse/write/written_ranges.h).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "backends/object_store.h"
#include "core/call_context.h"
#include "core/clock.h"
#include "core/result.h"
#include "fuse/write/write_path.h"

namespace skybridge::fuse {

// Whether this answer to a publication says that somebody else's change came first. `is_new`: the
// file was published as one that must not exist.
bool IsLostUpdate(const Error& error, bool is_new);

struct ConflictCopyRequest {
  FileWriter& writer;
  std::string_view name;  // of the file
  std::function<Result<ObjectKey>(std::string_view name)> key_beside;
  Attributes attributes;
  WallTime now{};
};
struct ConflictCopy {
  std::string name;
  ObjectInfo info;
};

// Takes the first name that is free. Errors: kAlreadyExists (a hundred names are taken), those of
// FileWriter::PublishWrittenRanges.
Result<ConflictCopy> SaveConflictCopy(const ConflictCopyRequest& request,
                                      const CallContext& context);

}  // namespace skybridge::fuse
