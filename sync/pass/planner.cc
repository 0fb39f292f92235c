#include "sync/pass/planner.h"

#include <utility>

#include <fmt/format.h>

#include "backends/key_check.h"
#include "sync/kept_attributes.h"
#include "sync/look.h"

namespace skybridge {
namespace {

bool IsBelow(const ObjectKey& key, const ObjectKey& directory) {
  return key.path.size() > directory.path.size() && key.path.starts_with(directory.path) &&
         key.path[directory.path.size()] == '/';
}

Decision Make(Step step, Reason reason, Pair& pair) {
  return {.step = step,
          .reason = reason,
          .key = pair.any().key,
          .kind = pair.any().kind,
          .source = std::move(pair.source),
          .destination = std::move(pair.destination),
          .has_children = pair.has_children};
}

Decision Refusal(const ObjectKey& key, NodeKind kind, Error error) {
  return {.step = Step::kRefuse, .key = key, .kind = kind, .refusal = std::move(error)};
}

Reason WhyCopied(const Pair& pair) {
  if (!pair.destination) return Reason::kNew;
  if (pair.source->kind != pair.destination->kind) return Reason::kOtherKind;
  return pair.source->size_bytes != pair.destination->size_bytes ? Reason::kOtherSize
                                                                 : Reason::kOtherContent;
}

}  // namespace

Planner::Planner(PlannerOptions options, const CallPolicy& policy)
    : options_(std::move(options)),
      policy_(policy),
      rules_(CompareRules::For(options_.source.store.capabilities(),
                               options_.destination.store.capabilities())),
      source_listing_(options_.source.store,
                      {.root = options_.source.root, .temp_directory = options_.temp_directory},
                      policy),
      destination_listing_(options_.destination.store,
                           {.root = options_.destination.root,
                            .missing_root_is_empty = true,
                            .temp_directory = options_.temp_directory},
                           policy),
      pairing_(source_listing_, destination_listing_),
      pairs_(pairing_) {}

Result<std::optional<Planned>> Planner::Next() {
  if (!std::exchange(started_, true)) {
    // Asked before anything is written below the destination's root, which makes it.
    if (auto root = QuestionOfRoot()) ready_.emplace_back(Answer(*std::move(root)));
  }
  while (ready_.empty()) {
    std::optional<Pair> pair = TRY(pairs_.Next());
    if (!pair) return std::optional<Planned>();
    Take(*std::move(pair));
  }
  std::optional<Planned> next = std::move(ready_.front());
  ready_.pop_front();
  return next;
}

// The roots are in no listing.
std::optional<Question> Planner::QuestionOfRoot() const {
  const SyncSide& to = options_.destination;
  if (to.root.is_root() && !to.store.capabilities().root_keeps_attributes) return std::nullopt;
  return Question{{.source = ObjectInfo{.key = ObjectKey(), .kind = NodeKind::kDirectory},
                   .destination = ObjectInfo{.key = ObjectKey(), .kind = NodeKind::kDirectory}}};
}

void Planner::Take(Pair pair) {
  const ObjectKey& key = pair.any().key;
  if (skipped_ && IsBelow(key, *skipped_)) return;
  if (IsUnlisted(pair)) return;
  if (!pair.source) return TakeOnlyAtDestination(std::move(pair));
  const ObjectKey at = options_.destination.At(key);
  if (Status legal = CheckKey(at, options_.destination.store.capabilities()); !legal)
    return Refuse(pair, std::move(legal).error());
  if (pair.source->kind == NodeKind::kDirectory) return TakeDirectory(std::move(pair));
  TakeFile(std::move(pair));
}

// Of a directory that one side could not list, nothing below is decided.
bool Planner::IsUnlisted(const Pair& pair) {
  if (pair.any().kind != NodeKind::kDirectory) return false;
  const ObjectKey& key = pair.any().key;
  const Error* error = source_listing_.Unlisted(key);
  const bool concerns_source = pair.source || pair.other_side_implies_it;
  if (error == nullptr && concerns_source) error = destination_listing_.Unlisted(key);
  if (error == nullptr) return false;
  skipped_ = key;
  Refuse(pair, *error);
  return true;
}

void Planner::Refuse(const Pair& pair, Error error) {
  ready_.emplace_back(Refusal(pair.any().key, pair.any().kind, std::move(error)));
}

void Planner::MakeWay(const Pair& pair, NodeKind kind) {
  Decision decision{
      .step = Step::kMakeWay, .reason = Reason::kOtherKind, .key = pair.any().key, .kind = kind};
  if (kind == NodeKind::kDirectory) {
    way_made_ = decision.key;
  } else {
    decision.destination = pair.destination;
  }
  ready_.emplace_back(std::move(decision));
}

void Planner::TakeOnlyAtDestination(Pair pair) {
  const bool is_directory = pair.destination->kind == NodeKind::kDirectory;
  if (is_directory && (pair.other_side_implies_it || way_made_ == pair.destination->key)) return;
  const bool in_the_way = pair.beside_source != Beside::kNothing;
  if (!is_directory && in_the_way && pair.beside_destination == Beside::kNothing)
    return MakeWay(pair, pair.destination->kind);
  ready_.emplace_back(Make(Step::kLeave, Reason::kOnlyAtDestination, pair));
}

void Planner::TakeDirectory(Pair pair) {
  if (auto decision = DecideDirectory(pair)) {
    ready_.emplace_back(*std::move(decision));
  } else {
    ready_.emplace_back(Question{std::move(pair)});
  }
}

void Planner::TakeFile(Pair pair) {
  if (Clashes(pair)) return;
  if (auto decision = DecideFile(pair)) {
    ready_.emplace_back(*std::move(decision));
  } else {
    ready_.emplace_back(Question{std::move(pair)});
  }
}

// A name is a file or a directory, and the source's kind wins; but only an empty directory makes
// way for a file, since nothing else is deleted that only the destination has. True: the file is
// not copied.
bool Planner::Clashes(Pair& pair) {
  const Capabilities& to = options_.destination.store.capabilities();
  if (pair.beside_source != Beside::kNothing) {
    if (!to.real_directories) return false;  // can hold both, as the source does
    if (pair.destination) MakeWay(pair, pair.destination->kind);
    Refuse(pair, {.code = ErrorCode::kIsDirectory,
                  .message = fmt::format("the source has a file and a directory of this name; {} "
                                         "can hold only one of them, the directory",
                                         to.name)});
    return true;
  }
  if (pair.destination || pair.beside_destination == Beside::kNothing) return false;
  if (pair.beside_destination == Beside::kEmptyDirectory) {
    MakeWay(pair, NodeKind::kDirectory);
    return false;
  }
  Refuse(pair, {.code = ErrorCode::kNotEmpty,
                .message = "the destination has a directory of this name that is not empty; remove "
                           "it, nothing is deleted here"});
  return true;
}

// ---- One path ----

void Planner::Prepare(ObjectInfo& source) const {
  Attributes wanted = WantedAttributes(source);
  const LeftOut out = LeaveOut(wanted, source.kind, options_.destination.store.capabilities());
  owners_left_out_ += out.owner ? 1 : 0;
  xattrs_left_out_ += out.xattrs ? 1 : 0;
  source.attributes = std::move(wanted);
}

std::optional<Decision> Planner::DecideFile(Pair& pair) const {
  if (!pair.source->attributes) return std::nullopt;
  // A different size is decided without asking more of the destination.
  const bool same_size =
      pair.destination && pair.destination->size_bytes == pair.source->size_bytes;
  if (same_size && !pair.destination->attributes) return std::nullopt;
  Prepare(*pair.source);
  switch (Decide(*pair.source, pair.destination, rules_)) {
    case Action::kNone:
      return Make(Step::kLeave, Reason::kEqual, pair);
    case Action::kUpdateAttributes:
      return Make(Step::kSetAttributes, Reason::kOtherAttributes, pair);
    case Action::kCopy:
      break;
  }
  return Make(Step::kCopy, WhyCopied(pair), pair);
}

std::optional<Decision> Planner::DecideDirectory(Pair& pair) const {
  if (!pair.source->attributes) return std::nullopt;
  const bool listed = pair.destination.has_value();
  Attributes wanted = WantedAttributes(*pair.source);
  LeaveOut(wanted, NodeKind::kDirectory, options_.destination.store.capabilities());
  const bool wants_nothing = wanted == Attributes{};
  if (listed && !pair.destination->attributes && !wants_nothing) return std::nullopt;
  Prepare(*pair.source);
  if (!listed && !pair.other_side_implies_it) {
    // On a flat store it comes into being with its files.
    const bool is_a_prefix = !options_.destination.store.capabilities().real_directories &&
                             pair.has_children && wants_nothing;
    return Make(is_a_prefix ? Step::kLeave : Step::kMakeDirectory, Reason::kNew, pair);
  }
  const bool equal = wants_nothing ||
                     (listed && HasAttributes(*pair.destination, *pair.source->attributes, rules_));
  if (equal) return Make(Step::kLeave, Reason::kEqual, pair);
  return Make(Step::kSetAttributes, Reason::kOtherAttributes, pair);
}

Decision Planner::Answer(Question question) const {
  Pair& pair = question.pair;
  const ObjectKey key = pair.source->key;
  const NodeKind kind = pair.source->kind;
  Result<Decision> decision = kind == NodeKind::kDirectory ? AskDirectory(pair) : AskFile(pair);
  if (!decision) return Refusal(key, kind, std::move(decision).error());
  return *std::move(decision);
}

Result<Decision> Planner::AskFile(Pair& pair) const {
  const ObjectKey key = pair.source->key;
  const Status known = Complete(*pair.source, options_.source, policy_);
  if (!known) {
    if (known.error().code != ErrorCode::kNotFound) return Fail(known.error());
    TRY_VOID(CheckIsGone(options_.source, key, known.error(), policy_));
    return Decision{.step = Step::kVanished, .key = key};
  }
  if (pair.source->kind == NodeKind::kDirectory)
    return Fail(ErrorCode::kIsDirectory, "it became a directory since it was listed");
  if (pair.destination && pair.destination->size_bytes == pair.source->size_bytes) {
    Status there = Complete(*pair.destination, options_.destination, policy_);
    if (!there && there.error().code != ErrorCode::kNotFound) return Fail(there.error());
    if (!there) pair.destination.reset();
  }
  return DecideFile(pair).value();
}

Result<Decision> Planner::AskDirectory(Pair& pair) const {
  const bool is_root = pair.source->key.is_root();
  const Status known = Complete(*pair.source, options_.source, policy_);
  const bool other_kind = known && pair.source->kind != NodeKind::kDirectory;
  if (other_kind || (!known && known.error().code == ErrorCode::kNotFound)) {
    // A root without a node of its own is a prefix, and has no attributes.
    return Decision{.step = is_root ? Step::kLeave : Step::kVanished,
                    .key = pair.any().key,
                    .kind = NodeKind::kDirectory};
  }
  TRY_VOID(known);
  if (pair.destination && !pair.destination->attributes) {
    Status there = Complete(*pair.destination, options_.destination, policy_);
    if (!there && there.error().code != ErrorCode::kNotFound) return Fail(there.error());
    if (!there || (is_root && options_.destination_is_new)) pair.destination.reset();
  }
  if (pair.destination && pair.destination->kind != NodeKind::kDirectory) {
    if (options_.destination.store.capabilities().real_directories)
      return Fail(ErrorCode::kNotDirectory, "the destination has a file of this name");
    pair.destination.reset();
  }
  if (is_root) pair.has_children = true;
  return DecideDirectory(pair).value();
}

}  // namespace skybridge
