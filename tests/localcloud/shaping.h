// Rules by which a server of the local cloud behaves like a far, slow or failing one. You need it
// to test what a client does about delay, throttling, lost replies and broken bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/mutex.h"
#include "core/result.h"

namespace skybridge::localcloud {

enum class Fault {
  kNone,
  kStatus,        // answer `status` (with Retry-After if set); before acting, or after it when
                  // `act_first`
  kResetBefore,   // the connection is reset; the service has not acted
  kResetAfter,    // the service has acted, the reply is lost
  kHalfBody,      // Content-Length of the whole, half of the bytes, then the connection is closed
  kStall,         // half of the bytes, then nothing for `stall`, then the rest
  kFlipDownload,  // one bit of the reply's body is wrong
  kFlipUpload,    // one bit of the request's body is wrong when it reaches the service
};

struct Rule {
  // Which requests. Empty matches any.
  std::string operation;  // Service::OperationOf, exactly
  std::string method;
  std::string path;  // a substring of the raw target, query included
  // Of the matching ones the first `after` pass untouched, the next `count` (all, when not set) are
  // touched.
  std::uint64_t after = 0;
  std::optional<std::uint64_t> count;
  // Of those, this many a second pass untouched all the same, and as many at once after a quiet
  // second: with a `status`, a service that throttles. 0: none.
  std::uint64_t allowed_per_second = 0;

  // What happens to them.
  std::chrono::milliseconds delay{0};           // before the service acts: one round trip
  std::uint64_t download_bytes_per_second = 0;  // of the connection; 0 is unlimited
  std::uint64_t upload_bytes_per_second = 0;    // of the connection; 0 is unlimited
  Fault fault = Fault::kNone;
  int status = 0;
  std::string code;  // of the status; "" is the one that the service has for it
  std::optional<std::chrono::seconds> retry_after;
  bool act_first = false;
  std::chrono::milliseconds stall{0};
  std::chrono::seconds clock_skew{
      0};  // added to Date and to the clock by which signatures are judged
  bool expire_tokens = false;
};

// All that the matching rules together ask for one request: delays add up, the lowest rate holds,
// the first fault wins.
struct Shaping {
  std::chrono::milliseconds delay{0};
  std::uint64_t download_bytes_per_second = 0;
  std::uint64_t upload_bytes_per_second = 0;
  Fault fault = Fault::kNone;
  int status = 0;
  std::string code;
  std::optional<std::chrono::seconds> retry_after;
  bool act_first = false;
  std::chrono::milliseconds stall{0};
  std::chrono::seconds clock_skew{0};
  bool expire_tokens = false;
};

// Safe from many threads.
class RuleBook {
 public:
  void Add(Rule rule);
  void Clear();
  using Clock = std::chrono::steady_clock;

  // Counts the request against every rule that it matches.
  Shaping Match(std::string_view operation, std::string_view method, std::string_view raw_target,
                Clock::time_point now = Clock::now());

 private:
  struct Entry {
    Rule rule;
    std::uint64_t matched = 0;
    // Of Rule::allowed_per_second: what is left of it, and when that was counted.
    double allowed = 0;
    Clock::time_point counted_at{};
  };
  static bool IsAllowed(Entry& entry, Clock::time_point now);

  mutable Mutex mutex_;
  std::vector<Entry> entries_ GUARDED_BY(mutex_);
};

// A rule from JSON: the field names of Rule, times as delay_ms, retry_after_seconds, stall_ms,
// clock_skew_seconds, and fault as "status", "reset_before", "reset_after", "half_body", "stall",
// "flip_download", "flip_upload". A `status` without a `fault` means "status"; a `code` goes with
// that fault only. kInvalidArgument for an unknown field, a wrong type or an impossible value.
Result<Rule> ParseRule(std::string_view json);

}  // namespace skybridge::localcloud
