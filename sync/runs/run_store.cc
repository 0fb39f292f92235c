#include "sync/runs/run_store.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "cache/local_file.h"
#include "core/log.h"

namespace skybridge {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".json";

// What MakeRunId makes, and nothing that could leave the directory.
bool IsRunId(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
}

Result<RunRecord> ReadRun(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(ErrorCode::kNotFound, fmt::format("there is no run in '{}'", path));
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return ParseRun(text);
}

}  // namespace

std::string RunStore::PathOf(std::string_view id) const {
  return fmt::format("{}/{}{}", directory_, id, kSuffix);
}

std::string RunStore::StopMarkOf(std::string_view id) const {
  return fmt::format("{}/{}.stop", directory_, id);
}

Status RunStore::Save(const RunRecord& run) {
  TRY_VOID(cache::MakePrivateDirectory(directory_));
  TRY_VOID(cache::ReplaceSynced(PathOf(run.id), RunToJson(run) + "\n"));
  if (!IsOver(run.state)) return {};
  std::error_code
      ignored;  // most runs have no mark, and a mark of a run that is over means nothing
  fs::remove(StopMarkOf(run.id), ignored);
  return RemoveOldest();
}

Result<std::vector<RunRecord>> RunStore::List() const {
  std::vector<RunRecord> runs;
  std::error_code error;
  fs::directory_iterator files(directory_, error);
  if (error == std::errc::no_such_file_or_directory) return runs;
  for (; !error && files != fs::directory_iterator(); files.increment(error)) {
    if (files->path().extension() != kSuffix) continue;
    auto run = ReadRun(files->path().string());
    if (run) {
      runs.push_back(*std::move(run));
    } else {
      Log(LogLevel::kWarning, "runs: {}: {}", files->path().string(), run.error().message);
    }
  }
  if (error) return Fail(ErrorCode::kIo, fmt::format("'{}': {}", directory_, error.message()));
  std::sort(runs.begin(), runs.end(),
            [](const RunRecord& a, const RunRecord& b) { return a.id < b.id; });
  return runs;
}

Result<RunRecord> RunStore::Find(std::string_view id) const {
  if (!IsRunId(id)) return Fail(ErrorCode::kNotFound, fmt::format("'{}' is no id of a run", id));
  return ReadRun(PathOf(id));
}

Status RunStore::RequestStop(std::string_view id) const {
  const RunRecord run = TRY(Find(id));
  if (IsOver(run.state)) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("run {} is over: {}", id, RunStateName(run.state)));
  }
  return cache::WriteSynced(StopMarkOf(id), "");
}

bool RunStore::StopRequested(std::string_view id) const {
  std::error_code error;
  return fs::exists(StopMarkOf(id), error);
}

Status RunStore::CloseInterrupted(WallTime now) {
  for (RunRecord& run : TRY(List())) {
    if (IsOver(run.state)) continue;
    run.state = RunState::kStopped;
    run.ended = now;
    run.reason = "the process ended before the run did";
    TRY_VOID(Save(run));
  }
  return {};
}

Status RunStore::RemoveOldest() const {
  std::vector<RunRecord> runs = TRY(List());
  std::erase_if(runs, [](const RunRecord& run) { return !IsOver(run.state); });
  for (std::size_t i = 0; i + keep_ < runs.size(); ++i) {
    std::error_code error;
    fs::remove(PathOf(runs[i].id), error);
    if (error) return Fail(ErrorCode::kIo, fmt::format("'{}': {}", directory_, error.message()));
  }
  return {};
}

}  // namespace skybridge
