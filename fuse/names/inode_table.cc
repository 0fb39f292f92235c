#include "fuse/names/inode_table.h"

#include <algorithm>

namespace skybridge::fuse {
namespace {

// 64 bits instead of the ETag: a million known inodes must stay small. Never 0.
std::uint64_t VersionHash(std::string_view etag) {
  return std::max<std::uint64_t>(1, std::hash<std::string_view>{}(etag));
}

}  // namespace

void InodeTable::AddLookup(InodeNumber ino) {
  MutexLock lock(mutex_);
  ++known_[ToInteger(ino)].lookups;
}

void InodeTable::Forget(InodeNumber ino, std::uint64_t count) {
  MutexLock lock(mutex_);
  const auto found = known_.find(ToInteger(ino));
  if (found == known_.end()) return;
  if (found->second.lookups > count) {
    found->second.lookups -= count;
  } else {
    known_.erase(found);
  }
}

std::uint64_t InodeTable::lookup_count(InodeNumber ino) const {
  MutexLock lock(mutex_);
  const auto found = known_.find(ToInteger(ino));
  return found == known_.end() ? 0 : found->second.lookups;
}

bool InodeTable::SetPageVersion(InodeNumber ino, std::string_view etag) {
  MutexLock lock(mutex_);
  const auto found = known_.find(ToInteger(ino));
  if (found == known_.end()) return false;  // the kernel does not know it: it has no pages either
  return std::exchange(found->second.page_version, VersionHash(etag)) == VersionHash(etag);
}

void InodeTable::RenamePageVersion(InodeNumber ino, std::string_view before,
                                   std::string_view after) {
  MutexLock lock(mutex_);
  const auto found = known_.find(ToInteger(ino));
  if (found == known_.end() || found->second.page_version != VersionHash(before)) return;
  found->second.page_version = VersionHash(after);
}

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
