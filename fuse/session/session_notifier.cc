#include "fuse/session/session_notifier.h"

#include <utility>

#include <fuse3/fuse_lowlevel.h>

namespace skybridge::fuse {
namespace {

// Of notify_inval_inode (libfuse, fuse_lowlevel.h): a negative offset means attributes alone, which
// takes no lock in the kernel; 0 with length 0 means all pages too.
constexpr off_t kAttributesAlone = -1;
constexpr off_t kFromTheStart = 0;
constexpr off_t kToTheEnd = 0;

}  // namespace

NoticeQueue::NoticeQueue() : thread_([this] { Run(); }) {}

NoticeQueue::~NoticeQueue() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    queue_.clear();
  }
  changed_.NotifyAll();
  thread_.join();
}

void NoticeQueue::Push(std::function<void()> notice) {
  MutexLock lock(mutex_);
  if (stopping_) return;
  if (queue_.size() >= kMaxQueued) queue_.pop_front();
  queue_.push_back(std::move(notice));
  changed_.NotifyOne();
}

void NoticeQueue::Run() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (queue_.empty()) {
      changed_.Wait(mutex_);
      continue;
    }
    const std::function<void()> notice = std::move(queue_.front());
    queue_.pop_front();
    lock.Unlock();
    notice();
    lock.Lock();
  }
}

// The kernel's answers say only whether it knew the inode or the name: both are fine.

void SessionNotifier::ForgetAttributesNow(InodeNumber ino) {
  fuse_lowlevel_notify_inval_inode(session_, ToInteger(ino), kAttributesAlone, 0);
}

void SessionNotifier::ForgetAttributes(InodeNumber ino) {
  inodes_.Push([this, ino] { ForgetAttributesNow(ino); });
}

void SessionNotifier::ForgetPages(InodeNumber ino, std::function<void()> done) {
  inodes_.Push([this, ino, done = std::move(done)] {
    fuse_lowlevel_notify_inval_inode(session_, ToInteger(ino), kFromTheStart, kToTheEnd);
    done();
  });
}

void SessionNotifier::ForgetEntry(InodeNumber parent, std::string_view name) {
  entries_.Push([this, parent, name = std::string(name)] {
    fuse_lowlevel_notify_inval_entry(session_, ToInteger(parent), name.data(), name.size());
  });
}

}  // namespace skybridge::fuse
