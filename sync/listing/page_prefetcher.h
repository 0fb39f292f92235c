// PagePrefetcher: the pages of one recursive listing, the next ones fetched by a thread of its own
// while one is used.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <stop_token>
#include <thread>

#include "backends/object_store.h"
#include "core/mutex.h"
#include "sync/call_policy.h"

namespace skybridge {

// Holds at most kMaxPages pages; its thread waits beyond that. One consumer.
class PagePrefetcher {
 public:
  static constexpr std::size_t kMaxPages = 3;

  PagePrefetcher(ObjectStore& store, ObjectKey directory, CallPolicy policy);
  // Returns soon: a request in flight is stopped.
  ~PagePrefetcher();
  PagePrefetcher(const PagePrefetcher&) = delete;
  PagePrefetcher& operator=(const PagePrefetcher&) = delete;

  // Nothing after the last page. After an error only that error again.
  Result<std::optional<ListPage>> Next();

 private:
  void Run(const std::stop_token& stop);
  // False when the consumer has gone.
  bool Push(Result<ListPage> page, bool is_last);

  ObjectStore& store_;
  const ObjectKey directory_;
  const CallPolicy policy_;

  Mutex mutex_;  // guards what follows
  CondVar changed_;
  std::deque<Result<ListPage>> pages_ GUARDED_BY(mutex_);
  bool done_ GUARDED_BY(mutex_) = false;     // the thread pushes no more
  bool closing_ GUARDED_BY(mutex_) = false;  // the consumer takes no more

  std::stop_source stop_;
  std::optional<std::stop_callback<std::function<void()>>> outer_stop_;
  std::jthread thread_;
};

}  // namespace skybridge
