// What libfuse's callbacks get as user data: everything one session shares between its threads.
#pragma once

#include <chrono>
#include <set>
#include <stop_token>

#include "core/clock.h"
#include "core/mutex.h"
#include "fuse/filesystem/filesystem.h"
#include "fuse/session/buffer_pool.h"
#include "fuse/session/proc_descriptors.h"
#include "fuse/session/session_channel.h"

namespace skybridge::fuse {

// The stop sources of calls at work, so that a stopping session need not wait for their deadlines.
// Safe from many threads.
class CallsAtWork {
 public:
  void Add(std::stop_source* call);
  void Remove(std::stop_source* call);
  // Stops all calls, and each that comes later.
  void StopAll();

 private:
  Mutex mutex_;
  std::set<std::stop_source*> calls_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = false;
};

// When the request came that this thread works on: its deadline runs from then on, also while it
// waited in a queue. libfuse hands nothing through to its callbacks but the session's user data, so
// this belongs to the thread.
class ArrivalScope {
 public:
  explicit ArrivalScope(MonotonicTime arrived);
  ~ArrivalScope();
  ArrivalScope(const ArrivalScope&) = delete;
  ArrivalScope& operator=(const ArrivalScope&) = delete;
  static MonotonicTime Current();
};

inline constexpr std::size_t kMaxWriteBytes = 1 << 20;  // libfuse 3.14's buffers take no more
inline constexpr std::size_t kMaxReadBytes = 1 << 20;   // follows from max_write: as many pages

struct SessionContext {
  SessionContext(Filesystem& fs, std::string mount_point, std::uint32_t max_threads,
                 std::function<void()> on_ready)
      : filesystem(fs),
        descriptors(std::move(mount_point)),
        channel(std::move(on_ready)),
        buffers(kMaxReadBytes, max_threads) {}

  Filesystem& filesystem;
  const ProcDescriptors descriptors;
  SessionChannel channel;
  BufferPool buffers;
  CallsAtWork calls;
};

}  // namespace skybridge::fuse
