// CommandContext: what every command works with. Made once in cli/run.cc, and by tests with fakes.
#pragma once

#include <chrono>
#include <iosfwd>
#include <stop_token>
#include <string>

#include "cli/store_opener.h"
#include "core/call_context.h"
#include "core/clock.h"
#include "core/environment.h"

namespace skybridge::cli {

// The references outlive the command.
struct CommandContext {
  std::ostream& out;  // results
  std::ostream& err;  // progress and problems that do not end the command
  const Environment& environment;
  Clock& clock;
  StoreOpener& stores;
  bool progress_line = false;    // err is a terminal: progress overwrites one line
  std::stop_token stop = {};     // SIGINT, SIGTERM
  std::string config_file = {};  // --config

  // For one remote call, retries and all.
  CallContext Within(std::chrono::milliseconds time) const {
    return {.deadline = clock.Now() + time, .stop = stop};
  }
};

// The time to open a store and to check that its container exists: a command that cannot work ends
// within seconds.
inline constexpr std::chrono::seconds kOpenTimeout{15};
// Any other single call of a command.
inline constexpr std::chrono::seconds kCallTimeout{120};

}  // namespace skybridge::cli
