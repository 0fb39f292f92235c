// Whether two places are the same, or one lies in the other, however they are named: a symbolic
// link, a bind mount, two URIs of one container, a directory of a mount of this machine.
#pragma once

#include "cli/command_context.h"
#include "cli/place.h"

namespace skybridge::cli {

// What does not exist yet is judged by the nearest directory above it. A mount of something that
// this command's configuration cannot name counts as a directory of this machine.
bool Overlap(const Place& a, const Place& b, const CommandContext& context);

}  // namespace skybridge::cli
