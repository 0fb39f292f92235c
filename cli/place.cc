#include "cli/place.h"

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "backends/object_store.h"
#include "core/config_environment.h"

namespace skybridge::cli {
namespace {

ObjectKey Join(const ObjectKey& base, const ObjectKey& below) { return base.descendant(below); }

// The path of `key` below `base`; nothing if it lies elsewhere.
std::optional<ObjectKey> Below(const ObjectKey& base, const ObjectKey& key) {
  if (base.is_root()) return key;
  if (key == base) return ObjectKey();
  if (!key.is_below(base)) return std::nullopt;
  return key.relative_to(base);
}

std::optional<ObjectKey> PathInside(const RemoteConfig& remote, const AzureUri& uri) {
  const auto* mine = std::get_if<AzureUri>(&remote.uri);
  if (mine == nullptr || mine->account != uri.account || mine->container != uri.container)
    return std::nullopt;
  return Below(mine->path, uri.path);
}

std::optional<ObjectKey> PathInside(const RemoteConfig& remote, const OciUri& uri) {
  const auto* mine = std::get_if<OciUri>(&remote.uri);
  if (mine == nullptr || mine->bucket != uri.bucket || mine->name_space != uri.name_space)
    return std::nullopt;
  if (!uri.region.empty() && uri.region != remote.region) return std::nullopt;
  return Below(mine->path, uri.path);
}

template <class CloudUri>
Outcome<Place> ResolveUri(const CloudUri& uri, const Config& config,
                          const Environment& environment) {
  for (const auto& [name, remote] : config.remotes) {
    if (const auto path = PathInside(remote, uri))
      return Place{.remote = remote, .path = *path, .label = ToString(uri)};
  }
  CloudUri container = uri;
  container.path = ObjectKey();
  return Place{.remote = CLI_TRY_IN(RemoteFromEnvironment(container, environment), ToString(uri),
                                    Phase::kConfiguration),
               .path = uri.path,
               .label = ToString(uri)};
}

struct Resolver {
  const Config& config;
  const Environment& environment;

