#include "fuse/names/kernel_view.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "fuse/inode_record.h"

namespace skybridge::fuse {
namespace {

constexpr std::uint64_t kFirstHash = 2;

void Mix(std::uint64_t& hash, std::uint64_t value) {
  constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
  hash ^= value + kGolden + (hash << 6) + (hash >> 2);
}

}  // namespace

std::uint64_t KernelView::HashOfVersion(std::string_view etag) {
  return std::max<std::uint64_t>(kFirstHash, std::hash<std::string_view>{}(etag));
}

std::uint64_t KernelView::HashOfAttributes(const cache::InodeRecord& record) {
  std::uint64_t hash = HashOfVersion(record.etag);
  Mix(hash, static_cast<std::uint64_t>(record.kind));
  Mix(hash, record.size_bytes);
  Mix(hash, record.mode.value_or(0));
  Mix(hash, record.uid.value_or(0));
  Mix(hash, record.gid.value_or(0));
  Mix(hash, static_cast<std::uint64_t>(ShownMtime(record).time_since_epoch().count()));
  return std::max(kFirstHash, hash);
}

KernelView::Known* KernelView::FindLocked(InodeNumber ino) {
  const auto found = known_.find(ToInteger(ino));
  return found == known_.end() ? nullptr : &found->second;
}

void KernelView::AddLookup(InodeNumber ino) {
  MutexLock lock(mutex_);
  ++known_[ToInteger(ino)].lookups;
}

void KernelView::Forget(InodeNumber ino, std::uint64_t count) {
  MutexLock lock(mutex_);
  const auto found = known_.find(ToInteger(ino));
  if (found == known_.end()) return;
  if (found->second.lookups > count) {
    found->second.lookups -= count;
  } else {
    known_.erase(found);
    removed_.erase(ToInteger(ino));
  }
}

void KernelView::NoteRemoved(const cache::InodeRecord& directory) {
  MutexLock lock(mutex_);
  if (FindLocked(directory.ino) != nullptr)
    removed_.insert_or_assign(ToInteger(directory.ino), directory);
}

std::optional<cache::InodeRecord> KernelView::FindRemoved(InodeNumber ino) const {
  MutexLock lock(mutex_);
  const auto found = removed_.find(ToInteger(ino));
  if (found == removed_.end()) return std::nullopt;
  return found->second;
}

std::uint64_t KernelView::lookup_count(InodeNumber ino) const {
  MutexLock lock(mutex_);
  const auto found = known_.find(ToInteger(ino));
  return found == known_.end() ? 0 : found->second.lookups;
}

void KernelView::NoteReply(const cache::InodeRecord& record) {
  MutexLock lock(mutex_);
  Known* const known = FindLocked(record.ino);
  if (known == nullptr) return;
  const std::uint64_t attributes = HashOfAttributes(record);
  const bool first = known->attributes == kNothing || known->attributes == attributes;
  known->attributes = first ? attributes : kSeveral;
}

void KernelView::Learned(const cache::InodeRecord& record) {
  bool attributes_are_old = false;
  bool pages_are_old = false;
  const std::uint64_t version = HashOfVersion(record.etag);
  {
    MutexLock lock(mutex_);
    const Known* const known = FindLocked(record.ino);
    if (known == nullptr) return;
    attributes_are_old =
        known->attributes != kNothing && known->attributes != HashOfAttributes(record);
    pages_are_old = known->pages != kNothing && known->pages != version;
  }
  KernelNotifier* const notifier = notifier_;
  if (attributes_are_old && notifier != nullptr) notifier->ForgetAttributes(record.ino);
  if (pages_are_old) DropPages(record.ino, version);
}

void KernelView::LostName(InodeNumber before, InodeNumber parent, std::string_view name) {
  if (lookup_count(before) > 0) LostName(parent, name);
}

void KernelView::LostName(InodeNumber parent, std::string_view name) {
  if (KernelNotifier* const notifier = notifier_) notifier->ForgetEntry(parent, name);
}

void KernelView::ForgetAttributes(InodeNumber ino) {
  if (lookup_count(ino) == 0) return;
  if (KernelNotifier* const notifier = notifier_) notifier->ForgetAttributes(ino);
}

void KernelView::ForgetContent(InodeNumber ino) {
  ForgetAttributes(ino);
  DropPages(ino, kSeveral);
}

bool KernelView::BeforeOpen(const cache::InodeRecord& record) {
  const std::uint64_t version = HashOfVersion(record.etag);
  bool attributes_are_old = false;
  bool keep_pages = false;
  bool pages_are_old = false;
  {
    MutexLock lock(mutex_);
    Known* const known = FindLocked(record.ino);
    if (known == nullptr) return false;
    attributes_are_old =
        known->attributes != kNothing && known->attributes != HashOfAttributes(record);
    // A reply that is still on its way began before the kernel forgets, and it ignores that one.
    if (attributes_are_old) known->attributes = kNothing;
    const bool none = known->pages == kNothing && known->dropping == kNothing;
    keep_pages = known->pages == version && known->dropping == kNothing;
    pages_are_old = !none && !keep_pages;
    if (none) known->pages = version;
  }
  KernelNotifier* const notifier = notifier_;
  if (attributes_are_old && notifier != nullptr) notifier->ForgetAttributesNow(record.ino);
  if (pages_are_old) DropPages(record.ino, version);
  return keep_pages;
}

void KernelView::DropPages(InodeNumber ino, std::uint64_t wanted) {
  {
    MutexLock lock(mutex_);
    Known* const known = FindLocked(ino);
    if (known == nullptr) return;
    known->dropping = wanted;
  }
  if (KernelNotifier* const notifier = notifier_)
    notifier->ForgetPages(ino, [this, ino, wanted] { PagesDropped(ino, wanted); });
}

// Another drop that was asked for later has its own turn.
void KernelView::PagesDropped(InodeNumber ino, std::uint64_t wanted) {
  MutexLock lock(mutex_);
  Known* const known = FindLocked(ino);
  if (known == nullptr || known->dropping != wanted) return;
  known->pages = wanted == kSeveral ? kNothing : wanted;
  known->dropping = kNothing;
}

void KernelView::SetPages(InodeNumber ino, std::string_view etag) {
  MutexLock lock(mutex_);
  if (Known* const known = FindLocked(ino)) known->pages = HashOfVersion(etag);
}

void KernelView::RenamePages(InodeNumber ino, std::string_view before, std::string_view after) {
  MutexLock lock(mutex_);
  Known* const known = FindLocked(ino);
  if (known != nullptr && known->pages == HashOfVersion(before))
    known->pages = HashOfVersion(after);
}

}  // namespace skybridge::fuse
