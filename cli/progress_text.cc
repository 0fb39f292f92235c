#include "cli/progress_text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/failure.h"
#include "core/units.h"

namespace skybridge::cli {
namespace {

using nlohmann::ordered_json;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

// Names are bytes that need not be UTF-8, while JSON must be UTF-8.
std::string Dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

double Seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

// "3 failed, " when there are any.
std::string Counted(std::uint64_t count, std::string_view what) {
  return count == 0 ? std::string() : fmt::format(", {} {}", FormatCount(count), what);
}

std::string_view KindName(NodeKind kind) {
  switch (kind) {
    case NodeKind::kFile:
      return "file";
    case NodeKind::kDirectory:
      return "directory";
    case NodeKind::kSymlink:
      return "link";
  }
  return "";
}

}  // namespace

std::string ProgressText(const SyncProgress& progress) {
  const char* grows = progress.listing_done ? "" : "+";
  std::string text = fmt::format(
      "{}/{}{} objects, {} of {}{}, {}", FormatCount(progress.objects_done),
      FormatCount(progress.objects_listed), grows, FormatBytes(progress.bytes_done),
      FormatBytes(progress.bytes_to_copy), grows, FormatRate(progress.bytes_per_second));
  const bool at_the_end = progress.listing_done && progress.objects_done == progress.objects_listed;
  if (progress.time_left && !at_the_end)
    text +=
        fmt::format(", {} left", FormatDuration(duration_cast<milliseconds>(*progress.time_left)));
  return text + Counted(progress.so_far.failed_count, "failed");
}

std::string StepText(const Decision& step) {
  std::string text =
      fmt::format("{} {}", StepName(step.step), step.key.is_root() ? "." : step.key.path);
  if (step.kind == NodeKind::kDirectory) text += "/";
  if (step.step == Step::kCopy) text += ", " + FormatBytes(step.source->size_bytes);
  return fmt::format("{} ({})", text, ReasonName(step.reason));
}

std::string StepJson(const Decision& step) {
  ordered_json value = {{"step", StepName(step.step)},
                        {"path", step.key.is_root() ? "." : step.key.path},
                        {"kind", KindName(step.kind)},
                        {"reason", ReasonName(step.reason)}};
  if (step.step == Step::kCopy) value["size"] = step.source->size_bytes;
  if (step.source && !step.source->etag.empty()) value["source_version"] = step.source->etag.value;
  if (step.destination && !step.destination->etag.empty())
    value["destination_version"] = step.destination->etag.value;
  std::string text = Dump(value);
  text.pop_back();
  return text;
}

std::string SummaryText(const SyncSummary& summary, bool dry_run) {
  const double seconds = Seconds(summary.elapsed);
  std::string text =
      fmt::format("{} {} files, {}", dry_run ? "would copy" : "copied",
                  FormatCount(summary.files_copied), FormatBytes(summary.bytes_copied));
  if (!dry_run) {
    text += fmt::format(
        " in {} ({})", FormatDuration(duration_cast<milliseconds>(summary.elapsed)),
        FormatRate(seconds > 0 ? static_cast<double>(summary.bytes_copied) / seconds : 0));
  }
  text += fmt::format("; {} unchanged", FormatCount(summary.unchanged));
  text += Counted(summary.attributes_updated, "with attributes only");
  text += Counted(summary.directories_made, "directories made");
  text += Counted(summary.made_way, "replaced by another kind");
  text += Counted(summary.extra_at_destination, "only at the destination");
  text += Counted(summary.vanished, "gone from the source meanwhile");
  text += Counted(summary.hidden_names, "with names that cannot be copied");
  text += Counted(summary.failed_count, "failed");
  return text + "\n";
}

std::string SummaryJson(const SyncSummary& summary, bool dry_run) {
  ordered_json failed = ordered_json::array();
  for (const SyncFailure& failure : summary.failed) {
    failed.push_back({{"path", failure.path},
                      {"error", ErrorCodeName(failure.error.code)},
                      {"reason", Reason(failure.error)}});
  }
  return Dump({{"complete", summary.complete()},
               {"dry_run", dry_run},
               {"files_copied", summary.files_copied},
               {"bytes_copied", summary.bytes_copied},
               {"attributes_updated", summary.attributes_updated},
               {"unchanged", summary.unchanged},
               {"directories_made", summary.directories_made},
               {"replaced_by_another_kind", summary.made_way},
               {"extra_at_destination", summary.extra_at_destination},
               {"vanished", summary.vanished},
               {"hidden_names", summary.hidden_names},
               {"owners_left_out", summary.owners_left_out},
               {"xattrs_left_out", summary.xattrs_left_out},
               {"failed_count", summary.failed_count},
               {"failed", failed},
               {"seconds", Seconds(summary.elapsed)}});
}

std::string DifferenceText(const FoundDifference& difference) {
  const std::string detail = difference.detail.empty() ? "" : ": " + difference.detail;
  return fmt::format("{}: {}{}", DifferenceName(difference.difference), difference.path, detail);
}

std::string ReportText(const VerifyReport& report) {
  std::string text = fmt::format("{}: {} of {} files, {} ({} by digest, {} by reading {})",
                                 report.is_equal() ? "equal" : "NOT equal",
                                 FormatCount(report.equal), FormatCount(report.compared),
                                 FormatBytes(report.compared_bytes), FormatCount(report.by_digest),
                                 FormatCount(report.by_reading), FormatBytes(report.bytes_read));
  text += Counted(report.other_kind, "of another kind");
  text += Counted(report.other_size, "of another size");
  text += Counted(report.other_content, "with other content");
  text += Counted(report.other_attributes, "with other attributes");
  text += Counted(report.only_at_source, "only at the source");
  text += Counted(report.only_at_destination, "only at the destination");
  text += Counted(report.unreadable, "that could not be read");
  text += Counted(report.hidden_names, "with names that cannot be shown");
  return text + "\n";
}

std::string ReportJson(const VerifyReport& report) {
  ordered_json differences = ordered_json::array();
  for (const FoundDifference& found : report.differences) {
    differences.push_back({{"path", found.path},
                           {"difference", DifferenceName(found.difference)},
                           {"detail", found.detail}});
  }
  return Dump({{"equal", report.is_equal()},
               {"files_compared", report.compared},
               {"bytes_compared", report.compared_bytes},
               {"files_equal", report.equal},
               {"by_digest", report.by_digest},
               {"by_reading", report.by_reading},
               {"bytes_read", report.bytes_read},
               {"different", report.different()},
               {"other_kind", report.other_kind},
               {"other_size", report.other_size},
               {"other_content", report.other_content},
               {"other_attributes", report.other_attributes},
               {"only_at_source", report.only_at_source},
               {"only_at_destination", report.only_at_destination},
               {"unreadable", report.unreadable},
               {"hidden_names", report.hidden_names},
               {"differences", differences},
               {"seconds", Seconds(report.elapsed)}});
}

}  // namespace skybridge::cli
