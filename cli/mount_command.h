// mount: from a plan to a mount that answers, in the foreground or as a daemon, until it is
// unmounted.
#pragma once

#include "cli/command_context.h"
#include "cli/failure.h"
#include "cli/mount_plan.h"

namespace skybridge::cli {

// In the background (the default) it returns kOk when the mount answers. In the foreground it
// tells systemd that the mount is ready, and returns when the mount has ended. In both cases
// SIGTERM, SIGINT and an unmount first publish what open files hold. The caller has no threads yet.
Outcome<ExitCode> RunMount(const MountArguments& arguments, const CommandContext& context);

}  // namespace skybridge::cli
