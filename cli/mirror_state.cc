#include "cli/mirror_state.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cache/local_file.h"

namespace skybridge::cli {
namespace {

std::string StatusFile(const std::string& state_directory) {
  return state_directory + "/status.json";
}

}  // namespace

Outcome<std::string> MirrorStateDirectory(const MirrorConfig& mirror,
                                          const Environment& environment) {
  if (!mirror.state_dir.empty()) return mirror.state_dir;
  if (geteuid() == 0) return "/var/lib/skybridge/mirror/" + mirror.name;
  if (const auto state = environment.Get("XDG_STATE_HOME"))
    return *state + "/skybridge/mirror/" + mirror.name;
  if (const auto home = environment.Get("HOME"))
    return *home + "/.local/state/skybridge/mirror/" + mirror.name;
  return Fails(
      ExitCode::kConfiguration,
      fmt::format("mirrors.{}: no state directory: set 'state_dir', or $HOME", mirror.name));
}

RunStore RunsOf(const MirrorConfig& mirror, const std::string& state_directory) {
  return {state_directory + "/runs", mirror.keep_runs};
}

Outcome<std::optional<MirrorStatus>> ReadMirrorStatus(const std::string& state_directory) {
  const std::string path = StatusFile(state_directory);
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    if (errno == ENOENT) return std::optional<MirrorStatus>();
    return Fails(path, ErrorFromErrno(errno, "cannot be read"), Phase::kLocal);
  }
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return std::optional(CLI_TRY_IN(ParseStatus(text), path, Phase::kLocal));
}

Status WriteMirrorStatus(const std::string& state_directory, const MirrorStatus& status) {
  return cache::ReplaceSynced(StatusFile(state_directory), StatusToJson(status) + "\n");
}

Outcome<MirrorConfig> FindMirror(const Config& config, const std::string& name) {
  const auto found = config.mirrors.find(name);
  if (found != config.mirrors.end()) return found->second;
  std::vector<std::string_view> names;
  for (const auto& [known, unused] : config.mirrors) names.push_back(known);
  return Fails(
      ExitCode::kConfiguration,
      fmt::format("there is no mirror '{}' in {}; configured are {}", name,
                  config.file.empty() ? "the configuration (no file was found)" : config.file,
                  names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
}

}  // namespace skybridge::cli
