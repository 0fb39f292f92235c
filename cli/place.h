// Place: what a command's SRC, DST or PATH argument means once the configuration is known.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cli/command_context.h"
#include "cli/failure.h"
#include "core/config.h"
#include "core/ids.h"
#include "core/uri.h"

namespace skybridge::cli {

// A remote, and a path in it. `remote.uri` is the root of the store that is opened.
struct Place {
  RemoteConfig remote;
  ObjectKey path;
  std::string label;  // as the user wrote it, for messages
};

// A URI takes the credentials of the configured remote with the same container, else those of the
// environment. Errors: kUsage for a remote without its colon; kNotFound for one not configured;
// kAuthentication without credentials.
Outcome<Place> ResolvePlace(const Location& location, const Config& config,
                            const Environment& environment);

// What the user wrote, with the configuration of the command. Nothing is contacted.
Outcome<Place> FindPlace(std::string_view text, const CommandContext& context);

// The same place as the root of its own store: what doctor and mount work on.
Place AsRoot(Place place);

// Parses, resolves and opens in one.
struct OpenPlace {
  Place place;
  std::unique_ptr<OpenStore> opened;
  bool made = false;  // the directory was not there, and was made for this command
  ObjectStore& store() const { return opened->store(); }
};
// For ls, stat and cat: the path may be a file. A local file is reached from the directory that
// holds it.
Outcome<OpenPlace> OpenForPath(std::string_view text, const CommandContext& context);
// For doctor: the path is the root of the store.
Outcome<OpenPlace> OpenAsRoot(std::string_view text, const CommandContext& context);
// For sync, verify and mount: the path must be a directory, so that a mistyped name is never taken
// for an empty tree. A destination may be missing; a local one is then made, except in a dry run.
// Failures: kNotFound; kUsage for a file.
enum class TreeRoot { kMustExist, kMayBeMissing, kMakeIfMissing };
Outcome<OpenPlace> OpenTree(std::string_view text, const CommandContext& context, TreeRoot root);
Outcome<OpenPlace> OpenTree(Place place, const CommandContext& context, TreeRoot root);

}  // namespace skybridge::cli
