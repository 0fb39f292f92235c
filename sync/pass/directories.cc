#include "sync/pass/directories.h"

#include <utility>

namespace skybridge {
namespace {

// The only one that a directory is kept for with this step.
Reason ReasonOf(Step step) {
  if (step == Step::kMakeDirectory) return Reason::kNew;
  return step == Step::kSetAttributes ? Reason::kOtherAttributes : Reason::kEqual;
}

}  // namespace

std::unique_ptr<Spool>& Directories::SpoolOf(Step step) {
  if (step == Step::kMakeDirectory) return made_;
  return step == Step::kSetAttributes ? changed_ : left_;
}

Status Directories::Keep(const Decision& decision) {
  MutexLock lock(mutex_);
  std::unique_ptr<Spool>& spool = SpoolOf(decision.step);
  if (!spool) spool = TRY(Spool::Create(temp_directory_));
  return spool->Append(*decision.source);
}

Status Directories::Finish(WorkPool& pool, const std::function<void(Decision)>& finish) {
  for (const Step step : {Step::kMakeDirectory, Step::kSetAttributes, Step::kLeave}) {
    std::unique_ptr<Spool> spool;
    {
      MutexLock lock(mutex_);
      spool = std::move(SpoolOf(step));
    }
    if (!spool) continue;
    SpoolReader reader(*spool, 0, TRY(spool->Flush()));
    while (auto info = TRY(reader.Next())) {
      Decision decision{
          .step = step, .reason = ReasonOf(step), .key = info->key, .kind = NodeKind::kDirectory};
      decision.source = std::move(info);
      pool.Submit([&finish, one = std::move(decision)]() mutable { finish(std::move(one)); });
    }
    pool.Drain();
  }
  return {};
}

}  // namespace skybridge
