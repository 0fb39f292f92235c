// The text output of a pass: the progress line, the summary, the differences.
#pragma once

#include <string>

#include "sync/pass/decision.h"
#include "sync/pass/sync.h"
#include "sync/verify/verify.h"

namespace skybridge::cli {

// "1,234/5,678 objects, 1.2 GiB of 3.4 GiB, 61.0 MiB/s, 3m05s left"; totals that still grow have a
// '+'.
std::string ProgressText(const SyncProgress& progress);

// "copy a/b, 12 B (new)"
std::string StepText(const Decision& step);
// One object, without a line break.
std::string StepJson(const Decision& step);

std::string SummaryText(const SyncSummary& summary, bool dry_run);
std::string SummaryJson(const SyncSummary& summary, bool dry_run);

// "size: a/b: 12 and 13 bytes"
std::string DifferenceText(const FoundDifference& difference);
std::string ReportText(const VerifyReport& report);
std::string ReportJson(const VerifyReport& report);

}  // namespace skybridge::cli
