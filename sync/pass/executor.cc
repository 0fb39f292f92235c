#include "sync/pass/executor.h"

#include <utility>

#include <fmt/format.h>

#include "sync/look.h"

namespace skybridge {
namespace {

bool IsAtOrBelow(const ObjectKey& key, const ObjectKey& directory) {
  return key == directory || key.path.starts_with(directory.path + "/");
}

}  // namespace

Executor::Executor(ExecutorOptions options, const ExecutorLinks& links)
    : options_(std::move(options)),
      policy_(links.policy),
      stop_(links.stop),
      state_(links.state),
      log_(links.log),
      rules_(CompareRules::For(options_.source.store.capabilities(),
                               options_.destination.store.capabilities())),
      roots_(options_.source, options_.destination, policy_),
      budget_(options_.memory_bytes),
      parts_(options_.part_jobs, options_.part_jobs),
      transfer_(options_.source.store, options_.destination.store, parts_, budget_,
                options_.transfer, policy_),
      directories_(options_.temp_directory) {}

void Executor::CarryOut(Decision decision) {
  if (stop_.requested()) return;
  switch (decision.step) {
    case Step::kLeave:
    case Step::kMakeDirectory:
      if (decision.kind == NodeKind::kDirectory) return TakeDirectory(std::move(decision));
      return Done(decision);
    case Step::kSetAttributes:
      if (decision.kind == NodeKind::kDirectory) return TakeDirectory(std::move(decision));
      return Settle(decision, SetAttributes(decision, *decision.destination));
    case Step::kCopy:
      return Copy(decision);
    case Step::kMakeWay:
      return MakeWay(decision);
    case Step::kRefuse:
      return Fails(decision.key, *decision.refusal);
    case Step::kVanished:
      return Done(decision);
  }
}

void Executor::Done(const Decision& decision, std::uint64_t bytes) {
  state_.Count(decision, bytes);
  log_.Tell(decision);
}

void Executor::Settle(const Decision& decision, Status outcome) {
  if (outcome) return Done(decision);
  Fails(decision.key, std::move(outcome).error());
}

void Executor::Fails(const ObjectKey& key, Error error) {
  // When the whole pass is stopped, its files did not fail one by one.
  if (stop_.requested() && error.code == ErrorCode::kCancelled) return;
  if (auto end = roots_.EndOfPass(error)) return stop_.End(*std::move(end));
  if (stop_.requested() && error.code == ErrorCode::kCancelled) return;
  state_.AddFailure(key.is_root() ? "." : key.path, std::move(error));
}

bool Executor::IsBlocked(const ObjectKey& key) {
  if (!blocked_ || !IsAtOrBelow(key, *blocked_)) return false;
  Fails(key, {.code = ErrorCode::kConflict,
              .message = fmt::format("the destination has '{}' as another kind, which could not be "
                                     "removed",
                                     blocked_->path)});
  return true;
}

void Executor::MakeWay(const Decision& decision) {
  const ObjectKey at = options_.destination.At(decision.key);
  Status removed;
  if (decision.kind == NodeKind::kDirectory) {
    removed = destination().RemoveDirectory(at, policy_.Context());
  } else {
    DeleteRequest request{.key = at, .if_match = {}};
    if (!decision.destination->etag.empty()) request.if_match = decision.destination->etag;
    removed = destination().Delete(request, policy_.Context());
  }
  if (!removed && removed.error().code == ErrorCode::kNotFound) removed = Status();
  if (!removed) blocked_ = decision.key;
  Settle(decision, std::move(removed));
}

// ---- Files and links ----

void Executor::Copy(const Decision& decision) {
  TransferRequest request{.source = options_.source.At(decision.key),
                          .destination = options_.destination.At(decision.key),
                          .info = *decision.source};
  if (!decision.destination) {
    request.conditions.must_not_exist = true;
  } else if (!decision.destination->etag.empty()) {
    request.conditions.if_match = decision.destination->etag;
  }
  Result<ObjectInfo> copied = transfer_.Copy(request);
  if (copied) return Done(decision, copied->size_bytes);
  CopyFailed(decision.key, std::move(copied).error());
}

void Executor::CopyFailed(const ObjectKey& key, Error error) {
  if (error.code != ErrorCode::kNotFound) return Fails(key, std::move(error));
  Status gone = CheckIsGone(options_.source, key, error, policy_);
  if (!gone) return Fails(key, std::move(gone).error());
  Done({.step = Step::kVanished, .key = key});
}

Status Executor::SetAttributes(const Decision& decision, const ObjectInfo& there) {
  SetAttributesRequest request{.key = options_.destination.At(decision.key),
                               .kind = decision.kind,
                               .attributes = *decision.source->attributes,
                               .if_match = {}};
  if (!there.etag.empty()) request.if_match = there.etag;
  if (decision.kind != NodeKind::kDirectory) request.size_bytes = there.size_bytes;
  request.set_tier = true;
  // A source that has no content headers says nothing about them.
  if (!rules_.keep_content_headers && there.attributes)
    request.attributes.content = there.attributes->content;
  TRY(destination().SetAttributes(request, policy_.Context()));
  return {};
}

// ---- Directories ----

// One without children is made with its attributes; the others wait for their children.
void Executor::TakeDirectory(Decision decision) {
  if (decision.step == Step::kMakeDirectory && !decision.has_children) {
    Status made = MakeDirectory(decision);
    const bool taken = !made && made.error().code == ErrorCode::kAlreadyExists;
    if (!taken) return Settle(decision, std::move(made));
  }
  const bool may_move = destination().capabilities().directory_times_move &&
                        decision.reason != Reason::kOnlyAtDestination;
  if (decision.step == Step::kLeave && !may_move) return Done(decision);
  if (Status kept = directories_.Keep(decision); !kept) Fails(decision.key, kept.error());
}

Status Executor::MakeDirectory(const Decision& decision) {
  // The planner saw no directory of this name; a flat store may have a file beside it.
  TRY(destination().MakeDirectory({.key = options_.destination.At(decision.key),
                                   .attributes = *decision.source->attributes,
                                   .nothing_there = !destination().capabilities().real_directories},
                                  policy_.Context()));
  return {};
}

Status Executor::Finish(WorkPool& pool) {
  return directories_.Finish(pool, [this](Decision decision) {
    if (stop_.requested()) return;
    Status done = FinishDirectory(decision);
    Settle(decision, std::move(done));
  });
}

Status Executor::FinishDirectory(Decision& decision) {
  const auto there = LookAt(options_.destination, decision.key, NodeKind::kDirectory, policy_);
  if (!there && there.error().code != ErrorCode::kNotFound) return Fail(there.error());
  const bool other_kind = there && there->kind != NodeKind::kDirectory;
  // A file's failure may have kept the directory from coming into being.
  if (!there || (other_kind && !destination().capabilities().real_directories))
    return MakeDirectory(decision);
  if (other_kind) return Fail(ErrorCode::kNotDirectory, "the destination has a file of this name");
  if (HasAttributes(*there, *decision.source->attributes, rules_)) return {};
  return SetAttributes(decision, *there);
}

}  // namespace skybridge
