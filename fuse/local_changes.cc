#include "fuse/local_changes.h"

namespace skybridge::fuse {

std::uint64_t LocalChanges::Open() {
  MutexLock lock(mutex_);
  open_questions_.insert(now_);
  return now_;
}

void LocalChanges::Close(std::uint64_t asked_at) {
  MutexLock lock(mutex_);
  open_questions_.erase(open_questions_.find(asked_at));
  if (open_questions_.empty()) {
    changed_at_.clear();
    overflowed_ = false;
  }
}

void LocalChanges::Note(InodeNumber parent, std::string_view name) {
  MutexLock lock(mutex_);
  ++now_;
  if (open_questions_.empty() || overflowed_) return;
  changed_at_[{parent, std::string(name)}] = now_;
  if (changed_at_.size() > kMaxRemembered) {
    overflowed_ = true;
    changed_at_.clear();
  }
}

bool LocalChanges::ChangedSince(const Question& question, InodeNumber parent,
                                std::string_view name) const {
  MutexLock lock(mutex_);
  if (overflowed_) return true;
  const auto found = changed_at_.find({parent, std::string(name)});
  return found != changed_at_.end() && found->second > question.asked_at_;
}

}  // namespace skybridge::fuse
