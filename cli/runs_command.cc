#include <chrono>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/mirror_command.h"
#include "cli/mirror_state.h"
#include "core/time_text.h"
#include "core/units.h"

namespace skybridge::cli {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

// The mirrors that a command is about.
Outcome<std::vector<MirrorConfig>> Mirrors(const std::string& name, const CommandContext& context) {
  const Config config =
      CLI_TRY_IN(LoadConfig(context.config_file, context.environment), "", Phase::kConfiguration);
  std::vector<MirrorConfig> mirrors;
  if (!name.empty()) {
    mirrors.push_back(CLI_TRY(FindMirror(config, name)));
  } else {
    for (const auto& [unused, mirror] : config.mirrors) mirrors.push_back(mirror);
  }
  return mirrors;
}

Outcome<RunStore> StoreOf(const MirrorConfig& mirror, const CommandContext& context) {
  const std::string directory = CLI_TRY(MirrorStateDirectory(mirror, context.environment));
  return RunsOf(mirror, directory);
}

std::string RunLine(const RunRecord& run) {
  const std::string took =
      run.ended ? FormatDuration(duration_cast<milliseconds>(*run.ended - run.started)) : "-";
  return fmt::format("{}  {:9}  {:>8}  {}: {} copied, {}, {} unchanged, {} failed{}\n", run.id,
                     RunStateName(run.state), took, run.mirror,
                     FormatCount(run.counts.files_copied), FormatBytes(run.counts.bytes_copied),
                     FormatCount(run.counts.unchanged), FormatCount(run.counts.failed),
                     run.reason.empty() ? "" : ": " + run.reason);
}

Outcome<ExitCode> ListRuns(const RunsArguments& arguments, const CommandContext& context) {
  for (const MirrorConfig& mirror : CLI_TRY(Mirrors(arguments.mirror, context))) {
    const RunStore store = CLI_TRY(StoreOf(mirror, context));
    for (const RunRecord& run : CLI_TRY_IN(store.List(), "runs", Phase::kLocal))
      context.out << (arguments.json ? RunToJson(run) + "\n" : RunLine(run));
  }
  return ExitCode::kOk;
}

struct FoundRun {
  RunStore store;
  RunRecord run;
};

Outcome<FoundRun> FindRun(const RunsArguments& arguments, const CommandContext& context) {
  for (const MirrorConfig& mirror : CLI_TRY(Mirrors(arguments.mirror, context))) {
    RunStore store = CLI_TRY(StoreOf(mirror, context));
    auto run = store.Find(arguments.id);
    if (run) return FoundRun{.store = std::move(store), .run = *std::move(run)};
    if (run.error().code != ErrorCode::kNotFound)
      return Fails("run " + arguments.id, run.error(), Phase::kLocal);
  }
  return Fails(ExitCode::kNotFound,
               fmt::format("there is no run '{}'; see skybridge runs", arguments.id));
}

Outcome<ExitCode> ShowRun(const RunsArguments& arguments, const CommandContext& context) {
  const FoundRun found = CLI_TRY(FindRun(arguments, context));
  if (arguments.json) {
    context.out << RunToJson(found.run) << '\n';
    return ExitCode::kOk;
  }
  context.out << RunLine(found.run) << "started " << FormatRfc3339(found.run.started, 0) << '\n';
  if (found.run.ended) context.out << "ended   " << FormatRfc3339(*found.run.ended, 0) << '\n';
  for (const RunFailure& failure : found.run.failures)
    context.err << FailureLine(
        {ExitCode::kIncomplete, fmt::format("'{}': {}", failure.path, failure.reason)});
  return ExitCode::kOk;
}

Outcome<ExitCode> StopRun(const RunsArguments& arguments, const CommandContext& context) {
  const FoundRun found = CLI_TRY(FindRun(arguments, context));
  const Status asked = found.store.RequestStop(found.run.id);
  if (!asked && asked.error().code == ErrorCode::kNotFound)
    return Fails(ExitCode::kNotFound, asked.error().message);
  if (!asked) return Fails("run " + arguments.id, asked.error(), Phase::kLocal);
  context.out << fmt::format("run {} is asked to stop\n", found.run.id);
  return ExitCode::kOk;
}

// A mirror that was never started has no status.
std::string StatusLine(const MirrorConfig& mirror, const std::optional<MirrorStatus>& status,
                       WallTime now) {
  if (!status) return fmt::format("{}: never started\n", mirror.name);
  std::string text = fmt::format("{}: {}", mirror.name, MirrorPhaseName(status->phase));
  if (const auto lag = status->LagAt(now)) {
    text += fmt::format(", complete as of {}, lag at most {}",
                        FormatRfc3339(*status->complete_as_of, 0),
                        FormatDuration(duration_cast<milliseconds>(*lag)));
  } else {
    text += ", not yet complete";
  }
  if (status->current) {
    text += fmt::format(", run {} has copied {} files, {}", status->current->id,
                        FormatCount(status->current->counts.files_copied),
                        FormatBytes(status->current->counts.bytes_copied));
  }
  if (status->last) {
    text += fmt::format(", last run {} {}", status->last->id, RunStateName(status->last->state));
    if (!status->last->reason.empty()) text += ": " + status->last->reason;
  }
  return text + "\n";
}

}  // namespace

Outcome<ExitCode> RunRuns(const RunsArguments& arguments, const CommandContext& context) {
  switch (arguments.what) {
    case RunsArguments::What::kList:
      return ListRuns(arguments, context);
    case RunsArguments::What::kShow:
      return ShowRun(arguments, context);
    case RunsArguments::What::kStop:
      return StopRun(arguments, context);
  }
  return ExitCode::kInternal;
}

Outcome<ExitCode> RunStatus(const StatusArguments& arguments, const CommandContext& context) {
  const WallTime now = context.clock.WallNow();
  bool all_good = true;
  for (const MirrorConfig& mirror : CLI_TRY(Mirrors("", context))) {
    const std::string directory = CLI_TRY(MirrorStateDirectory(mirror, context.environment));
    const auto status = CLI_TRY(ReadMirrorStatus(directory));
    all_good =
        all_good && (!status || !status->last || status->last->state == RunState::kSucceeded);
    if (!arguments.json) {
      context.out << StatusLine(mirror, status, now);
    } else {
      context.out << StatusToJson(status.value_or(MirrorStatus{
                         .mirror = mirror.name, .phase = MirrorPhase::kStopped, .updated = now}))
                  << '\n';
    }
  }
  return all_good ? ExitCode::kOk : ExitCode::kIncomplete;
}

}  // namespace skybridge::cli
