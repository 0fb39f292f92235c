#include "sync/pass/sync.h"

#include <thread>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "sync/pass/executor.h"
#include "sync/pass/planner.h"
#include "sync/pass/sync_state.h"
#include "sync/pass_stop.h"

namespace skybridge {
namespace {

// Tells progress now and then until it is destroyed, and then once more.
class ProgressTicker {
 public:
  ProgressTicker(const ProgressFunction& tell, Clock& clock, std::chrono::nanoseconds interval,
                 std::function<SyncProgress()> snapshot)
      : tell_(tell), snapshot_(std::move(snapshot)) {
    if (!tell_) return;
    thread_ = std::jthread([this, &clock, interval](const std::stop_token& stop) {
      while (clock.SleepUntil(clock.Now() + interval, stop)) tell_(snapshot_());
    });
  }
  ~ProgressTicker() {
    if (!tell_) return;
    thread_.request_stop();
    thread_.join();
    tell_(snapshot_());
  }
  ProgressTicker(const ProgressTicker&) = delete;
  ProgressTicker& operator=(const ProgressTicker&) = delete;

 private:
  const ProgressFunction& tell_;
  const std::function<SyncProgress()> snapshot_;
  std::jthread thread_;
};

class Pass {
 public:
  explicit Pass(const SyncOptions& options)
      : options_(options),
        stop_(options.stop),
        policy_{.clock = options.clock, .timeout = options.call_timeout, .stop = stop_.token()},
        state_(options.clock),
        log_(options.on_step),
        planner_({.source = options.source,
                  .destination = options.destination,
                  .destination_is_new = options.destination_is_new,
                  .temp_directory = options.temp_directory},
                 policy_),
        executor_({.source = options.source,
                   .destination = options.destination,
                   .part_jobs = options.part_jobs,
                   .memory_bytes = options.memory_bytes,
                   .transfer = options.transfer,
                   .temp_directory = options.temp_directory},
                  {.policy = policy_, .stop = stop_, .state = state_, .log = log_}),
        files_(options.file_jobs, 2 * options.file_jobs) {}

  Result<SyncSummary> Run() {
    const Status planned = PlanAndCarryOut();
    files_.Drain();
    TRY_VOID(Ended());
    if (!planned) return Fail(planned.error());
    TRY_VOID(executor_.Finish(files_));
    TRY_VOID(Ended());
    CountWhatThePlannerSaw();
    return state_.Summary();
  }

  // The error with which the pass ends early, if it does; it says how far it came.
  Status Ended() const {
    Status outcome = stop_.Outcome("the pass");
    if (outcome || outcome.error().code == ErrorCode::kCancelled) return outcome;
    Error error = std::move(outcome).error();
    error.message =
        fmt::format("{} files were copied, then: {}", state_.files_copied.load(), error.message);
    return Fail(std::move(error));
  }

  SyncProgress Progress() const { return state_.Progress(executor_.bytes_copied()); }

 private:
  // The calling thread lists, and decides what needs no request; the pool does the rest. A full
  // pool makes the listing wait.
  Status PlanAndCarryOut() {
    while (auto planned = TRY(planner_.Next())) {
      TRY_VOID(Ended());
      CountWhatThePlannerSaw();
      std::visit([this](auto&& one) { Take(std::move(one)); }, *std::move(planned));
    }
    CountWhatThePlannerSaw();
    state_.listing_done = true;
    return {};
  }

  void CountWhatThePlannerSaw() {
    state_.hidden_names = planner_.hidden_names();
    state_.owners_left_out = planner_.owners_left_out();
    state_.xattrs_left_out = planner_.xattrs_left_out();
  }

  void Take(Question question) {
    if (executor_.IsBlocked(question.pair.any().key)) return;
    ++state_.objects_listed;
    files_.Submit([this, number = Number(), one = std::move(question)]() mutable {
      Settle(number, stop_.requested() ? Decision{} : planner_.Answer(std::move(one)));
      ++state_.objects_done;
    });
  }

  void Take(Decision decision) {
    const bool changes = ChangesSomething(decision.step);
    if (changes && executor_.IsBlocked(decision.key)) return;
    const bool listed =
        !decision.key.is_root() && (decision.source || decision.step == Step::kRefuse);
    if (listed) ++state_.objects_listed;
    // Nothing may overtake kMakeWay.
    const bool needs_a_thread = changes && decision.step != Step::kMakeWay && !options_.dry_run;
    if (!needs_a_thread) {
      if (listed) ++state_.objects_done;
      return Settle(Number(), std::move(decision));
    }
    files_.Submit([this, listed, one = std::move(decision)]() mutable {
      Settle(0, std::move(one));
      if (listed) ++state_.objects_done;
    });
  }

  std::uint64_t Number() { return options_.dry_run ? log_.TakeNumber() : 0; }

  // A dry run differs from a pass only here.
  void Settle(std::uint64_t number, Decision decision) {
    state_.Plan(decision);
    if (!options_.dry_run) return executor_.CarryOut(std::move(decision));
    if (decision.step == Step::kRefuse) {
      executor_.Fails(decision.key, *decision.refusal);
    } else {
      state_.Count(decision, decision.source ? decision.source->size_bytes : 0);
    }
    log_.TellInOrder(number, std::move(decision));
  }

  const SyncOptions& options_;
  PassStop stop_;
  const CallPolicy policy_;
  SyncState state_;
  StepLog log_;
  Planner planner_;
  Executor executor_;
  WorkPool files_;  // last: its threads use everything above
};

}  // namespace

Result<SyncSummary> Sync(const SyncOptions& options, const ProgressFunction& progress) {
  Pass pass(options);
  const ProgressTicker ticker(progress, options.clock, options.progress_interval,
                              [&pass] { return pass.Progress(); });
  return pass.Run();
}

}  // namespace skybridge
