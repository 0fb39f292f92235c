#include "sync/mirror/mirror.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/log.h"
#include "core/time_text.h"

namespace skybridge {
namespace {

using nlohmann::ordered_json;

constexpr std::chrono::seconds kFirstRetry{5};  // after a pass that failed; doubles
constexpr std::size_t kMaxKeptFailures = 100;   // of one run

constexpr std::array kPhaseNames{std::pair{MirrorPhase::kStarting, std::string_view("starting")},
                                 std::pair{MirrorPhase::kRunning, std::string_view("running")},
                                 std::pair{MirrorPhase::kWaiting, std::string_view("waiting")},
                                 std::pair{MirrorPhase::kStopped, std::string_view("stopped")}};

std::optional<MirrorPhase> ParsePhase(std::string_view name) {
  for (const auto& [phase, known] : kPhaseNames) {
    if (known == name) return phase;
  }
  return std::nullopt;
}

RunCounts CountsOf(const SyncSummary& summary, std::uint64_t listed) {
  return {.listed = listed,
          .files_copied = summary.files_copied,
          .bytes_copied = summary.bytes_copied,
          .attributes_updated = summary.attributes_updated,
          .directories_made = summary.directories_made,
          .unchanged = summary.unchanged,
          .extra = summary.extra_at_destination,
          .vanished = summary.vanished,
          .failed = summary.failed_count};
}

void PutTime(ordered_json& json, const char* key, const std::optional<WallTime>& time) {
  if (time) json[key] = FormatRfc3339(*time);
}

Result<std::optional<WallTime>> GetTime(const ordered_json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return std::optional<WallTime>();
  if (!found->is_string()) return Fail(ErrorCode::kCorrupt, "the status has a time that is none");
  return std::optional(TRY(ParseRfc3339(found->get<std::string>())));
}

void PutRun(ordered_json& json, const char* key, const std::optional<RunRecord>& run) {
  if (run) json[key] = ordered_json::parse(RunToJson(*run));
}

Result<std::optional<RunRecord>> GetRun(const ordered_json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return std::optional<RunRecord>();
  return std::optional(TRY(ParseRun(found->dump())));
}

}  // namespace

std::string_view MirrorPhaseName(MirrorPhase phase) {
  for (const auto& [known, name] : kPhaseNames) {
    if (known == phase) return name;
  }
  return "unknown";
}

std::optional<std::chrono::nanoseconds> MirrorStatus::LagAt(WallTime now) const {
  if (!complete_as_of) return std::nullopt;
  return std::max(std::chrono::nanoseconds(0), now - *complete_as_of);
}

std::string StatusToJson(const MirrorStatus& status) {
  ordered_json json{{"mirror", status.mirror},
                    {"state", MirrorPhaseName(status.phase)},
                    {"updated", FormatRfc3339(status.updated)}};
  PutTime(json, "complete_as_of", status.complete_as_of);
  PutTime(json, "next_pass", status.next_pass);
  PutRun(json, "current", status.current);
  PutRun(json, "last", status.last);
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<MirrorStatus> ParseStatus(std::string_view text) {
  const ordered_json json = ordered_json::parse(text, nullptr, false);
  const auto word = [&json](const char* key) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
  };
  if (!json.is_object()) return Fail(ErrorCode::kCorrupt, "the status is no JSON object");
  const auto phase = ParsePhase(word("state"));
  const auto updated = TRY(GetTime(json, "updated"));
  if (!phase || !updated)
    return Fail(ErrorCode::kCorrupt, "the status lacks its state or its time");
  MirrorStatus status{.mirror = word("mirror"), .phase = *phase, .updated = *updated};
  status.complete_as_of = TRY(GetTime(json, "complete_as_of"));
  status.next_pass = TRY(GetTime(json, "next_pass"));
  status.current = TRY(GetRun(json, "current"));
  status.last = TRY(GetRun(json, "last"));
  return status;
}

Mirror::Mirror(const MirrorOptions& options, RunStore& runs, PassFunction pass, StatusSink sink,
               std::optional<MirrorStatus> before)
    : options_(options), runs_(runs), pass_(std::move(pass)), sink_(std::move(sink)) {
  if (before) status_ = *std::move(before);
  status_.mirror = options.name;
  status_.current.reset();
  status_.next_pass.reset();
}

Result<RunRecord> Mirror::Run() {
  TRY_VOID(runs_.CloseInterrupted(options_.clock.WallNow()));
  Tell(MirrorPhase::kStarting);
  for (;;) {
    if (options_.stop.stop_requested())
      return Fail(ErrorCode::kCancelled, "stopped before a pass began");
    const MonotonicTime started = options_.clock.Now();
    RunRecord run = TRY(RunPass());
    if (options_.once || options_.stop.stop_requested()) {
      Tell(MirrorPhase::kStopped);
      return run;
    }
    const auto pause = PauseAfter(run, started);
    status_.next_pass = options_.clock.WallNow() + pause;
    Tell(MirrorPhase::kWaiting);
    const bool slept = options_.clock.SleepUntil(options_.clock.Now() + pause, options_.stop);
    status_.next_pass.reset();
    if (slept) continue;
    Tell(MirrorPhase::kStopped);
    return run;
  }
}

Result<RunRecord> Mirror::RunPass() {
  const WallTime started = options_.clock.WallNow();
  RunRecord run{.id = MakeRunId(started, std::random_device{}()),
                .mirror = options_.name,
                .state = RunState::kRunning,
                .started = started};
  TRY_VOID(runs_.Save(run));
  status_.current = run;
  Tell(MirrorPhase::kRunning);

  std::stop_source stop;
  const std::stop_callback stop_too(options_.stop, [&stop] { stop.request_stop(); });
  const auto progress = [&](const SyncProgress& now) {
    status_.current->counts = CountsOf(now.so_far, now.objects_listed);
    if (runs_.StopRequested(run.id)) stop.request_stop();
    Tell(MirrorPhase::kRunning);
  };
  const Result<SyncSummary> outcome = pass_(progress, stop.get_token());
  run.counts = status_.current->counts;
  Finish(run, outcome, stop.stop_requested());
  TRY_VOID(runs_.Save(run));

  failures_in_a_row_ = run.state == RunState::kSucceeded ? 0 : failures_in_a_row_ + 1;
  if (run.state == RunState::kSucceeded) status_.complete_as_of = started;
  status_.current.reset();
  status_.last = run;
  return run;
}

void Mirror::Finish(RunRecord& run, const Result<SyncSummary>& outcome,
                    bool was_asked_to_stop) const {
  run.ended = options_.clock.WallNow();
  if (outcome) {
    run.counts = CountsOf(*outcome, run.counts.listed);
    for (const SyncFailure& failure : outcome->failed) {
      if (run.failures.size() == kMaxKeptFailures) break;
      run.failures.push_back({.path = failure.path, .reason = failure.error.message});
    }
    run.state = outcome->complete() ? RunState::kSucceeded : RunState::kFailed;
    if (run.state == RunState::kFailed) run.reason = "some objects could not be copied";
    return;
  }
  run.reason = outcome.error().message;
  const bool stopped = was_asked_to_stop && outcome.error().code == ErrorCode::kCancelled;
  run.state = stopped ? RunState::kStopped : RunState::kFailed;
}

std::chrono::nanoseconds Mirror::PauseAfter(const RunRecord& run, MonotonicTime started) {
  using std::chrono::nanoseconds;
  const nanoseconds taken = options_.clock.Now() - started;
  const nanoseconds regular = std::max(nanoseconds(0), options_.every - taken);
  if (run.state != RunState::kFailed) return regular;
  const int doublings = std::min(failures_in_a_row_ - 1, 20);
  return std::min<nanoseconds>(options_.every,
                               nanoseconds(kFirstRetry) * (std::int64_t{1} << doublings));
}

void Mirror::Tell(MirrorPhase phase) {
  status_.phase = phase;
  status_.updated = options_.clock.WallNow();
  sink_(status_);
}

}  // namespace skybridge
