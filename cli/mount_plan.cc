#include "cli/mount_plan.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>

#include "core/digest.h"
#include "core/encoding.h"

namespace skybridge::cli {
namespace {

// Of mount(8): what other programs act upon, what always holds here (no set-user-ID programs, no
// devices, no access times), and what is a file system's default.
constexpr auto kIgnored = std::to_array<std::string_view>(
    {"rw",         "defaults",    "auto",          "noauto",   "user",       "nouser",
     "users",      "owner",       "group",         "_netdev",  "nofail",     "nosuid",
     "nodev",      "exec",        "async",         "atime",    "noatime",    "relatime",
     "norelatime", "strictatime", "nostrictatime", "diratime", "nodiratime", "lazytime",
     "nolazytime", "iversion",    "noiversion",    "nomand",   "silent",     "loud"});

// Of mount(8): what the kernel does for every file system.
constexpr auto kForKernel = std::to_array<std::string_view>(
    {"noexec", "sync", "dirsync", "context", "fscontext", "defcontext", "rootcontext"});

bool IsIgnored(std::string_view name) {
  return name.starts_with("x-") || name.starts_with("X-") || name == "comment" ||
         std::find(kIgnored.begin(), kIgnored.end(), name) != kIgnored.end();
}

// "user,exec" and the like: the later of two opposites holds.
void TakeBack(std::vector<std::string>& kernel_options, std::string_view name) {
  if (name == "exec") std::erase(kernel_options, "noexec");
  if (name == "async") std::erase(kernel_options, "sync");
}

// umask=, fmask= and dmask= as other file systems have them: for what records no mode.
Status AddMask(ParsedMountOptions& parsed, std::string_view name, const std::string& value) {
  std::uint32_t mask = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), mask, 8);
  if (error != std::errc() || end != value.data() + value.size() || mask > 0777) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("option {}: '{}' is not allowed: octal 0000 to 0777 is", name, value));
  }
  if (name != "dmask")
    parsed.settings.emplace_back("file_mode", fmt::format("{:04o}", 0666 & ~mask));
  if (name != "fmask")
    parsed.settings.emplace_back("dir_mode", fmt::format("{:04o}", 0777 & ~mask));
  return {};
}

std::vector<std::string_view> SplitCommas(std::string_view text) {
  std::vector<std::string_view> items;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    if (comma > 0) items.push_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

std::string Absolute(const std::string& path) {
  std::string absolute = std::filesystem::absolute(path).lexically_normal().string();
  while (absolute.size() > 1 && absolute.ends_with('/')) absolute.pop_back();
  return absolute;
}

Status Apply(MountSettings& settings,
             const std::vector<std::pair<std::string, std::string>>& changes) {
  for (const auto& [name, value] : changes) {
    const bool is_path = name == "cache_dir" && !value.empty();
    const Status applied = ApplyMountSetting(settings, name, is_path ? Absolute(value) : value);
    if (applied) continue;
    const bool unknown = applied.error().code == ErrorCode::kNotFound;
    return Fail(applied.error().code,
                unknown ? applied.error().message
                        : fmt::format("option {}: {}", name, applied.error().message));
  }
  return {};
}

Outcome<std::vector<std::string>> NamesToMount(const MountArguments& arguments,
                                               const Config& config) {
  std::vector<std::string> names;
  const auto configured = config.mounts.find(arguments.directory);
  if (arguments.all) {
    for (const auto& [name, unused] : config.remotes) names.push_back(name);
    if (names.empty()) return Fails(ExitCode::kConfiguration, "--all: no remote is configured");
  } else if (configured != config.mounts.end()) {
    names = configured->second.remotes;
  } else {
    return Fails(
        ExitCode::kConfiguration,
        fmt::format(
            "{}: the configuration has no mount of this name; write skybridge mount REMOTE {}",
            arguments.directory, arguments.directory));
  }
  return names;
}

std::string JoinSources(const MountPlan& plan) {
  std::string text;
  for (std::size_t i = 0; i < plan.places.size(); ++i) {
    if (plan.as_directories) text += plan.names[i] + "=";
    text += ToString(plan.places[i].remote.uri);
    if (i + 1 < plan.places.size()) text += ' ';
  }
  return text;
}

// Each mount has a directory of its own below the user's cache, so that two mounts never meet.
Outcome<std::string> DefaultCacheDirectory(const MountPlan& plan, const Environment& environment) {
  std::string base;
  if (const auto from_systemd = environment.Get("CACHE_DIRECTORY")) {
    base = *from_systemd;
  } else if (geteuid() == 0) {
    base = "/var/cache/skybridge";
  } else if (const auto cache = environment.Get("XDG_CACHE_HOME")) {
    base = *cache + "/skybridge";
  } else if (const auto home = environment.Get("HOME")) {
    base = *home + "/.cache/skybridge";
  } else {
    return Fails(ExitCode::kLocalResource,
                 "there is no HOME to keep the cache in; name a directory with --cache-dir");
  }
  const Sha256Digest digest = Sha256(AsBytes(plan.directory + '\0' + plan.identity));
  return base + "/" + HexEncode(std::span(digest).first(8));
}

}  // namespace

