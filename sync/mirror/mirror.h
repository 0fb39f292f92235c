// Mirror: passes without end. It decides when a pass runs, remembers each as a run, and says how far
// the destination is behind. What a pass does is the caller's function, so that a test needs no
// store.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "sync/pass/sync.h"
#include "sync/runs/run_record.h"
#include "sync/runs/run_store.h"

namespace skybridge {

struct MirrorOptions {
  std::string name;
  Clock& clock;
  std::chrono::nanoseconds every = std::chrono::minutes(5);  // from the start of a pass to the next
  bool once = false;                                         // one pass, then Run returns
  std::stop_token stop = {};
};

enum class MirrorPhase { kStarting, kRunning, kWaiting, kStopped };
std::string_view MirrorPhaseName(MirrorPhase phase);

// How a mirror stands. Kept beside the runs, so that `skybridge status` needs no running mirror.
struct MirrorStatus {
  std::string mirror;
  MirrorPhase phase = MirrorPhase::kStarting;
  WallTime updated{};
  // Everything that the source showed at this time is at the destination: the start of the last pass
  // that left nothing out. Nothing before the first such pass.
  std::optional<WallTime> complete_as_of;
  std::optional<RunRecord> current;
  std::optional<RunRecord> last;
  std::optional<WallTime> next_pass;  // while waiting

  bool operator==(const MirrorStatus&) const = default;

  // No change of the source is longer than this on its way.
  std::optional<std::chrono::nanoseconds> LagAt(WallTime now) const;
};

std::string StatusToJson(const MirrorStatus& status);
// Errors: kCorrupt.
Result<MirrorStatus> ParseStatus(std::string_view json);

// Called at each change, and about once a second during a pass; never twice at the same time.
using StatusSink = std::function<void(const MirrorStatus&)>;
// One pass, which ends early when the token is stopped.
using PassFunction = std::function<Result<SyncSummary>(const ProgressFunction& progress,
                                                       const std::stop_token& stop)>;

class Mirror {
 public:
  // `runs` must outlive it, and belong to this process alone (RunStore::CloseInterrupted is called).
  // `before`: the status that the process before left, if there is one.
  Mirror(const MirrorOptions& options, RunStore& runs, PassFunction pass, StatusSink sink,
         std::optional<MirrorStatus> before);

  // Until the stop token; a pass that fails is tried again, soon at first, then at each interval.
  // Returns the last run. Errors: kCancelled when stopped before the first pass ended; those of the
  // run store (a mirror that cannot remember its runs does not go on).
  Result<RunRecord> Run();

 private:
  Result<RunRecord> RunPass();
  void Finish(RunRecord& run, const Result<SyncSummary>& outcome, bool was_asked_to_stop) const;
  std::chrono::nanoseconds PauseAfter(const RunRecord& run, MonotonicTime started);
  void Tell(MirrorPhase phase);

  const MirrorOptions options_;
  RunStore& runs_;
  const PassFunction pass_;
  const StatusSink sink_;
  MirrorStatus status_;
  int failures_in_a_row_ = 0;
};

}  // namespace skybridge
