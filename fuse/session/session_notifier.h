// SessionNotifier: tells the kernel what to forget, from threads of its own. The kernel makes whoever
// tells it wait: for reads that are in flight (pages), for whatever changes the directory just then
// (entries). So no notice but that of attributes is sent from a request's thread, no request waits
// for one, and a notice about an inode never waits behind one about a name. Bounded: past kMaxQueued
// of a kind the oldest are dropped; the kernel then keeps what it has until its TTL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "core/mutex.h"
#include "fuse/vocabulary.h"

struct fuse_session;

namespace skybridge::fuse {

// What is still to be done, and the thread that does it in order. Safe from many threads.
class NoticeQueue {
 public:
  static constexpr std::size_t kMaxQueued = 65'536;

  NoticeQueue();
  // Drops what is queued and joins the thread.
  ~NoticeQueue();
  NoticeQueue(const NoticeQueue&) = delete;
  NoticeQueue& operator=(const NoticeQueue&) = delete;

  void Push(std::function<void()> notice);

 private:
  void Run();

  Mutex mutex_;  // guards what follows
  CondVar changed_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the rest
};

class SessionNotifier final : public KernelNotifier {
 public:
  // The session's requests must still be answered while the notifier is destroyed.
  explicit SessionNotifier(fuse_session* session) : session_(session) {}

  void ForgetAttributes(InodeNumber ino) override;
  void ForgetAttributesNow(InodeNumber ino) override;
  void ForgetPages(InodeNumber ino, std::function<void()> done) override;
  void ForgetEntry(InodeNumber parent, std::string_view name) override;

 private:
  fuse_session* const session_;
  NoticeQueue inodes_;
  NoticeQueue entries_;
};

}  // namespace skybridge::fuse
