// Dates, durations and sizes: a time that was read is written and read again as the same time.
#include "backends/azure/sas.h"
#include "core/time_text.h"
#include "core/units.h"
#include "tests/fuzz/fuzz_target.h"

namespace skybridge {

FUZZ_TARGET(times) {
  if (const auto time = ParseHttpDate(input)) {
    fuzz::Require(ParseHttpDate(FormatHttpDate(*time)) == *time, "HTTP date round trip");
  }
  if (const auto time = ParseRfc3339(input)) {
    fuzz::Require(ParseRfc3339(FormatRfc3339(*time)) == *time, "RFC 3339 round trip");
  }
  if (const auto time = ParseUnixSeconds(input)) {
    fuzz::Require(ParseUnixSeconds(FormatUnixSeconds(*time)) == *time, "Unix seconds round trip");
    FormatHttpDate(*time);
    FormatRfc3339(*time);
  }
  if (const auto expiry = azure::SasExpiry(input)) FormatRfc3339(*expiry, 0);
  azure::SasKind(input);
  if (const auto size = ParseSize(input)) FormatBytes(*size);
  if (const auto duration = ParseDuration(input)) {
    fuzz::Require(duration->count() >= 0, "no negative duration");
    FormatDuration(*duration);
  }
}

}  // namespace skybridge
