// Verify: proves that two trees are equal: the same paths, kinds, sizes, link targets and bytes,
// and on demand the same attributes. Changes nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "sync/side.h"

namespace skybridge {

enum class AttributeCheck {
  kIgnore,
  kMtime,  // what decides whether a pass copies again
  kAll,  // mtime, and what else is recorded at the source: mode, owner, group, extended attributes
};

struct VerifyOptions {
  SyncSide source;
  SyncSide destination;
  Clock& clock;
  bool always_read = false;  // compare every byte, whatever digests the stores report
  AttributeCheck attributes = AttributeCheck::kIgnore;
  std::size_t file_jobs = 16;
  std::size_t range_jobs = 32;
  std::uint64_t memory_bytes = std::uint64_t{256} << 20;
  std::chrono::nanoseconds call_timeout = std::chrono::minutes(5);
  std::string temp_directory = {};
  std::stop_token stop = {};
};

enum class Difference {
  kOnlyAtSource,
  kOnlyAtDestination,
  kKind,  // a file here, a link there
  kSize,
  kContent,  // equal sizes, other bytes (or another link target)
  kAttributes,
  kUnreadable,  // could not be compared; `detail` says why
};
// "only at source", "size", ...: as reports print it.
std::string_view DifferenceName(Difference difference);

struct FoundDifference {
  std::string path;
  Difference difference;
  std::string detail;
};

inline constexpr std::size_t kMaxReportedDifferences = 1000;

struct VerifyReport {
  std::uint64_t compared = 0;  // files and links that both sides have
  std::uint64_t compared_bytes = 0;
  std::uint64_t equal = 0;
  std::uint64_t by_digest = 0;   // of the equal ones: proved by digests that both stores report
  std::uint64_t by_reading = 0;  // proved by reading
  std::uint64_t bytes_read = 0;
  std::uint64_t only_at_source = 0;
  std::uint64_t only_at_destination = 0;
  std::uint64_t other_kind = 0;
  std::uint64_t other_size = 0;
  std::uint64_t other_content = 0;
  std::uint64_t other_attributes = 0;
  std::uint64_t unreadable = 0;
  std::uint64_t hidden_names =
      0;  // of both sides: no path can show them, nothing is proved of them
  std::vector<FoundDifference> differences;  // the first kMaxReportedDifferences
  std::chrono::nanoseconds elapsed{0};

  std::uint64_t different() const {
    return other_kind + other_size + other_content + other_attributes;
  }
  bool is_equal() const {
    return only_at_source + only_at_destination + different() + unreadable + hidden_names == 0;
  }
};

// Errors (nothing is proved): those of either listing, kCancelled.
Result<VerifyReport> Verify(const VerifyOptions& options);

}  // namespace skybridge
