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
    in_order_.clear();
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
  if (open_questions_.empty()) return;
  const auto [known, is_new] = changed_at_.try_emplace(place, now_);
  if (!is_new) in_order_.erase(std::exchange(known->second, now_));
  in_order_.emplace(now_, place);
  if (changed_at_.size() > kMaxRemembered) ForgetOldest();
}

void LocalChanges::ForgetOldest() {
  const auto oldest = in_order_.begin();
  forgotten_until_ = oldest->first;
  changed_at_.erase(oldest->second);
  in_order_.erase(oldest);
}

bool LocalChanges::Remembers(const Question& question) const {
  MutexLock lock(mutex_);
  return question.asked_at_ >= forgotten_until_;
}

bool LocalChanges::ChangedSince(const Question& question, InodeNumber parent,
                                std::string_view name) const {
  MutexLock lock(mutex_);
  const Place place{parent, std::string(name)};
  if (changing_.contains(place)) return true;
  const auto found = changed_at_.find(place);
  return found != changed_at_.end() && found->second > question.asked_at_;
}

}  // namespace skybridge::fuse
