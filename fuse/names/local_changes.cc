#include "fuse/names/local_changes.h"

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

void LocalChanges::Begin(const Place& place) {
  MutexLock lock(mutex_);
  changing_.insert(place);
}

void LocalChanges::End(const Place& place) {
  MutexLock lock(mutex_);
  changing_.erase(changing_.find(place));
  NoteLocked(place);
}

void LocalChanges::Note(InodeNumber parent, std::string_view name) {
  MutexLock lock(mutex_);
  NoteLocked({parent, std::string(name)});
}

void LocalChanges::NoteLocked(const Place& place) {
  ++now_;
  if (open_questions_.empty() || overflowed_) return;
  changed_at_[place] = now_;
  if (changed_at_.size() > kMaxRemembered) {
    overflowed_ = true;
    changed_at_.clear();
  }
}

bool LocalChanges::ChangedSince(const Question& question, InodeNumber parent,
                                std::string_view name) const {
  MutexLock lock(mutex_);
  if (overflowed_) return true;
  const Place place{parent, std::string(name)};
  if (changing_.contains(place)) return true;
  const auto found = changed_at_.find(place);
  return found != changed_at_.end() && found->second > question.asked_at_;
}

}  // namespace skybridge::fuse
