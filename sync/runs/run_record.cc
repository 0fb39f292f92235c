#include "sync/runs/run_record.h"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/time_text.h"

namespace skybridge {
namespace {

using nlohmann::ordered_json;

constexpr std::array kStateNames{std::pair{RunState::kAccepted, std::string_view("accepted")},
                                 std::pair{RunState::kRunning, std::string_view("running")},
                                 std::pair{RunState::kSucceeded, std::string_view("succeeded")},
                                 std::pair{RunState::kFailed, std::string_view("failed")},
                                 std::pair{RunState::kStopped, std::string_view("stopped")}};

// Each count with its name in JSON: written and read by the same table.
constexpr std::array kCounts{std::pair{"objects_listed", &RunCounts::listed},
                             std::pair{"files_copied", &RunCounts::files_copied},
                             std::pair{"bytes_copied", &RunCounts::bytes_copied},
                             std::pair{"attributes_updated", &RunCounts::attributes_updated},
                             std::pair{"directories_made", &RunCounts::directories_made},
                             std::pair{"unchanged", &RunCounts::unchanged},
                             std::pair{"extra_at_destination", &RunCounts::extra},
                             std::pair{"vanished", &RunCounts::vanished},
                             std::pair{"failed_count", &RunCounts::failed}};

std::string Word(const ordered_json& from, const char* key) {
  const auto found = from.find(key);
  return found != from.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<WallTime> Time(const ordered_json& from, const char* key) {
  return ParseRfc3339(Word(from, key));
}

}  // namespace

std::string_view RunStateName(RunState state) {
  for (const auto& [known, name] : kStateNames) {
    if (known == state) return name;
  }
  return "unknown";
}

std::optional<RunState> ParseRunState(std::string_view name) {
  for (const auto& [state, known] : kStateNames) {
    if (known == name) return state;
  }
  return std::nullopt;
}

bool IsOver(RunState state) {
  return state == RunState::kSucceeded || state == RunState::kFailed || state == RunState::kStopped;
}

std::string MakeRunId(WallTime now, std::uint32_t random) {
  std::string time;
  for (const char c : FormatRfc3339(now, 3)) {
    if (c != '-' && c != ':' && c != '.') time += c;
  }
  return fmt::format("{}-{:04x}", time, random & 0xffffU);
}

std::string RunToJson(const RunRecord& run) {
  ordered_json json{{"id", run.id},
                    {"mirror", run.mirror},
                    {"state", RunStateName(run.state)},
                    {"started", FormatRfc3339(run.started)}};
  if (run.ended) json["ended"] = FormatRfc3339(*run.ended);
  if (!run.reason.empty()) json["reason"] = run.reason;
  for (const auto& [name, count] : kCounts) json[name] = run.counts.*count;
  json["failed"] = ordered_json::array();
  for (const RunFailure& failure : run.failures) {
    json["failed"].push_back({{"path", failure.path}, {"reason", failure.reason}});
  }
  // Names are bytes and need not be UTF-8; JSON must be.
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<RunRecord> ParseRun(std::string_view text) {
  const ordered_json json = ordered_json::parse(text, nullptr, false);
  if (!json.is_object()) return Fail(ErrorCode::kCorrupt, "the record of a run is no JSON object");
  const auto state = ParseRunState(Word(json, "state"));
  const auto started = Time(json, "started");
  RunRecord run{.id = Word(json, "id"), .mirror = Word(json, "mirror")};
  if (run.id.empty() || !state || !started)
    return Fail(ErrorCode::kCorrupt, "the record of a run lacks its id, state or start");
  run.state = *state;
  run.started = *started;
  if (json.contains("ended")) run.ended = TRY(Time(json, "ended"));
  run.reason = Word(json, "reason");
  for (const auto& [name, count] : kCounts) {
    const auto found = json.find(name);
    if (found != json.end() && found->is_number_unsigned())
      run.counts.*count = found->get<std::uint64_t>();
  }
  const auto failed = json.find("failed");
  if (failed != json.end() && failed->is_array()) {
    for (const ordered_json& failure : *failed) {
      if (failure.is_object())
        run.failures.push_back({.path = Word(failure, "path"), .reason = Word(failure, "reason")});
    }
  }
  return run;
}

}  // namespace skybridge
