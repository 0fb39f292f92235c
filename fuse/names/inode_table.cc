#include "fuse/names/inode_table.h"

namespace skybridge::fuse {
std::shared_ptr<OpenFile> InodeTable::Open(InodeNumber ino,
                                           const std::function<std::shared_ptr<OpenFile>()>& make) {
  MutexLock lock(mutex_);
  const auto found = open_.find(ToInteger(ino));
  if (found != open_.end()) {
    ++found->second.users;
    return found->second.file;
  }
  std::shared_ptr<OpenFile> file = make();
  if (file) open_.emplace(ToInteger(ino), Opened{.file = file, .users = 1});
  return file;
}

void InodeTable::Close(InodeNumber ino) {
  std::shared_ptr<OpenFile> last;  // destroyed after the lock is free: it may abort an upload
  MutexLock lock(mutex_);
  const auto found = open_.find(ToInteger(ino));
  if (found == open_.end() || --found->second.users > 0) return;
  ++closed_files_;
  last = std::move(found->second.file);
  open_.erase(found);
  lock.Unlock();
  last.reset();
  lock.Lock();
}

std::shared_ptr<OpenFile> InodeTable::FindOpen(InodeNumber ino) const {
  MutexLock lock(mutex_);
  const auto found = open_.find(ToInteger(ino));
  return found == open_.end() ? nullptr : found->second.file;
}

std::vector<std::shared_ptr<OpenFile>> InodeTable::AllOpen() const {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<OpenFile>> files;
  files.reserve(open_.size());
  for (const auto& [ino, opened] : open_) files.push_back(opened.file);
  return files;
}

void InodeTable::AddUnpublished(InodeNumber parent, std::string_view name,
                                std::shared_ptr<OpenFile> file) {
  MutexLock lock(mutex_);
  unpublished_[{parent, std::string(name)}] = std::move(file);
}

void InodeTable::RemoveUnpublished(InodeNumber parent, std::string_view name) {
  MutexLock lock(mutex_);
  unpublished_.erase({parent, std::string(name)});
}

std::shared_ptr<OpenFile> InodeTable::FindUnpublished(InodeNumber parent,
                                                      std::string_view name) const {
  MutexLock lock(mutex_);
  if (unpublished_.empty()) return nullptr;
  const auto found = unpublished_.find({parent, std::string(name)});
  return found == unpublished_.end() ? nullptr : found->second;
}

std::vector<std::pair<std::string, std::shared_ptr<OpenFile>>> InodeTable::UnpublishedIn(
    InodeNumber parent) const {
  MutexLock lock(mutex_);
  std::vector<std::pair<std::string, std::shared_ptr<OpenFile>>> files;
  for (auto it = unpublished_.lower_bound({parent, ""});
       it != unpublished_.end() && it->first.first == parent; ++it) {
    files.emplace_back(it->first.second, it->second);
  }
  return files;
}

std::size_t InodeTable::unpublished_count() const {
  MutexLock lock(mutex_);
  return unpublished_.size();
}

}  // namespace skybridge::fuse
