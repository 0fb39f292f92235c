// Decision: what a pass is to do for one path, and why. The planner makes decisions, the executor
// carries them out; a dry run only tells them.
#pragma once

#include <optional>
#include <string_view>

#include "backends/object_store.h"

namespace skybridge {

enum class Step {
  kLeave,          // nothing is to be done
  kCopy,           // content and attributes
  kSetAttributes,  // the content is the same
  kMakeDirectory,
  kMakeWay,   // remove what the destination has of another kind; the next decisions need its name
  kRefuse,    // it cannot be done: `refusal` says why
  kVanished,  // listed at the source, and gone since then
};
// "copy", "remove", ...: as a dry run prints it.
std::string_view StepName(Step step);
// Whether carrying it out changes the destination.
bool ChangesSomething(Step step);

enum class Reason {
  kEqual,
  kOnlyAtDestination,
  kNew,
  kOtherKind,
  kOtherSize,
  kOtherContent,  // by time or digest
  kOtherAttributes,
};
// "new", "other size", ...
std::string_view ReasonName(Reason reason);

struct Decision {
  Step step = Step::kLeave;
  Reason reason = Reason::kEqual;
  ObjectKey key;  // relative to the roots of both sides; "" is the roots themselves
  NodeKind kind = NodeKind::kFile;  // of kMakeWay: what is removed
  // As the pass saw both sides: version, size and time. For a step that writes, the source's
  // attributes are those that the destination is to have.
  std::optional<ObjectInfo> source = {};
  std::optional<ObjectInfo> destination = {};
  bool has_children = false;  // of a directory, at the source
  std::optional<Error> refusal = {};
};

}  // namespace skybridge
