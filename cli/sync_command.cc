#include "cli/sync_command.h"

#include <algorithm>
#include <ostream>
#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "backends/tierless_store.h"
#include "cli/listed_uploads.h"
#include "cli/overlap.h"
#include "cli/place.h"
#include "cli/progress_text.h"
#include "cli/terminal_text.h"
#include "core/units.h"
#include "sync/pass/sync.h"
#include "sync/verify/verify.h"

namespace skybridge::cli {
namespace {

constexpr std::chrono::milliseconds kTerminalInterval{250};
constexpr std::chrono::seconds kPlainInterval{10};

struct Pair {
  OpenPlace source;
  OpenPlace destination;
};

// The source first: nothing is made for a copy that cannot begin.
Outcome<Pair> OpenBoth(const std::string& source, const std::string& destination,
                       TreeRoot destination_root, const CommandContext& context) {
  auto from = CLI_TRY(OpenTree(source, context, TreeRoot::kMustExist));
  Place place = CLI_TRY(FindPlace(destination, context));
  place.remote.tell_access = true;
  if (destination_root != TreeRoot::kMustExist && Overlap(from.place, place, context)) {
    // Copying a tree into itself would never end.
    return Fails(ExitCode::kUsage, "SRC and DST are the same place, or one lies in the other");
  }
  auto to = CLI_TRY(OpenTree(std::move(place), context, destination_root));
  return Pair{.source = std::move(from), .destination = std::move(to)};
}

SyncSide SideOf(const OpenPlace& place) {
  return {.store = place.store(), .root = place.place.path};
}

// Shows progress on `err`: one line that is overwritten on a terminal, else a plain line at each
// call.
class ProgressLine {
 public:
  explicit ProgressLine(const CommandContext& context)
      : err_(context.err), overwrite_(context.progress_line) {}

  void Show(const std::string& text) {
    if (!overwrite_) {
      err_ << text << '\n';
    } else {
      const std::size_t longest = std::max(shown_, text.size());
      err_ << '\r' << text << std::string(longest - text.size(), ' ');
      shown_ = text.size();
    }
    err_.flush();
  }
  // What is printed next begins on an empty line.
  void Finish() {
    if (overwrite_ && shown_ > 0) err_ << '\r' << std::string(shown_, ' ') << '\r';
    err_.flush();
    shown_ = 0;
  }

 private:
  std::ostream& err_;
  const bool overwrite_;
  std::size_t shown_ = 0;
};

void NameFailures(const SyncSummary& summary, const CommandContext& context) {
  for (const SyncFailure& failure : summary.failed) {
    context.err << FailureLine(
        {ExitCode::kIncomplete, fmt::format("'{}': {}", failure.path, Reason(failure.error))});
  }
  if (summary.failed_count > summary.failed.size()) {
    context.err << fmt::format("skybridge: ... and {} more\n",
                               summary.failed_count - summary.failed.size());
  }
}

// One line for what no file could keep there.
void NameWhatIsLeftOut(const SyncSummary& summary, const CommandContext& context) {
  if (summary.owners_left_out > 0) {
    context.err << fmt::format(
        "skybridge: the owner or group of {} objects is left out: only root can give files to "
        "others\n",
        FormatCount(summary.owners_left_out));
  }
  if (summary.xattrs_left_out > 0) {
    context.err << fmt::format(
        "skybridge: the extended attributes of {} objects are left out: the destination keeps "
        "none\n",
        FormatCount(summary.xattrs_left_out));
  }
}

// The steps of a pass on `out`, as they come: lines, or the beginning of a JSON object.
class StepList {
 public:
  StepList(const SyncArguments& arguments, std::ostream& out)
      : json_(arguments.json), wanted_(arguments.dry_run || arguments.verbose), out_(out) {}

  bool wanted() const { return wanted_; }
  void Add(const Decision& step) {
    if (json_) {
      out_ << (std::exchange(begun_, true) ? "," : "{\"steps\":[") << StepJson(step);
    } else {
      out_ << Printable(StepText(step)) << '\n';
    }
  }
  void Finish() { out_.flush(); }
  // The summary's object, with the steps as its first member.
  std::string Around(const std::string& summary) {
    if (!wanted_) return summary;
    return (begun_ ? "]," : "{\"steps\":[],") + summary.substr(1);
  }