Outcome<ParsedMountOptions> ParseMountOptions(const std::vector<std::string>& options) {
  ParsedMountOptions parsed;
  const auto& known = MountSettingList();
  for (const std::string& text : options) {
    for (const std::string_view item : SplitCommas(text)) {
      const auto equals = item.find('=');
      const std::string name(item.substr(0, equals));
      const bool has_value = equals != std::string_view::npos;
      const std::string value(has_value ? item.substr(equals + 1) : "");
      const auto setting = std::find_if(known.begin(), known.end(),
                                        [&](const SettingInfo& i) { return i.name == name; });
      if (name == "ro") {
        parsed.settings.emplace_back("read_only", "true");
      } else if (name == "config") {
        parsed.config_file = value;
      } else if (name == "log_file") {
        parsed.log_file = value;
      } else if (name == "debug") {
        parsed.debug = true;
      } else if (setting != known.end() && !has_value && setting->kind == SettingKind::kFlag) {
        parsed.settings.emplace_back(name, "true");
      } else if (name == "remount") {
        return Fails(ExitCode::kUsage, "-o remount is not supported; unmount, and mount again");
      } else if (name == "suid" || name == "dev") {
        return Fails(ExitCode::kUsage,
                     fmt::format("-o {} is not supported: set-user-ID programs and devices of an "
                                 "object store are never honoured",
                                 name));
      } else if (name == "umask" || name == "fmask" || name == "dmask") {
        const Status added = AddMask(parsed, name, value);
        if (!added) return Fails(ExitCode::kUsage, added.error().message);
      } else if (std::find(kForKernel.begin(), kForKernel.end(), name) != kForKernel.end()) {
        parsed.kernel_options.emplace_back(item);
      } else if (IsIgnored(name)) {
        TakeBack(parsed.kernel_options, name);
      } else {
        parsed.settings.emplace_back(name, value);
      }
    }
  }
  return parsed;
}

Outcome<MountPlan> PlanMount(const MountArguments& arguments, const ParsedMountOptions& options,
                             const Config& config, const Environment& environment) {
  MountArguments made = arguments;
  made.directory = Absolute(arguments.directory);
  MountPlan plan{.directory = made.directory};
  const auto configured = config.mounts.find(made.directory);
  if (configured != config.mounts.end()) plan.settings = configured->second.settings;
  for (const auto* changes : {&options.settings, &arguments.settings}) {
    const Status applied = Apply(plan.settings, *changes);
    if (!applied) return Fails(ExitCode::kUsage, applied.error().message);
  }
  if (made.source.empty()) {
    plan.names = CLI_TRY(NamesToMount(made, config));
    plan.as_directories = made.all || plan.names.size() > 1;
    for (const std::string& name : plan.names) {
      plan.places.push_back(CLI_TRY(
          ResolvePlace(RemotePath{.remote = name, .path = ObjectKey()}, config, environment)));
    }
  } else {
    const auto location = ParseRemoteLocation(made.source);
    if (!location) return Fails(ExitCode::kUsage, location.error().message);
    Place place = CLI_TRY(ResolvePlace(*location, config, environment));
    if (!place.path.is_root()) plan.tree = place;
    plan.places.push_back(AsRoot(std::move(place)));
    plan.names.push_back(plan.places[0].remote.name.empty() ? "remote"
                                                            : plan.places[0].remote.name);
  }
  plan.kernel_options = options.kernel_options;
  plan.identity = JoinSources(plan);
  plan.source = plan.as_directories ? "skybridge" : plan.identity;
  if (plan.settings.cache_dir.empty())
    plan.settings.cache_dir = CLI_TRY(DefaultCacheDirectory(plan, environment));
  return plan;
}

}  // namespace skybridge::cli
