#include "sync/pass/sync.h"

#include <memory>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "sync/compare.h"
#include "sync/listing/pairing.h"
#include "sync/listing/spool.h"
#include "sync/pass/pass_stop.h"
#include "sync/pass/sync_state.h"

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
        rules_(CompareRules::For(source().capabilities(), destination().capabilities())),
        state_(options.clock),
        budget_(options.memory_bytes),
        parts_(options.part_jobs, options.part_jobs),
        transfer_(source(), destination(), parts_, budget_, options.transfer, policy_),
        files_(options.file_jobs, 2 * options.file_jobs) {}

  Result<SyncSummary> Run() {
    const Status walked = WalkBoth();
    files_.Drain();
    TRY_VOID(Ended());
    if (!walked) return Fail(walked.error());
    TRY_VOID(FinishDirectories());
    TRY_VOID(Ended());
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

  SyncProgress Progress() const { return state_.Progress(transfer_.bytes_copied()); }

 private:
  ObjectStore& source() const { return options_.source.store; }
  ObjectStore& destination() const { return options_.destination.store; }
  static ObjectKey Below(const ObjectKey& root, const ObjectKey& key) {
    return root.is_root() ? key : ObjectKey(root.path + "/" + key.path);
  }
  ObjectKey AtSource(const ObjectKey& key) const { return Below(options_.source.root, key); }
  ObjectKey AtDestination(const ObjectKey& key) const {
    return Below(options_.destination.root, key);
  }

  // The calling thread lists and compares; the pool does the rest. A full pool makes the listing
  // wait.
  Status WalkBoth() {
    SortedListing source_listing(
        source(), {.root = options_.source.root, .temp_directory = options_.temp_directory},
        policy_);
    SortedListing destination_listing(destination(),
                                      {.root = options_.destination.root,
                                       .missing_root_is_empty = true,
                                       .temp_directory = options_.temp_directory},
                                      policy_);
    Pairing pairing(source_listing, destination_listing);
    while (auto pair = TRY(pairing.Next())) {
      TRY_VOID(Ended());
      state_.hidden_names = source_listing.hidden_names();
      if (!pair->source) {
        if (!pair->other_side_implies_it) ++state_.extra;
        continue;
      }
      ++state_.objects_listed;
      if (pair->source->kind == NodeKind::kDirectory) {
        TRY_VOID(TakeDirectory(*std::move(pair)));
      } else {
        files_.Submit([this, one = *std::move(pair)]() mutable { TakeFile(std::move(one)); });
      }
    }
    state_.hidden_names = source_listing.hidden_names();
    state_.listing_done = true;
    return {};
  }

  void Fails(const ObjectKey& key, Error error) {
    // When the whole pass is stopped, its files did not fail one by one.
    if (error.code == ErrorCode::kCancelled && stop_.requested()) return;
    if (stop_.EndFor(error)) return;
    state_.AddFailure(key.path, std::move(error));
  }

  // What Head tells, of a directory by fewer requests, unless another kind of node has its name.
  static Result<ObjectInfo> LookAt(ObjectStore& store, const ObjectKey& key, NodeKind expected,
                                   const CallContext& context) {
    if (expected == NodeKind::kDirectory) {
      auto directory = store.HeadDirectory(key, context);
      if (directory || directory.error().code != ErrorCode::kNotFound) return directory;
    }
    return store.Head(key, context);
  }

  // Fills in what the listing could not tell. The key stays relative to the side's root.
  static Status Complete(ObjectInfo& info, const SyncSide& side, const CallPolicy& policy) {
    if (info.attributes) return {};
    ObjectKey key = std::move(info.key);
    info = TRY(LookAt(side.store, Below(side.root, key), info.kind, policy.Context()));
    info.key = std::move(key);
    return {};
  }

  // ---- Files and links, on a thread of the pool ----

  void TakeFile(Pair pair) {
    const ObjectKey key = pair.source->key;
    if (!stop_.requested()) {
      if (const Status done = SyncFile(pair); !done) FileFailed(key, done.error());
    }
    ++state_.objects_done;
  }

  void FileFailed(const ObjectKey& key, Error error) {
    if (error.code != ErrorCode::kNotFound) return Fails(key, std::move(error));
    // Asked by reading: what may not be read is no missing object, and HEAD cannot always tell
    // (OCI answers it without a body).
    std::byte first{};
    const auto read = source().Get({.key = AtSource(key), .range = {0, 1}}, std::span(&first, 1),
                                   policy_.Context());
    if (read) {
      error.message += ": not found, and yet it can be read";
      return Fails(key, std::move(error));
    }
    if (read.error().code != ErrorCode::kNotFound) return Fails(key, read.error());
    ++state_.vanished;
  }

  Status SyncFile(Pair& pair) {
    ObjectInfo& from = *pair.source;
    TRY_VOID(Complete(from, options_.source, policy_));
    // A different size is decided without asking more of the destination.
    if (pair.destination && pair.destination->size_bytes == from.size_bytes) {
      Status known = Complete(*pair.destination, options_.destination, policy_);
      if (!known && known.error().code != ErrorCode::kNotFound) return known;
      if (!known) pair.destination.reset();
    }
    switch (Decide(from, pair.destination, rules_)) {
      case Action::kNone:
        ++state_.unchanged;
        return {};
      case Action::kUpdateAttributes:
        return UpdateAttributes(from, *pair.destination);
      case Action::kCopy:
        return CopyFile(from, pair.destination);
    }
    return {};
  }

  Status CopyFile(const ObjectInfo& from, const std::optional<ObjectInfo>& there) {
    state_.bytes_to_copy += from.size_bytes;
    if (!options_.dry_run) {
      TransferRequest request{
          .source = AtSource(from.key), .destination = AtDestination(from.key), .info = from};
      if (!there) {
        request.conditions.must_not_exist = true;
      } else if (!there->etag.empty()) {
        request.conditions.if_match = there->etag;
      }
      state_.bytes_of_copied += TRY(transfer_.Copy(request)).size_bytes;
    } else {
      state_.bytes_of_copied += from.size_bytes;
    }
    ++state_.files_copied;
    return {};
  }

  Status UpdateAttributes(const ObjectInfo& from, const ObjectInfo& there) {
    if (!options_.dry_run) TRY_VOID(SetAttributes(from, there));
    ++state_.attributes_updated;
    return {};
  }

  Status SetAttributes(const ObjectInfo& from, const ObjectInfo& there) {
    SetAttributesRequest request{.key = AtDestination(from.key),
                                 .kind = from.kind,
                                 .attributes = WantedAttributes(from),
                                 .if_match = {}};
    if (!there.etag.empty()) request.if_match = there.etag;
    if (there.kind != NodeKind::kDirectory) request.size_bytes = there.size_bytes;
    TRY(destination().SetAttributes(request, policy_.Context()));
    return {};
  }

  // ---- Directories ----

  // Made at once where files would not make it; attributes come at the end, since on some stores a
  // directory's mtime moves with every child.
  Status TakeDirectory(Pair pair) {
    const bool is_there = pair.destination || pair.other_side_implies_it;
    const bool listing_has_attributes =
        pair.source->attributes && pair.destination && pair.destination->attributes;
    const bool equal = listing_has_attributes &&
                       HasAttributes(*pair.destination, WantedAttributes(*pair.source), rules_);
    if (!equal) {
      if (!later_) later_ = TRY(Spool::Create(options_.temp_directory));
      TRY_VOID(later_->Append(*pair.source));
    } else {
      ++state_.objects_done;
    }
    if (is_there || pair.has_children) return {};
    files_.Submit([this, info = *std::move(pair.source)] { MakeEmptyDirectory(info); });
    return {};
  }

  void MakeEmptyDirectory(const ObjectInfo& from) {
    if (stop_.requested()) return;
    if (!options_.dry_run) {
      const auto made = destination().MakeDirectory(
          {.key = AtDestination(from.key), .attributes = {}}, policy_.Context());
      if (!made) {
        if (made.error().code != ErrorCode::kAlreadyExists) Fails(from.key, made.error());
        return;
      }
    }
    ++state_.directories_made;
  }

  Status FinishDirectories() {
    if (!later_) return {};
    SpoolReader reader(*later_, 0, TRY(later_->Flush()));
    while (auto info = TRY(reader.Next())) {
      if (stop_.requested()) break;
      files_.Submit([this, from = *std::move(info)]() mutable {
        if (const Status done = FinishDirectory(from); !done) Fails(from.key, done.error());
        ++state_.objects_done;
      });
    }
    files_.Drain();
    return {};
  }

  Status FinishDirectory(ObjectInfo& from) {
    if (stop_.requested()) return {};
    TRY_VOID(Complete(from, options_.source, policy_));
    const Attributes wanted = WantedAttributes(from);
    if (wanted == Attributes{}) return {};
    const auto there =
        LookAt(destination(), AtDestination(from.key), NodeKind::kDirectory, policy_.Context());
    if (!there) {
      // In a dry run nothing has made it; otherwise a file's failure may have kept it from coming
      // into being.
      const bool absent = there.error().code == ErrorCode::kNotFound;
      if (!absent) return Fail(there.error());
      if (options_.dry_run) return {};
      TRY(destination().MakeDirectory({.key = AtDestination(from.key), .attributes = wanted},
                                      policy_.Context()));
      ++state_.directories_made;
      return {};
    }
    if (there->kind != NodeKind::kDirectory) {
      return Fail(ErrorCode::kNotDirectory, "at the destination '" + from.key.path + "' is a file");
    }
    if (HasAttributes(*there, wanted, rules_)) return {};
    return UpdateAttributes(from, *there);
  }

  const SyncOptions& options_;
  PassStop stop_;
  const CallPolicy policy_;
  const CompareRules rules_;
  SyncState state_;
  ByteBudget budget_;
  WorkPool parts_;
  Transfer transfer_;
  std::unique_ptr<Spool>
      later_;       // directories whose attributes are to be looked at when their files are done
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
