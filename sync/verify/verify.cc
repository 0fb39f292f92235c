#include "sync/verify/verify.h"

#include <optional>
#include <utility>

#include "sync/compare.h"
#include "sync/listing/pairing.h"
#include "sync/look.h"
#include "sync/pass_stop.h"
#include "sync/root_check.h"
#include "sync/verify/content_check.h"

namespace skybridge {
namespace {

class Verification {
 public:
  explicit Verification(const VerifyOptions& options)
      : options_(options),
        stop_(options.stop),
        policy_{.clock = options.clock, .timeout = options.call_timeout, .stop = stop_.token()},
        rules_(CompareRules::For(options.source.store.capabilities(),
                                 options.destination.store.capabilities())),
        started_(options.clock.Now()),
        roots_(options.source, options.destination, policy_),
        budget_(options.memory_bytes),
        ranges_(options.range_jobs, options.range_jobs),
        content_(options.source, options.destination, ranges_, budget_, policy_,
                 options.always_read),
        files_(options.file_jobs, 2 * options.file_jobs) {}

  Result<VerifyReport> Run() {
    const Status walked = WalkBoth();
    files_.Drain();
    TRY_VOID(stop_.Outcome("the verification"));
    if (!walked) return Fail(walked.error());
    MutexLock lock(mutex_);
    report_.bytes_read = content_.bytes_read();
    report_.elapsed = options_.clock.Now() - started_;
    return std::move(report_);
  }

 private:
  Status WalkBoth() {
    SortedListing source(options_.source.store,
                         {.root = options_.source.root, .temp_directory = options_.temp_directory},
                         policy_);
    SortedListing destination(
        options_.destination.store,
        {.root = options_.destination.root, .temp_directory = options_.temp_directory}, policy_);
    Pairing pairing(source, destination);
    while (auto pair = TRY(pairing.Next())) {
      TRY_VOID(stop_.Outcome("the verification"));
      if (!IsUnlisted(*pair, source, destination)) Take(*std::move(pair));
    }
    MutexLock lock(mutex_);
    report_.hidden_names = source.hidden_names() + destination.hidden_names();
    return {};
  }

  // Nothing is known of what is below a directory that one side could not list.
  bool IsUnlisted(const Pair& pair, const SortedListing& source, const SortedListing& destination) {
    const ObjectKey& key = pair.any().key;
    if (unlisted_ && key.path.starts_with(unlisted_->path + "/")) return true;
    const Error* error = source.Unlisted(key);
    if (error == nullptr) error = destination.Unlisted(key);
    if (error == nullptr || pair.any().kind != NodeKind::kDirectory) return false;
    unlisted_ = key;
    Found(key, Difference::kUnreadable, error->ToString());
    return true;
  }

  void Unreadable(const ObjectKey& key, const Error& error) {
    if (auto end = roots_.EndOfPass(error)) return stop_.End(*std::move(end));
    Found(key, Difference::kUnreadable, error.ToString());
  }

  void Take(Pair pair) {
    const bool is_directory = pair.any().kind == NodeKind::kDirectory;
    if (!pair.source || !pair.destination) {
      // A directory that the other side has only as a prefix is there all the same.
      if (pair.other_side_implies_it) return;
      Found(pair.any().key,
            pair.source ? Difference::kOnlyAtSource : Difference::kOnlyAtDestination);
      return;
    }
    if (is_directory && options_.attributes == AttributeCheck::kIgnore) return;
    files_.Submit([this, one = std::move(pair)]() mutable {
      if (stop_.requested()) return;
      const ObjectKey key = one.source->key;
      if (const Status done = CompareNodes(one); !done) Unreadable(key, done.error());
    });
  }

  // Whether a link is a link is not told by every listing.
  bool MustComplete(const Pair& pair) const {
    if (options_.attributes != AttributeCheck::kIgnore) return true;
    return pair.source->attributes.has_value() != pair.destination->attributes.has_value() ||
           !pair.source->attributes;
  }

