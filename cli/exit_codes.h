// Exit codes: documented in skybridge(1) and stable; scripts rely on them.
#pragma once

#include "core/error.h"

namespace skybridge::cli {

enum class ExitCode : int {
  kOk = 0,
  kIncomplete = 1,      // differences were found, or some of the work failed
  kUsage = 2,           // the command line
  kConfiguration = 3,   // the configuration file, or a secret that it refers to
  kAuthentication = 4,  // credentials are missing, wrong, expired or not allowed to do this
  kNotFound = 5,        // no such container, remote or path
  kNetwork = 6,         // the service cannot be reached, or did not answer in time
  kLocalResource = 7,   // mount point, /dev/fuse, cache directory, disk
  kInterrupted = 8,     // SIGINT or SIGTERM
  kInternal = 70,       // our own mistake
};

// What skybridge was doing when an error occurred: the same error code means one thing for a remote
// and another for a disk.
enum class Phase { kConfiguration, kRemote, kLocal };

ExitCode ExitCodeFor(ErrorCode code, Phase phase);

}  // namespace skybridge::cli
