#include "cli/command_line.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace skybridge::cli {
namespace {

constexpr const char* kDescription =
    "skybridge: Azure Data Lake Storage Gen2 and OCI Object Storage as local directories, and "
    "copies between them";
constexpr const char* kFooter =
    "SRC, DST and PATH: abfss://FILESYSTEM@ACCOUNT.dfs.core.windows.net/PATH, "
    "oci://BUCKET@NAMESPACE/PATH, REMOTE:PATH "
    "or a directory.\nExit codes: 0 done, 1 differences or failed files, 2 usage, 3 configuration, "
    "4 authentication, 5 not "
    "found, 6 network, 7 local resource, 8 interrupted. Manual: skybridge(1).";

// Everything that CLI11 writes into while it parses.
struct Parsed {
  std::string config_file;
  bool debug = false;
  ListOptions list;
  StatOptions stat;
  CatOptions cat;
  MountArguments mount;
  std::vector<std::string> mount_places;
  std::string cache_dir, cache_size;
  bool read_only = false, allow_other = false;
  SyncArguments sync;
  VerifyArguments verify;
  DoctorOptions doctor;
  MirrorArguments mirror;
  RunsArguments runs;
  StatusArguments status;
};

void AddReadCommands(CLI::App& app, Parsed& parsed) {
  CLI::App* list = app.add_subcommand("ls", "list a directory of a remote");
  list->add_option("PATH", parsed.list.path, "what to list")->required();
  list->add_flag("-l", parsed.list.details, "with kind, mode, size and time");
  list->add_flag("-R,--recursive", parsed.list.recursive, "everything below");
  list->add_flag("--json", parsed.list.json, "one JSON object a line");
  CLI::App* stat = app.add_subcommand("stat", "what is known of one file or directory");
  stat->add_option("PATH", parsed.stat.path, "which one")->required();
  stat->add_flag("--json", parsed.stat.json, "as one JSON object");
  CLI::App* cat = app.add_subcommand("cat", "write a file to standard output");
  cat->add_option("PATH", parsed.cat.path, "which one")->required();
}

void AddMountCommand(CLI::App& app, Parsed& parsed) {
  CLI::App* mount =
      app.add_subcommand("mount", "mount a remote, several, or a mount of the configuration");
  mount
      ->add_option("PLACES", parsed.mount_places,
                   "REMOTE|URI DIR; with --all, or for a configured mount, DIR alone")
      ->required()
      ->expected(1, 2);
  mount->add_flag("--all", parsed.mount.all, "every configured remote, as DIR/REMOTE");
  mount->add_flag("-f,--foreground", parsed.mount.foreground,
                  "stay in the foreground (systemd, containers)");
  mount->add_option("-o", parsed.mount.options, "options as for mount(8): ro,ttl=5s,...")
      ->allow_extra_args(false);
  mount->add_option("--cache-dir", parsed.cache_dir, "directory of the cache");
  mount->add_option("--cache-size", parsed.cache_size, "bound of the block cache, such as 50GiB");
  mount->add_flag("--read-only", parsed.read_only, "refuse every change");
  mount->add_flag("--allow-other", parsed.allow_other, "let other users in");
  mount->add_option("--log-file", parsed.mount.log_file, "write the log there");
}

void AddCopyCommands(CLI::App& app, Parsed& parsed) {
  CLI::App* sync =
      app.add_subcommand("sync", "copy what differs from SRC to DST; nothing is deleted");
  sync->add_option("SRC", parsed.sync.source, "source")->required();
  sync->add_option("DST", parsed.sync.destination, "destination")->required();
  sync->add_flag("-n,--dry-run", parsed.sync.dry_run, "only say what would be done, step by step");
  sync->add_flag("-v,--verbose", parsed.sync.verbose, "name each step");
  sync->add_option("-j,--jobs", parsed.sync.jobs, "files at once")->check(CLI::Range(1, 1024));
  sync->add_flag("--json", parsed.sync.json, "the summary as one JSON object");
  sync->add_option(
          "--tier", parsed.sync.tier,
          "storage tier of copies: keep the source's, or the default of DST (default keep)")
      ->check(CLI::IsMember({"keep", "default"}));
  CLI::App* verify = app.add_subcommand("verify", "prove that SRC and DST are equal");
  verify->add_option("SRC", parsed.verify.source, "source")->required();
  verify->add_option("DST", parsed.verify.destination, "destination")->required();
  verify->add_flag("--read-all", parsed.verify.read_all,
                   "read every byte, even where the stores report digests");
  verify
      ->add_option("--attributes", parsed.verify.attributes,
                   "also compare: ignore, mtime or all (default ignore)")
      ->check(CLI::IsMember({"ignore", "mtime", "all"}));
  verify->add_option("-j,--jobs", parsed.verify.jobs, "files at once")->check(CLI::Range(1, 1024));
  verify->add_flag("--json", parsed.verify.json, "the result as one JSON object");
}

void AddMirrorCommands(CLI::App& app, Parsed& parsed) {
  CLI::App* mirror = app.add_subcommand(
      "mirror", "keep the destination of a configured mirror equal to its source");
  mirror->add_option("NAME", parsed.mirror.name, "the mirror")->required();
  mirror->add_flag("--once", parsed.mirror.once, "one pass, then end");
  CLI::App* runs = app.add_subcommand("runs", "the passes of mirrors that are remembered");
  runs->add_option("--mirror", parsed.runs.mirror, "of this mirror alone");
  runs->add_flag("--json", parsed.runs.json, "one JSON object a line");
  runs->require_subcommand(0, 1);
  CLI::App* show = runs->add_subcommand("show", "everything that is known of one run");
  show->add_option("ID", parsed.runs.id, "the run")->required();
  show->callback([&parsed] { parsed.runs.what = RunsArguments::What::kShow; });
  CLI::App* stop = runs->add_subcommand("stop", "end a running pass; its mirror goes on");
  stop->add_option("ID", parsed.runs.id, "the run")->required();
  stop->callback([&parsed] { parsed.runs.what = RunsArguments::What::kStop; });
  CLI::App* status = app.add_subcommand("status", "how each mirror of the configuration stands");
  status->add_flag("--json", parsed.status.json, "one JSON object a line");
}

void AddOtherCommands(CLI::App& app, Parsed& parsed) {
  CLI::App* doctor =
      app.add_subcommand("doctor", "check configuration, network, credentials and this machine");
  doctor->add_option("REMOTE", parsed.doctor.remote,
                     "remote or URI; all configured ones by default");
  doctor->add_flag("--read-only", parsed.doctor.read_only,
                   "do not write and delete a probe object");
  doctor->add_option("--cache-dir", parsed.doctor.cache_dir, "check this cache directory too");
  doctor->add_flag("--json", parsed.doctor.json, "one JSON object a line");
  app.add_subcommand("version", "print the version");
}

Outcome<Command> MountCommand(Parsed& parsed) {
  MountArguments mount = std::move(parsed.mount);
  if (mount.all && parsed.mount_places.size() == 2)
    return Fails(ExitCode::kUsage, "mount --all takes DIR alone");
  if (parsed.mount_places.size() == 2) mount.source = parsed.mount_places[0];
  mount.directory = parsed.mount_places.back();
  if (!parsed.cache_dir.empty()) mount.settings.emplace_back("cache_dir", parsed.cache_dir);
  if (!parsed.cache_size.empty()) mount.settings.emplace_back("cache_size", parsed.cache_size);
  if (parsed.read_only) mount.settings.emplace_back("read_only", "true");
  if (parsed.allow_other) mount.settings.emplace_back("allow_other", "true");
  return Command(std::move(mount));
}

Outcome<Command> ChosenCommand(const CLI::App& app, Parsed& parsed) {
  const auto chosen = app.get_subcommands();
  const std::string name = chosen.empty() ? "" : chosen[0]->get_name();
  if (name == "ls") return Command(parsed.list);
  if (name == "stat") return Command(parsed.stat);
  if (name == "cat") return Command(parsed.cat);
  if (name == "mount") return MountCommand(parsed);
  if (name == "sync") return Command(parsed.sync);
  if (name == "verify") return Command(parsed.verify);
  if (name == "doctor") return Command(parsed.doctor);
  if (name == "mirror") return Command(parsed.mirror);
  if (name == "runs") return Command(parsed.runs);
  if (name == "status") return Command(parsed.status);
  return Command(PrintText{"skybridge " SKYBRIDGE_VERSION "\n"});
}

std::string HelpFor(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app.help() : chosen[0]->help(app.get_name());
}

std::string Mistake(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const std::vector<std::string> unknown = app.remaining();
  if (chosen.empty() && !unknown.empty() && !unknown[0].starts_with('-'))
    return fmt::format("there is no command '{}'; see skybridge --help", unknown[0]);
  return fmt::format("{}; see skybridge{} --help", error.what(),
                     chosen.empty() ? "" : " " + chosen[0]->get_name());
}

Outcome<CommandLine> ParseMain(std::vector<std::string> arguments) {
  Parsed parsed;
  CLI::App app(kDescription, "skybridge");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", "skybridge " SKYBRIDGE_VERSION);
  app.add_option("-c,--config", parsed.config_file, "configuration file");
  app.add_flag("--debug", parsed.debug, "log everything");
  AddReadCommands(app, parsed);
  AddMountCommand(app, parsed);
  AddCopyCommands(app, parsed);
  AddMirrorCommands(app, parsed);
  AddOtherCommands(app, parsed);
  try {
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return CommandLine{.command = PrintText{HelpFor(app)}};
  } catch (const CLI::CallForVersion& version) {
    return CommandLine{.command = PrintText{std::string(version.what()) + "\n"}};
  } catch (const CLI::ParseError& error) {
    return Fails(ExitCode::kUsage, Mistake(app, error));
  }
  return CommandLine{.command = CLI_TRY(ChosenCommand(app, parsed)),
                     .config_file = parsed.config_file,
                     .debug = parsed.debug};
}

// mount(8), "External helpers": mount.SUFFIX spec dir [-sfnv] [-N namespace] [-o options] [-t
// type.subtype].
Outcome<CommandLine> ParseMountHelper(const std::vector<std::string>& arguments) {
  MountArguments mount;
  std::vector<std::string> places;
  bool fake = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "-o" || argument == "-t" || argument == "-N") {
      if (i + 1 == arguments.size()) return Fails(ExitCode::kUsage, argument + " needs a value");
      ++i;
      if (argument == "-o") mount.options.push_back(arguments[i]);
      if (argument == "-N")
        return Fails(ExitCode::kUsage, "mount -N (another name space) is not supported");
    } else if (argument.size() > 1 && argument[0] == '-') {
      if (argument.find_first_not_of("sfnv", 1) != std::string::npos) {
        return Fails(ExitCode::kUsage,
                     fmt::format("unknown option {} of mount.skybridge", argument));
      }
      fake = fake || argument.find('f') != std::string::npos;
    } else {
      places.push_back(argument);
    }
  }
  if (places.size() != 2)
    return Fails(ExitCode::kUsage, "usage: mount.skybridge SOURCE DIR [-sfnv] [-o options]");
  if (fake) return CommandLine{.command = PrintText{}};
  if (places[0] != "config") mount.source = places[0];
  mount.directory = places[1];
  const ParsedMountOptions options = CLI_TRY(ParseMountOptions(mount.options));
  return CommandLine{
      .command = std::move(mount), .config_file = options.config_file, .debug = options.debug};
}

}  // namespace

Outcome<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments) {
  const std::string_view program = arguments.empty() ? "" : std::string_view(arguments[0]);
  const bool helper = program.substr(program.rfind('/') + 1) == "mount.skybridge";
  std::vector<std::string> rest(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  return helper ? ParseMountHelper(rest) : ParseMain(std::move(rest));
}

}  // namespace skybridge::cli
