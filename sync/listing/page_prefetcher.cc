#include "sync/listing/page_prefetcher.h"

#include <utility>

#include "backends/listing_guard.h"

namespace skybridge {

PagePrefetcher::PagePrefetcher(ObjectStore& store, ObjectKey directory, CallPolicy policy)
    : store_(store), directory_(std::move(directory)), policy_(std::move(policy)) {
  outer_stop_.emplace(policy_.stop, [this] { stop_.request_stop(); });
  thread_ = std::jthread([this] { Run(stop_.get_token()); });
}

PagePrefetcher::~PagePrefetcher() {
  stop_.request_stop();
  MutexLock lock(mutex_);
  closing_ = true;
  changed_.NotifyAll();
}

void PagePrefetcher::Run(const std::stop_token& stop) {
  ListRequest request{.directory = directory_, .recursive = true};
  ListingGuard guard(directory_.path, store_.capabilities().list_is_sorted);
  for (;;) {
    CallContext context = policy_.Context();
    context.stop = stop;
    Result<ListPage> page = store_.List(request, context);
    if (page) {
      request.continuation = page->continuation;
      Status goes_on = guard.Check(*page);
      if (!goes_on) page = Fail(std::move(goes_on).error());
    }
    const bool is_last = !page || page->continuation.empty();
    if (!Push(std::move(page), is_last) || is_last) return;
  }
}

bool PagePrefetcher::Push(Result<ListPage> page, bool is_last) {
  MutexLock lock(mutex_);
  while (pages_.size() >= kMaxPages && !closing_) changed_.Wait(mutex_);
  pages_.push_back(std::move(page));
  done_ = is_last;
  changed_.NotifyAll();
  return !closing_;
}

Result<std::optional<ListPage>> PagePrefetcher::Next() {
  MutexLock lock(mutex_);
  while (pages_.empty() && !done_) changed_.Wait(mutex_);
  if (pages_.empty()) return std::optional<ListPage>();
  if (!pages_.front()) return Fail(pages_.front().error());
  std::optional<ListPage> page = *std::move(pages_.front());
  pages_.pop_front();
  changed_.NotifyAll();
  return page;
}

}  // namespace skybridge
