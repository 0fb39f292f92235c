// mount: from a plan to a mount that answers, in the foreground or as a daemon, until it is
// unmounted.
#pragma once

#include "cli/command_context.h"
#include "cli/failure.h"
#include "cli/mount_plan.h"

namespace skybridge::cli {

// In the background (the default) it returns kOk when the mount answers. In the foreground it
// returns when the mount has ended, having told systemd that it was ready. Either way SIGTERM,
// SIGINT and an unmount first bring to the store what open files hold. Call it before there are
// threads.
Outcome<ExitCode> RunMount(const MountArguments& arguments, const CommandContext& context);

}  // namespace skybridge::cli
