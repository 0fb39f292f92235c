// SessionNotifier: tells the kernel what to forget, from one thread of its own. A notification can
// wait for a request that is in flight (folio locks, the directory's inode lock), so none is ever
// sent from a request's thread, and no request waits for one. Bounded: past kMaxQueued the oldest
// are dropped; the kernel then keeps them until their TTL.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <thread>

#include "core/mutex.h"
#include "fuse/vocabulary.h"

struct fuse_session;

namespace skybridge::fuse {

class SessionNotifier final : public KernelNotifier {
 public:
  static constexpr std::size_t kMaxQueued = 65'536;

  explicit SessionNotifier(fuse_session* session);
  // Drops what is queued and joins the thread. The session's requests must still be answered while
  // it runs.
  ~SessionNotifier() override;

  void ForgetAttributes(InodeNumber ino) override;
  void ForgetPages(InodeNumber ino) override;
  void ForgetEntry(InodeNumber parent, std::string_view name) override;

 private:
  struct Notice {
    enum class What { kAttributes, kPages, kEntry } what = What::kAttributes;
    InodeNumber ino = InodeNumber::kNone;
    std::string name = {};
    bool operator==(const Notice&) const = default;
  };
  void Push(Notice notice);
  void SendAll();
  void Send(const Notice& notice);

  fuse_session* const session_;
  Mutex mutex_;  // guards what follows
  CondVar changed_;
  std::deque<Notice> queue_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace skybridge::fuse
