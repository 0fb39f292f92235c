// MirrorState: the directory in which a mirror keeps its runs and its status.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/failure.h"
#include "core/config.h"
#include "core/environment.h"
#include "sync/mirror/mirror.h"
#include "sync/runs/run_store.h"

namespace skybridge::cli {

// `state_dir` of the configuration; else /var/lib/skybridge/mirror/NAME for root, and
// $XDG_STATE_HOME (or ~/.local/state)/skybridge/mirror/NAME for everybody else. Failures:
// kConfiguration without any of them.
Outcome<std::string> MirrorStateDirectory(const MirrorConfig& mirror,
                                          const Environment& environment);

// The runs of a mirror. Reading needs no lock.
RunStore RunsOf(const MirrorConfig& mirror, const std::string& state_directory);

// The status that a running or earlier process wrote. Nothing if none ever did. Failures:
// kLocalResource for what is damaged or may not be read.
Outcome<std::optional<MirrorStatus>> ReadMirrorStatus(const std::string& state_directory);
// Replaces it whole: a reader sees the old one or the new one.
Status WriteMirrorStatus(const std::string& state_directory, const MirrorStatus& status);

// The mirror NAME of the configuration. Failures: kConfiguration, naming those that there are.
Outcome<MirrorConfig> FindMirror(const Config& config, const std::string& name);

}  // namespace skybridge::cli
