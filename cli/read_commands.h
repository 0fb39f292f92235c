// ls, stat and cat: looking at a remote without a mount.
#pragma once

#include <string>

#include "cli/command_context.h"
#include "cli/failure.h"

namespace skybridge::cli {

struct ListOptions {
  std::string path;
  bool details = false;    // -l: kind, mode, size, time
  bool recursive = false;  // -R
  bool json = false;       // one object a line
};
Outcome<ExitCode> RunList(const ListOptions& options, const CommandContext& context);

struct StatOptions {
  std::string path;
  bool json = false;
};
Outcome<ExitCode> RunStat(const StatOptions& options, const CommandContext& context);

struct CatOptions {
  std::string path;
};
// All bytes are of one version of the object; a change meanwhile is an error.
Outcome<ExitCode> RunCat(const CatOptions& options, const CommandContext& context);

}  // namespace skybridge::cli
