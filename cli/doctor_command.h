// doctor: checks what a remote and a mount need, one line each, with the remedy.
#pragma once

#include <string>

#include "cli/command_context.h"
#include "cli/failure.h"

namespace skybridge::cli {

struct DoctorOptions {
  std::string remote;      // remote or URI; empty: every configured remote
  bool read_only = false;  // do not write and delete a probe object
  std::string cache_dir;   // checked if it is not empty
  bool json = false;
};

// All checks run. The exit code is that of the first one that failed.
Outcome<ExitCode> RunDoctor(const DoctorOptions& options, const CommandContext& context);

}  // namespace skybridge::cli
