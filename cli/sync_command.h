// sync and verify: one pass from SRC to DST, and the proof that both are equal.
#pragma once

#include <cstdint>
#include <string>

#include "cli/command_context.h"
#include "cli/failure.h"

namespace skybridge::cli {

struct SyncArguments {
  std::string source;
  std::string destination;
  bool dry_run = false;
  std::uint32_t jobs = 0;  // files at once; 0: the default of sync/
  bool json = false;
};
// kIncomplete when files failed; each is named on err.
Outcome<ExitCode> RunSync(const SyncArguments& arguments, const CommandContext& context);

struct VerifyArguments {
  std::string source;
  std::string destination;
  bool read_all = false;         // read every byte even where the stores report comparable digests
  bool ignore_attributes = false;  // compare content and kind only
  std::uint32_t jobs = 0;
  bool json = false;
};
// kIncomplete when anything differs.
Outcome<ExitCode> RunVerify(const VerifyArguments& arguments, const CommandContext& context);

}  // namespace skybridge::cli