  Outcome<Place> operator()(const AzureUri& uri) const {
    return ResolveUri(uri, config, environment);
  }
  Outcome<Place> operator()(const OciUri& uri) const {
    return ResolveUri(uri, config, environment);
  }
  Outcome<Place> operator()(const LocalDirectory& directory) const {
    std::error_code ignored;  // opening the directory reports what cannot be read
    if (config.remotes.contains(directory.path) &&
        !std::filesystem::exists(directory.path, ignored)) {
      return Fails(ExitCode::kUsage, fmt::format("'{0}' is a remote: write '{0}:' for it, or "
                                                 "'./{0}' for a directory of this machine",
                                                 directory.path));
    }
    const std::string path = std::filesystem::absolute(directory.path).lexically_normal();
    return Place{.remote = {.uri = LocalDirectory{.path = path}, .auth = {.type = AuthType::kNone}},
                 .path = ObjectKey(),
                 .label = directory.path};
  }
  Outcome<Place> operator()(const RemotePath& path) const {
    const auto found = config.remotes.find(path.remote);
    if (found != config.remotes.end())
      return Place{.remote = found->second, .path = path.path, .label = ToString(path)};
    std::vector<std::string_view> names;
    for (const auto& [name, unused] : config.remotes) names.push_back(name);
    return Fails(
        ExitCode::kNotFound,
        fmt::format("there is no remote '{}' in {}; configured are {}", path.remote,
                    config.file.empty() ? "the configuration (no file was found)" : config.file,
                    names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
  }
};

void Descend(Uri& uri, const ObjectKey& path) {
  struct Visitor {
    const ObjectKey& path;
    void operator()(AzureUri& azure) const { azure.path = Join(azure.path, path); }
    void operator()(OciUri& oci) const { oci.path = Join(oci.path, path); }
    void operator()(LocalDirectory& local) const {
      if (!path.is_root()) local.path = (std::filesystem::path(local.path) / path.path).string();
    }
  };
  std::visit(Visitor{path}, uri);
}

// The store of a local file is its directory; the store of a local directory is itself.
Place FromItsDirectory(Place place) {
  auto& root = std::get<LocalDirectory>(place.remote.uri);
  std::filesystem::path path = root.path;
  if (!path.has_filename()) path = path.parent_path();
  struct stat facts {};
  if (stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) return place;
  root.path = path.parent_path().string();
  place.path = ObjectKey(path.filename().string());
  return place;
}

Outcome<OpenPlace> Open(Place place, const CommandContext& context) {
  auto opened = CLI_TRY(context.stores.Open(place.remote, context.Within(kOpenTimeout)));
  return OpenPlace{.place = std::move(place), .opened = std::move(opened)};
}

tl::unexpected<Failure> NotADirectory(const Place& place) {
  return Fails(ExitCode::kUsage,
               fmt::format("'{}' is a file; name the directory that holds it", place.label));
}

tl::unexpected<Failure> NoSuchDirectory(const Place& place) {
  return Fails(ExitCode::kNotFound, fmt::format("'{}': no such directory", place.label));
}

// A directory that does not exist is reached from its nearest existing parent.
void StartAtWhatExists(Place& place) {
  auto& root = std::get<LocalDirectory>(place.remote.uri);
  const std::filesystem::path whole = root.path;
  std::filesystem::path there = whole;
  std::error_code ignored;  // "/" exists
  while (!std::filesystem::is_directory(there, ignored) && there != there.parent_path())
    there = there.parent_path();
  root.path = there.string();
  place.path = ObjectKey(whole.lexically_relative(there).string());
}

// Whether the directory was made.
Outcome<bool> PrepareLocalTree(Place& place, TreeRoot root) {
  const std::string path = std::get<LocalDirectory>(place.remote.uri).path;
  std::error_code error;
  const auto kind = std::filesystem::status(path, error).type();
  if (kind == std::filesystem::file_type::directory) return false;
  if (kind != std::filesystem::file_type::not_found) {
    if (error) return Fails("", ErrorFromErrno(error.value(), path), Phase::kLocal);
    return NotADirectory(place);
  }
  if (root == TreeRoot::kMustExist) return NoSuchDirectory(place);
  if (root == TreeRoot::kMayBeMissing) {
    StartAtWhatExists(place);
    return false;
  }
  std::filesystem::create_directories(path, error);
  if (error) {
    return Fails("", ErrorFromErrno(error.value(), fmt::format("make directory '{}'", path)),
                 Phase::kLocal);
  }
  return true;
}

// On flat stores objects may lie below the name of a file: then it is a directory too.
Result<bool> HasEntries(ObjectStore& store, const ObjectKey& directory,
                        const CommandContext& context) {
  if (store.capabilities().real_directories) return false;
  const ListPage page =
      TRY(store.List({.directory = directory, .max_entries = 1}, context.Within(kCallTimeout)));
  return !page.entries.empty() || !page.continuation.empty();
}

Outcome<ExitCode> CheckTree(const OpenPlace& tree, TreeRoot root, const CommandContext& context) {
  const Place& place = tree.place;
  if (place.path.is_root()) return ExitCode::kOk;  // the container, or what the remote begins with
  const auto info = tree.store().Head(place.path, context.Within(kCallTimeout));
  if (!info && info.error().code == ErrorCode::kNotFound) {
    if (root == TreeRoot::kMustExist) return NoSuchDirectory(place);
    return ExitCode::kOk;
  }
  if (!info) return Fails(place.label, info.error(), Phase::kRemote);
  if (info->kind == NodeKind::kDirectory) return ExitCode::kOk;
  const bool has_entries =
      CLI_TRY_IN(HasEntries(tree.store(), place.path, context), place.label, Phase::kRemote);
  if (!has_entries) return NotADirectory(place);
  return ExitCode::kOk;
}

}  // namespace

Outcome<Place> ResolvePlace(const Location& location, const Config& config,
                            const Environment& environment) {
  return std::visit(Resolver{config, environment}, location);
}

Outcome<Place> FindPlace(std::string_view text, const CommandContext& context) {
  auto location = ParseLocation(text);
  if (!location) return Fails(ExitCode::kUsage, location.error().message);
  const Config config =
      CLI_TRY_IN(LoadConfig(context.config_file, context.environment), "", Phase::kConfiguration);
  Place place = CLI_TRY(ResolvePlace(*location, config, context.environment));
  place.label = text;
  return place;
}

Place AsRoot(Place place) {
  Descend(place.remote.uri, place.path);
  place.path = ObjectKey();
  return place;
}

Outcome<OpenPlace> OpenForPath(std::string_view text, const CommandContext& context) {
  Place place = CLI_TRY(FindPlace(text, context));
  if (std::holds_alternative<LocalDirectory>(place.remote.uri))
    place = FromItsDirectory(AsRoot(std::move(place)));
  return Open(std::move(place), context);
}

Outcome<OpenPlace> OpenAsRoot(std::string_view text, const CommandContext& context) {
  return Open(AsRoot(CLI_TRY(FindPlace(text, context))), context);
}

Outcome<OpenPlace> OpenTree(std::string_view text, const CommandContext& context, TreeRoot root) {
  Place place = CLI_TRY(FindPlace(text, context));
  place.remote.tell_access = true;
  return OpenTree(std::move(place), context, root);
}

Outcome<OpenPlace> OpenTree(Place place, const CommandContext& context, TreeRoot root) {
  if (std::holds_alternative<LocalDirectory>(place.remote.uri)) {
    place = AsRoot(std::move(place));
    const bool made = CLI_TRY(PrepareLocalTree(place, root));
    OpenPlace tree = CLI_TRY(Open(std::move(place), context));
    tree.made = made;
    return tree;
  }
  OpenPlace tree = CLI_TRY(Open(std::move(place), context));
  CLI_TRY(CheckTree(tree, root, context));
  return tree;
}

}  // namespace skybridge::cli
