// CommandLine: what the arguments of `skybridge` (or of mount.skybridge) ask for. Parsing only.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/doctor_command.h"
#include "cli/failure.h"
#include "cli/mirror_command.h"
#include "cli/mount_plan.h"
#include "cli/read_commands.h"
#include "cli/sync_command.h"

namespace skybridge::cli {

// Nothing to do but print: --help, version.
struct PrintText {
  std::string text;
};

using Command =
    std::variant<PrintText, ListOptions, StatOptions, CatOptions, MountArguments, SyncArguments,
                 VerifyArguments, DoctorOptions, MirrorArguments, RunsArguments, StatusArguments>;

struct CommandLine {
  Command command;
  std::string config_file;  // --config
  bool debug = false;
};

// `arguments` as main got them, the program's name first. A name that ends in "mount.skybridge"
// means the helper that mount(8) calls: mount.skybridge SOURCE DIR [-sfnv] [-N namespace] [-t type]
// [-o options]. Errors: kUsage, with one line.
Outcome<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments);

}  // namespace skybridge::cli
