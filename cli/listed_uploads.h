// The uploads of a store that a command writes to, written down on this machine
// (backends/upload_list.h); what a killed command left of its own is freed first.
#pragma once

#include <memory>
#include <string>

#include "cli/command_context.h"
#include "cli/store_opener.h"
#include "core/environment.h"

namespace skybridge::cli {

// Where commands without a cache directory keep what must outlive them: STATE_DIRECTORY (systemd),
// XDG_STATE_HOME, /var/lib/skybridge for root, ~/.local/state. Empty: nowhere.
std::string StateDirectory(const Environment& environment);

// `opened` with its uploads on a list of its own below `directory`. An empty `directory` leaves it
// as it is.
std::unique_ptr<OpenStore> ListUploads(std::unique_ptr<OpenStore> opened,
                                       const RemoteConfig& remote, const std::string& directory,
                                       const CommandContext& context);

}  // namespace skybridge::cli
