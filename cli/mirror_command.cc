#include "cli/mirror_command.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "cache/cache_directory.h"
#include "cli/mirror_state.h"
#include "cli/overlap.h"
#include "cli/place.h"
#include "cli/progress_text.h"
#include "cli/service_manager.h"
#include "core/log.h"
#include "sync/mirror/mirror.h"
#include "sync/mirror/owner_lease.h"

namespace skybridge::cli {
namespace {

// A pass that shows no progress for as long as the unit's WatchdogSec= is restarted; so is none that
// waits for its next pass.
constexpr std::chrono::seconds kProgressInterval{1};

std::string UriOf(const Place& place) { return ToString(AsRoot(place).remote.uri); }

// Stable over reboots and network changes (machine-id(5)); without it, the name of the host.
std::string MachineId(const std::string& host) {
  std::ifstream file("/etc/machine-id");
  std::string id;
  return std::getline(file, id) && !id.empty() ? id : host;
}

std::string HostName() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

// Source, destination and the lease on it, opened for as long as passes succeed.
class Sides {
 public:
  Sides(const MirrorConfig& mirror, const Config& config, const std::string& state_directory,
        const CommandContext& context)
      : mirror_(mirror), config_(config), state_directory_(state_directory), context_(context) {}

  Outcome<ExitCode> Open() {
    if (open_) return ExitCode::kOk;
    const Place from = CLI_TRY(ResolvePlace(mirror_.from, config_, context_.environment));
    const Place to = CLI_TRY(ResolvePlace(mirror_.to, config_, context_.environment));
    if (Overlap(from, to, context_)) {
      return Fails(
          ExitCode::kConfiguration,
          fmt::format("mirrors.{}: 'from' and 'to' are the same place, or one lies in the other",
                      mirror_.name));
    }
    Opened opened{.source = CLI_TRY(OpenTree(from, context_, TreeRoot::kMustExist)),
                  .destination = CLI_TRY(OpenTree(to, context_, TreeRoot::kMakeIfMissing))};
    const std::string host = HostName();
    const LeaseOwner owner{.mirror = mirror_.name,
                           .machine = MachineId(host),
                           .host = host,
                           .state = state_directory_,
                           .from = UriOf(from),
                           .to = UriOf(to)};
    CLI_CHECK_IN(CheckNoCycle(opened.source.store(), opened.source.place.path, owner,
                              context_.Within(kCallTimeout)),
                 "mirror " + mirror_.name, Phase::kRemote);
    opened.lease = CLI_TRY_IN(OwnerLease::Take({.destination = opened.destination.store(),
                                                .root = opened.destination.place.path,
                                                .owner = owner,
                                                .clock = context_.clock},
                                               context_.Within(kCallTimeout)),
                              "mirror " + mirror_.name, Phase::kRemote);
    open_ = std::move(opened);
    return ExitCode::kOk;
  }
  // The next pass opens everything anew.
  void Close() { open_.reset(); }

  Result<SyncSummary> Pass(const ProgressFunction& progress, const std::stop_token& stop) const {
    std::stop_source either;
    const std::stop_callback told(stop, [&either] { either.request_stop(); });
    const std::stop_callback lost(open_->lease->lost(), [&either] { either.request_stop(); });
    auto summary = Sync({.source = {open_->source.store(), open_->source.place.path},
                         .destination = {open_->destination.store(), open_->destination.place.path},
                         .clock = context_.clock,
                         .progress_interval = kProgressInterval,
                         .stop = either.get_token()},
                        progress);
    TRY_VOID(open_->lease->state());
    return summary;
  }

 private:
  struct Opened {
    OpenPlace source;
    OpenPlace destination;
    std::unique_ptr<OwnerLease> lease = nullptr;
  };

  const MirrorConfig& mirror_;
  const Config& config_;
  const std::string& state_directory_;
  const CommandContext& context_;
  std::optional<Opened> open_;
};

// Alive: the mirror waits for its next pass, or the pass has moved on since the last question.
class Liveness {
 public:
  void Moved() { moved_ = true; }
  void Waits(bool waits) { waits_ = waits; }
  bool Ask() { return moved_.exchange(false) || waits_; }

 private:
  std::atomic<bool> moved_{true};
  std::atomic<bool> waits_{false};
};

std::string RunText(const RunRecord& run) {
  std::string text =
      fmt::format("run {} {}: {} copied, {} unchanged, {} failed", run.id, RunStateName(run.state),
                  run.counts.files_copied, run.counts.unchanged, run.counts.failed);
  return run.reason.empty() ? text : text + ": " + run.reason;
}

bool IsMended(ExitCode code) { return code == ExitCode::kNetwork; }

// One running mirror: what its passes, its status and its service manager have to do with each
// other.
class Service {
 public:
  Service(const MirrorArguments& arguments, const MirrorConfig& mirror, const Config& config,
          std::string state_directory, const CommandContext& context)
      : arguments_(arguments),
        mirror_(mirror),
        context_(context),
        state_directory_(std::move(state_directory)),
        sides_(mirror_, config, state_directory_, context) {}

