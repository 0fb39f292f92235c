// Mutex, MutexLock, SharedMutex and CondVar that clang's thread-safety analysis can see (libstdc++'s own are
// invisible to it).
//
//   mutable Mutex mutex_;                                 // guards what follows
//   std::map<Key, Entry> entries_ GUARDED_BY(mutex_);
//   void EvictOldest() REQUIRES(mutex_);
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <stop_token>

#if defined(__clang__)
#define SKYBRIDGE_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define SKYBRIDGE_THREAD_ATTRIBUTE(x)
#endif
#define CAPABILITY(x) SKYBRIDGE_THREAD_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY SKYBRIDGE_THREAD_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) SKYBRIDGE_THREAD_ATTRIBUTE(guarded_by(x))
#define PT_GUARDED_BY(x) SKYBRIDGE_THREAD_ATTRIBUTE(pt_guarded_by(x))
#define REQUIRES(...) SKYBRIDGE_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) SKYBRIDGE_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define ACQUIRE(...) SKYBRIDGE_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) SKYBRIDGE_THREAD_ATTRIBUTE(acquire_shared_capability(__VA_ARGS__))
#define RELEASE_SHARED(...) SKYBRIDGE_THREAD_ATTRIBUTE(release_shared_capability(__VA_ARGS__))
#define RELEASE(...) SKYBRIDGE_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) SKYBRIDGE_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define EXCLUDES(...) SKYBRIDGE_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS SKYBRIDGE_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace skybridge {

class CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }
  bool try_lock() TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

// Holds a Mutex for a scope; Unlock and Lock open it for a wait in between.
class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void Unlock() RELEASE() {
    mutex_.unlock();
    held_ = false;
  }
  void Lock() ACQUIRE() {
    mutex_.lock();
    held_ = true;
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

// Many readers or one writer.
class CAPABILITY("mutex") SharedMutex {
 public:
  SharedMutex() = default;
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }
  void lock_shared() ACQUIRE_SHARED() { mutex_.lock_shared(); }
  void unlock_shared() RELEASE_SHARED() { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

// Holds a SharedMutex for a scope, with other readers.
class SCOPED_CAPABILITY ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex) ACQUIRE_SHARED(mutex) : mutex_(mutex) {
    mutex_.lock_shared();
  }
  ~ReaderLock() RELEASE() { mutex_.unlock_shared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mutex_;
};

// Holds a SharedMutex for a scope, alone.
class SCOPED_CAPABILITY WriterLock {
 public:
  explicit WriterLock(SharedMutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~WriterLock() RELEASE() { mutex_.unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex& mutex_;
};

// Waits are loops at the caller: `while (!ready_) changed_.Wait(mutex_);` so that the analysis sees
// the guarded reads.
class CondVar {
 public:
  void Wait(Mutex& mutex) REQUIRES(mutex) NO_THREAD_SAFETY_ANALYSIS { wake_.wait(mutex); }
  // False when `until` passed without a notification.
  bool WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point until)
      REQUIRES(mutex) NO_THREAD_SAFETY_ANALYSIS {
    return wake_.wait_until(mutex, until) == std::cv_status::no_timeout;
  }
  void NotifyOne() { wake_.notify_one(); }
  void NotifyAll() { wake_.notify_all(); }

 private:
  std::condition_variable_any wake_;
};

}  // namespace skybridge
