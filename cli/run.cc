#include "cli/run.h"

#include <exception>
#include <ostream>
#include <utility>

#include "cli/command_line.h"
#include "cli/mount_command.h"
#include "cli/signal_watcher.h"
#include "core/log.h"

namespace skybridge::cli {
namespace {

struct Dispatcher {
  CommandContext& context;

  Outcome<ExitCode> operator()(const PrintText& print) const {
    context.out << print.text;
    return ExitCode::kOk;
  }
  // The session handles signals itself, and the daemon must fork before there is any thread.
  Outcome<ExitCode> operator()(const MountArguments& arguments) const {
    return RunMount(arguments, context);
  }
  Outcome<ExitCode> operator()(const ListOptions& options) const {
    return Watched(options, RunList);
  }
  Outcome<ExitCode> operator()(const StatOptions& options) const {
    return Watched(options, RunStat);
  }
  Outcome<ExitCode> operator()(const CatOptions& options) const { return Watched(options, RunCat); }
  Outcome<ExitCode> operator()(const SyncArguments& arguments) const {
    return Watched(arguments, RunSync);
  }
  Outcome<ExitCode> operator()(const VerifyArguments& arguments) const {
    return Watched(arguments, RunVerify);
  }
  Outcome<ExitCode> operator()(const DoctorOptions& options) const {
    return Watched(options, RunDoctor);
  }
  Outcome<ExitCode> operator()(const MirrorArguments& arguments) const {
    return Watched(arguments, RunMirror);
  }
  Outcome<ExitCode> operator()(const RunsArguments& arguments) const {
    return RunRuns(arguments, context);
  }
  Outcome<ExitCode> operator()(const StatusArguments& arguments) const {
    return RunStatus(arguments, context);
  }

  template <class Options, class Command>
  Outcome<ExitCode> Watched(const Options& options, Command command) const {
    const SignalWatcher signals;
    context.stop = signals.token();
    return command(options, context);
  }
};

Outcome<ExitCode> RunCommand(const std::vector<std::string>& arguments, CommandContext& context) {
  const CommandLine line = CLI_TRY(ParseCommandLine(arguments));
  context.config_file = line.config_file;
  SetLogLevel(line.debug ? LogLevel::kDebug : LogLevel::kWarning);
  const bool is_service = std::holds_alternative<MountArguments>(line.command) ||
                          std::holds_alternative<MirrorArguments>(line.command);
  if (is_service && !line.debug) SetLogLevel(LogLevel::kInfo);
  return std::visit(Dispatcher{context}, line.command);
}

}  // namespace

ExitCode Run(const std::vector<std::string>& arguments, CommandContext context) {
  try {
    const Outcome<ExitCode> outcome = RunCommand(arguments, context);
    if (outcome) return *outcome;
    context.err << FailureLine(outcome.error());
    return outcome.error().exit_code;
  } catch (const std::exception& error) {
    // Our own code does not throw: this is out of memory, a failed thread start, or a library.
    context.err << FailureLine(
        {ExitCode::kInternal, std::string("internal error: ") + error.what()});
    return ExitCode::kInternal;
  }
}

}  // namespace skybridge::cli
