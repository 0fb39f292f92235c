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
  bool verbose = false;    // name each step; a dry run does it in any case
  std::uint32_t jobs = 0;  // files at once; 0: the default of sync/
  bool json = false;
  std::string tier = "keep";  // "keep" or "default"
};
// kIncomplete when files failed; each is named on err. A dry run prints the steps that the pass would
// take, in order, and changes nothing. Progress goes to err: one line that is
// overwritten on a terminal, else a plain line now and then; with `json` none.
Outcome<ExitCode> RunSync(const SyncArguments& arguments, const CommandContext& context);

struct VerifyArguments {
  std::string source;
  std::string destination;
  bool read_all = false;  // read every byte even where the stores report comparable digests
  std::string attributes = "ignore";  // what of them is compared: "ignore", "mtime", "all"
  std::uint32_t jobs = 0;
  bool json = false;
};
// kIncomplete when anything differs.
Outcome<ExitCode> RunVerify(const VerifyArguments& arguments, const CommandContext& context);

}  // namespace skybridge::cli
