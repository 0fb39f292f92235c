#include "fuse/session/session_notifier.h"

#include <utility>

#include <fuse3/fuse_lowlevel.h>

namespace skybridge::fuse {

SessionNotifier::SessionNotifier(fuse_session* session)
    : session_(session), thread_([this] { SendAll(); }) {}

SessionNotifier::~SessionNotifier() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    queue_.clear();
  }
  changed_.NotifyAll();
  thread_.join();
}

void SessionNotifier::ForgetAttributes(InodeNumber ino) {
  Push({.what = Notice::What::kAttributes, .ino = ino});
}
void SessionNotifier::ForgetPages(InodeNumber ino) {
  Push({.what = Notice::What::kPages, .ino = ino});
}
void SessionNotifier::ForgetEntry(InodeNumber parent, std::string_view name) {
  Push({.what = Notice::What::kEntry, .ino = parent, .name = std::string(name)});
}

void SessionNotifier::Push(Notice notice) {
  MutexLock lock(mutex_);
  if (stopping_ || (!queue_.empty() && queue_.back() == notice)) return;
  if (queue_.size() >= kMaxQueued) queue_.pop_front();
  queue_.push_back(std::move(notice));
  changed_.NotifyOne();
}

void SessionNotifier::SendAll() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (queue_.empty()) {
      changed_.Wait(mutex_);
      continue;
    }
    const Notice notice = std::move(queue_.front());
    queue_.pop_front();
    lock.Unlock();
    Send(notice);
    lock.Lock();
  }
}

// The answer says only whether the kernel knew it (-ENOENT): both are fine.
void SessionNotifier::Send(const Notice& notice) {
  const auto ino = ToInteger(notice.ino);
  switch (notice.what) {
    case Notice::What::kAttributes:
      fuse_lowlevel_notify_inval_inode(session_, ino, -1, 0);
      break;
    case Notice::What::kPages:
      fuse_lowlevel_notify_inval_inode(session_, ino, 0, 0);
      break;
    case Notice::What::kEntry:
      fuse_lowlevel_notify_inval_entry(session_, ino, notice.name.data(), notice.name.size());
      break;
  }
}

}  // namespace skybridge::fuse
