// The commands on mirrors: `mirror`, `runs` and `status`.
#pragma once

#include <string>

#include "cli/command_context.h"
#include "cli/exit_codes.h"
#include "cli/failure.h"

namespace skybridge::cli {

struct MirrorArguments {
  std::string name;
  bool once = false;
};

// Passes until SIGINT or SIGTERM, which end the running pass: then kOk. With `once`: one pass, with
// the exit codes of sync. What another try cannot mend (configuration, credentials, a container that
// is not there, another owner of the destination) ends it before the first pass; later, and when the
// network is gone, it goes on trying. Tells systemd (Type=notify) when it is ready, what it does, and
// that it makes progress (WatchdogSec=).
Outcome<ExitCode> RunMirror(const MirrorArguments& arguments, const CommandContext& context);

struct RunsArguments {
  enum class What { kList, kShow, kStop };
  What what = What::kList;
  std::string id;      // of show and stop
  std::string mirror;  // empty: all of the configuration
  bool json = false;
};

// Failures: kNotFound for a run that no mirror has.
Outcome<ExitCode> RunRuns(const RunsArguments& arguments, const CommandContext& context);

struct StatusArguments {
  bool json = false;
};

// One line for each mirror of the configuration. kIncomplete if the last run of one did not succeed.
Outcome<ExitCode> RunStatus(const StatusArguments& arguments, const CommandContext& context);

}  // namespace skybridge::cli
