// RunProgram: runs another program to its end and takes what it prints. No shell is involved:
// arguments are passed as they are.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace skybridge {

struct ProgramCall {
  std::vector<std::string>
      arguments;  // the first names the program: a path, or a name looked up in PATH
  std::chrono::milliseconds time_limit{0};  // then it is killed, with all that it started
  std::size_t max_output_bytes = std::size_t{1} << 20;
};

struct ProgramResult {
  int exit_code = 0;   // 128 and the signal's number when a signal ended it
  std::string output;  // standard output
  std::string errors;  // standard error
};

// Blocks the caller; standard input is empty. Safe from many threads. Errors: kNotFound if there is
// no such program, kTimedOut, kCancelled, kTooLarge, kIo.
Result<ProgramResult> RunProgram(const ProgramCall& call, const Clock& clock,
                                 const std::stop_token& stop);

}  // namespace skybridge