  Status CompareNodes(Pair& pair) {
    ObjectInfo& a = *pair.source;
    ObjectInfo& b = *pair.destination;
    const bool is_directory = a.kind == NodeKind::kDirectory;
    if (!is_directory) Count(&VerifyReport::compared, 1);
    if (a.size_bytes != b.size_bytes) {
      Found(a.key, Difference::kSize,
            std::to_string(a.size_bytes) + " and " + std::to_string(b.size_bytes) + " bytes");
      return {};
    }
    if (MustComplete(pair)) {
      TRY_VOID(Complete(a, options_.source, policy_));
      TRY_VOID(Complete(b, options_.destination, policy_));
    }
    if (a.kind != b.kind) {
      Found(a.key, Difference::kKind);
      return {};
    }
    if (!is_directory) {
      ContentFinding content = TRY(content_.Compare(a, b));
      if (content.verdict == ContentVerdict::kDifferent) {
        Found(a.key, Difference::kContent, std::move(content.detail));
        return {};
      }
      if (!SameAttributes(a, b)) {
        Found(a.key, Difference::kAttributes);
        return {};
      }
      CountEqual(a, content.verdict);
    } else if (!SameAttributes(a, b)) {
      Found(a.key, Difference::kAttributes);
    }
    return {};
  }

  bool SameAttributes(const ObjectInfo& a, const ObjectInfo& b) const {
    if (options_.attributes == AttributeCheck::kIgnore) return true;
    Attributes wanted = WantedAttributes(a);
    wanted.foreign.clear();
    if (options_.attributes == AttributeCheck::kAll) return HasAttributes(b, wanted, rules_);
    CompareRules times_only = rules_;
    times_only.keep_content_headers = false;
    return HasAttributes(b, {.mtime = wanted.mtime}, times_only);
  }

  void Count(std::uint64_t VerifyReport::*counter, std::uint64_t by) {
    MutexLock lock(mutex_);
    report_.*counter += by;
  }

  void CountEqual(const ObjectInfo& info, ContentVerdict verdict) {
    MutexLock lock(mutex_);
    ++report_.equal;
    report_.compared_bytes += info.size_bytes;
    ++(verdict == ContentVerdict::kEqualByDigest ? report_.by_digest : report_.by_reading);
  }

  void Found(const ObjectKey& key, Difference difference, std::string detail = {}) {
    MutexLock lock(mutex_);
    switch (difference) {
      case Difference::kOnlyAtSource:
        ++report_.only_at_source;
        break;
      case Difference::kOnlyAtDestination:
        ++report_.only_at_destination;
        break;
      case Difference::kUnreadable:
        ++report_.unreadable;
        break;
      case Difference::kKind:
        ++report_.other_kind;
        break;
      case Difference::kSize:
        ++report_.other_size;
        break;
      case Difference::kContent:
        ++report_.other_content;
        break;
      case Difference::kAttributes:
        ++report_.other_attributes;
        break;
    }
    if (report_.differences.size() < kMaxReportedDifferences) {
      report_.differences.push_back({key.path, difference, std::move(detail)});
    }
  }

  const VerifyOptions& options_;
  PassStop stop_;
  const CallPolicy policy_;
  const CompareRules rules_;
  const MonotonicTime started_;
  RootCheck roots_;
  ByteBudget budget_;
  WorkPool ranges_;
  ContentCheck content_;
  std::optional<ObjectKey> unlisted_;
  Mutex mutex_;  // guards what follows
  VerifyReport report_ GUARDED_BY(mutex_);
  WorkPool files_;  // last: its threads use everything above
};

}  // namespace

std::string_view DifferenceName(Difference difference) {
  switch (difference) {
    case Difference::kOnlyAtSource:
      return "only at source";
    case Difference::kOnlyAtDestination:
      return "only at destination";
    case Difference::kKind:
      return "kind";
    case Difference::kSize:
      return "size";
    case Difference::kContent:
      return "content";
    case Difference::kAttributes:
      return "attributes";
    case Difference::kUnreadable:
      return "unreadable";
  }
  return "unreadable";
}

Result<VerifyReport> Verify(const VerifyOptions& options) { return Verification(options).Run(); }

}  // namespace skybridge
