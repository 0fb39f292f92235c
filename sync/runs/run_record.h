// RunRecord: one pass of a mirror, as it is remembered: when, what it did, how it ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace skybridge {

enum class RunState {
  kAccepted,   // has an id and waits
  kRunning,    // at work
  kSucceeded,  // everything that the source shows is at the destination
  kFailed,     // it ended early, or left something out: `reason` and the counts say what
  kStopped,    // by a signal, by `runs stop`, or because the process was killed
};

std::string_view RunStateName(RunState state);  // "succeeded"
std::optional<RunState> ParseRunState(std::string_view name);
// Whether a run in this state is over.
bool IsOver(RunState state);

// What a run has done so far.
struct RunCounts {
  std::uint64_t listed = 0;  // objects of the source
  std::uint64_t files_copied = 0;
  std::uint64_t bytes_copied = 0;
  std::uint64_t attributes_updated = 0;
  std::uint64_t directories_made = 0;
  std::uint64_t unchanged = 0;
  std::uint64_t extra = 0;     // only at the destination
  std::uint64_t vanished = 0;  // gone from the source before they were copied
  std::uint64_t failed = 0;

  bool operator==(const RunCounts&) const = default;
};

struct RunFailure {
  std::string path;
  std::string reason;

  bool operator==(const RunFailure&) const = default;
};

struct RunRecord {
  std::string id;
  std::string mirror;
  RunState state = RunState::kAccepted;
  WallTime started{};
  std::optional<WallTime> ended;
  RunCounts counts;
  std::string reason;                // why it failed or stopped; one line
  std::vector<RunFailure> failures;  // the first ones

  bool operator==(const RunRecord&) const = default;
};

// Ids sort by time, to the millisecond: "20260105T102030123Z-1f3a".
std::string MakeRunId(WallTime now, std::uint32_t random);

// As it is kept, and as `runs show --json` tells it. Errors of Parse: kCorrupt.
std::string RunToJson(const RunRecord& run);
Result<RunRecord> ParseRun(std::string_view json);

}  // namespace skybridge
