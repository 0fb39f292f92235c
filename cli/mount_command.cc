#include "cli/mount_command.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "cli/daemon.h"
#include "cli/mount_stack.h"
#include "cli/service_manager.h"
#include "core/log.h"
#include "fuse/session/mount_point.h"
#include "fuse/session/session.h"

namespace skybridge::cli {
namespace {

enum class Where { kForeground, kBackground };

fuse::MountOptions MakeMountOptions(const MountPlan& plan, const std::string& log_file) {
  fuse::MountOptions options{.mount_point = plan.directory,
                             .source = plan.source,
                             .read_only = plan.settings.read_only,
                             .allow_other = plan.settings.allow_other,
                             .allow_nonempty = plan.settings.nonempty,
                             .kernel_options = plan.kernel_options,
                             .local_paths = {plan.settings.cache_dir}};
  if (!log_file.empty()) options.local_paths.push_back(log_file);
  return options;
}

// A daemon has no terminal: it logs to the file that was named, else to the journal.
Outcome<ExitCode> StartLog(const std::string& log_file, Where where) {
  if (!log_file.empty() && !SetLogFile(log_file)) {
    return Fails(ExitCode::kLocalResource,
                 fmt::format("log file {}: cannot be opened for writing", log_file));
  }
  if (log_file.empty() && where == Where::kBackground) SetLogToSyslog();
  return ExitCode::kOk;
}

Outcome<ExitCode> Serve(const MountPlan& plan, const std::string& log_file, Where where,
                        const CommandContext& context, const ReadyCallback& ready) {
  const fuse::MountOptions options = MakeMountOptions(plan, log_file);
  CLI_TRY_IN(fuse::PrepareMountPoint(options), "mount", Phase::kLocal);
  CLI_TRY(StartLog(log_file, where));
  const auto stack = CLI_TRY(MountStack::Build(plan, context));
  const auto is_mounted = [&] {
    Log(LogLevel::kInfo, "mount: {} is mounted at '{}'", plan.source, plan.directory);
    ready();
  };
  const auto session =
      CLI_TRY_IN(fuse::Session::Mount(options, stack->filesystem(), {.on_ready = is_mounted}),
                 "mount", Phase::kLocal);
  const Status ended = session->Run();
  if (!ended) return Fails("unmount " + plan.directory, ended.error(), Phase::kRemote);
  Log(LogLevel::kInfo, "mount: '{}' is unmounted, everything is in the store", plan.directory);
  return ExitCode::kOk;
}

}  // namespace

Outcome<ExitCode> RunMount(const MountArguments& arguments, const CommandContext& context) {
  const ParsedMountOptions options = CLI_TRY(ParseMountOptions(arguments.options));
  const std::string& config_file =
      context.config_file.empty() ? options.config_file : context.config_file;
  const Config config =
      CLI_TRY_IN(LoadConfig(config_file, context.environment), "", Phase::kConfiguration);
  const MountPlan plan = CLI_TRY(PlanMount(arguments, options, config, context.environment));
  const std::string& log_text = arguments.log_file.empty() ? options.log_file : arguments.log_file;
  // Absolute, because the daemon changes its working directory.
  const std::string log_file = log_text.empty() ? "" : std::filesystem::absolute(log_text).string();
  if (options.debug) SetLogLevel(LogLevel::kDebug);
  if (!arguments.foreground) {
    return RunInBackground([&](const ReadyCallback& ready) {
      return Serve(plan, log_file, Where::kBackground, context, ready);
    });
  }
  const auto ready = [&] {
    NotifyReady(fmt::format("{} is mounted at {}", plan.source, plan.directory));
  };
  return Serve(plan, log_file, Where::kForeground, context, ready);
}

}  // namespace skybridge::cli
