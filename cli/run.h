// Run: one invocation of skybridge, from its arguments to its exit code. main() and tests call it.
#pragma once

#include <string>
#include <vector>

#include "cli/command_context.h"
#include "cli/exit_codes.h"

namespace skybridge::cli {

// `context` lacks what the command line decides: config_file and stop. A failure is one line on
// context.err.
ExitCode Run(const std::vector<std::string>& arguments, CommandContext context);

}  // namespace skybridge::cli