 private:
  const bool json_;
  const bool wanted_;
  std::ostream& out_;
  bool begun_ = false;
};

bool IsLocal(const OpenPlace& place) {
  return std::holds_alternative<LocalDirectory>(place.place.remote.uri);
}

// A failure of a directory of this machine is mended here, not in a cloud.
Phase PhaseOf(const Error& error, const Pair& pair) {
  const bool from_a_service = error.remote.http_status != 0;
  const bool may_be_local = IsLocal(pair.source) || IsLocal(pair.destination);
  const bool of_a_disk =
      error.code == ErrorCode::kPermissionDenied || error.code == ErrorCode::kReadOnly;
  return may_be_local && of_a_disk && !from_a_service ? Phase::kLocal : Phase::kRemote;
}

AttributeCheck AttributesToCheck(const std::string& word) {
  if (word == "mtime") return AttributeCheck::kMtime;
  return word == "all" ? AttributeCheck::kAll : AttributeCheck::kIgnore;
}

}  // namespace

Outcome<ExitCode> RunSync(const SyncArguments& arguments, const CommandContext& context) {
  const TreeRoot root = arguments.dry_run ? TreeRoot::kMayBeMissing : TreeRoot::kMakeIfMissing;
  Pair pair = CLI_TRY(OpenBoth(arguments.source, arguments.destination, root, context));
  if (!arguments.dry_run) {
    pair.destination.opened =
        ListUploads(std::move(pair.destination.opened), pair.destination.place.remote,
                    StateDirectory(context.environment), context);
  }
  TierlessStore tierless(pair.source.store());
  const bool keep_tier = arguments.tier == "keep";
  SyncOptions options{.source = {.store = keep_tier ? pair.source.store() : tierless,
                                 .root = pair.source.place.path},
                      .destination = SideOf(pair.destination),
                      .clock = context.clock,
                      .dry_run = arguments.dry_run,
                      .stop = context.stop};
  options.destination_is_new = pair.destination.made;
  if (arguments.jobs != 0) options.file_jobs = arguments.jobs;
  StepList steps(arguments, context.out);
  if (steps.wanted()) options.on_step = [&](const Decision& step) { steps.Add(step); };
  options.progress_interval =
      context.progress_line ? std::chrono::nanoseconds(kTerminalInterval) : kPlainInterval;
  ProgressLine line(context);
  ProgressFunction progress;
  if (!arguments.json && !steps.wanted())
    progress = [&](const SyncProgress& now) { line.Show(ProgressText(now)); };
  const Result<SyncSummary> summary = Sync(options, progress);
  line.Finish();
  steps.Finish();
  if (!summary)
    return Fails(fmt::format("sync {} {}", arguments.source, arguments.destination),
                 summary.error(), PhaseOf(summary.error(), pair));
  NameFailures(*summary, context);
  NameWhatIsLeftOut(*summary, context);
  context.out << (arguments.json ? steps.Around(SummaryJson(*summary, arguments.dry_run))
                                 : SummaryText(*summary, arguments.dry_run));
  return summary->complete() ? ExitCode::kOk : ExitCode::kIncomplete;
}

Outcome<ExitCode> RunVerify(const VerifyArguments& arguments, const CommandContext& context) {
  const Pair pair =
      CLI_TRY(OpenBoth(arguments.source, arguments.destination, TreeRoot::kMustExist, context));
  VerifyOptions options{.source = SideOf(pair.source),
                        .destination = SideOf(pair.destination),
                        .clock = context.clock,
                        .always_read = arguments.read_all,
                        .attributes = AttributesToCheck(arguments.attributes),
                        .stop = context.stop};
  if (arguments.jobs != 0) options.file_jobs = arguments.jobs;
  const Result<VerifyReport> report = Verify(options);
  if (!report)
    return Fails(fmt::format("verify {} {}", arguments.source, arguments.destination),
                 report.error(), PhaseOf(report.error(), pair));
  if (arguments.json) {
    context.out << ReportJson(*report);
  } else {
    for (const FoundDifference& difference : report->differences)
      context.out << Printable(DifferenceText(difference)) << '\n';
    context.out << ReportText(*report);
  }
  return report->is_equal() ? ExitCode::kOk : ExitCode::kIncomplete;
}

}  // namespace skybridge::cli