  Outcome<ExitCode> Run() {
    const auto opened = sides_.Open();
    if (!opened && (arguments_.once || !IsMended(opened.error().exit_code)))
      return tl::unexpected<Failure>(opened.error());
    NotifyReady("mirror " + mirror_.name + " is ready");
    const WatchdogFeeder watchdog(context_.clock, [this] { return liveness_.Ask(); });
    RunStore runs = RunsOf(mirror_, state_directory_);
    Mirror mirror(
        {.name = mirror_.name,
         .clock = context_.clock,
         .every = mirror_.every,
         .once = arguments_.once,
         .stop = context_.stop},
        runs,
        [this](const ProgressFunction& progress, const std::stop_token& stop) {
          return Pass(progress, stop);
        },
        [this](const MirrorStatus& status) { Tell(status); },
        CLI_TRY(ReadMirrorStatus(state_directory_)));
    const Result<RunRecord> last = mirror.Run();
    NotifyStopping();
    if (!last && last.error().code == ErrorCode::kCancelled) return ExitCode::kOk;
    if (!last) return Fails("mirror " + mirror_.name, last.error(), Phase::kLocal);
    context_.out << RunText(*last) << '\n';
    if (!arguments_.once) return ExitCode::kOk;
    if (failure_) return tl::unexpected<Failure>(*failure_);
    if (last->state == RunState::kStopped) return ExitCode::kInterrupted;
    return last->state == RunState::kSucceeded ? ExitCode::kOk : ExitCode::kIncomplete;
  }

 private:
  Result<SyncSummary> Pass(const ProgressFunction& progress, const std::stop_token& stop) {
    failure_.reset();
    if (const auto opened = sides_.Open(); !opened) {
      failure_ = opened.error();
      return Fail(ErrorCode::kUnavailable, opened.error().message);
    }
    SyncProgress before;
    auto summary = sides_.Pass(
        [&](const SyncProgress& now) {
          if (now.objects_listed != before.objects_listed ||
              now.objects_done != before.objects_done || now.bytes_done != before.bytes_done) {
            liveness_.Moved();
            before = now;
          }
          NotifyStatus(ProgressText(now));
          progress(now);
        },
        stop);
    if (!summary) {
      sides_.Close();
      failure_ = MakeFailure("mirror " + mirror_.name, summary.error(), Phase::kRemote);
    }
    return summary;
  }

  void Tell(const MirrorStatus& status) {
    liveness_.Waits(status.phase == MirrorPhase::kWaiting);
    if (status.phase == MirrorPhase::kWaiting && status.last) {
      const bool good = status.last->state == RunState::kSucceeded;
      Log(good ? LogLevel::kInfo : LogLevel::kWarning, "mirror {}: {}", mirror_.name,
          RunText(*status.last));
      for (const RunFailure& failure : status.last->failures)
        Log(LogLevel::kWarning, "mirror {}: '{}': {}", mirror_.name, failure.path, failure.reason);
      NotifyStatus("waiting; " + RunText(*status.last));
    }
    const Status written = WriteMirrorStatus(state_directory_, status);
    if (!written) Log(LogLevel::kError, "mirror {}: {}", mirror_.name, written.error().ToString());
  }

  const MirrorArguments& arguments_;
  const MirrorConfig& mirror_;
  const CommandContext& context_;
  const std::string state_directory_;
  Sides sides_;
  Liveness liveness_;
  std::optional<Failure> failure_;  // of the last pass
};

}  // namespace

Outcome<ExitCode> RunMirror(const MirrorArguments& arguments, const CommandContext& context) {
  const Config config =
      CLI_TRY_IN(LoadConfig(context.config_file, context.environment), "", Phase::kConfiguration);
  const MirrorConfig mirror = CLI_TRY(FindMirror(config, arguments.name));
  if (mirror.delete_policy != DeletePolicy::kNever) {
    return Fails(ExitCode::kConfiguration,
                 fmt::format("mirrors.{}.delete: a mirror deletes nothing yet; write \"never\"",
                             mirror.name));
  }
  const std::string directory = CLI_TRY(MirrorStateDirectory(mirror, context.environment));
  const auto lock = CLI_TRY_IN(cache::CacheDirectory::Take(directory, std::uint64_t{16} << 20),
                               "state directory of mirror " + mirror.name, Phase::kLocal);
  return Service(arguments, mirror, config, directory, context).Run();
}

}  // namespace skybridge::cli
