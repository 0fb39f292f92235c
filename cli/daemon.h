// Daemon: work that continues in the background once it is ready. The foreground process waits
// until then and ends.
#pragma once

#include <functional>
#include <string>

#include "cli/failure.h"

namespace skybridge::cli {

// The work calls it once, when it is ready: then the waiting process ends with success.
using ReadyCallback = std::function<void()>;
using DaemonWork = std::function<Outcome<ExitCode>(const ReadyCallback& ready)>;

// Forks; call it before there are threads. The child runs `work`; when that is ready the child
// leaves the terminal (own session, working directory /, standard files on /dev/null), and this
// function returns kOk in the parent. If the work ends before, its Failure (or exit code) is what
// this function returns; a later Failure is logged. It never returns in the child.
Outcome<ExitCode> RunInBackground(const DaemonWork& work);

}  // namespace skybridge::cli
