#include "sync/work_pool.h"

#include <utility>

namespace skybridge {

WorkPool::WorkPool(std::size_t threads, std::size_t queue_limit) : queue_limit_(queue_limit) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

WorkPool::~WorkPool() {
  {
    MutexLock lock(mutex_);
    closing_ = true;
    changed_.NotifyAll();
  }
  threads_.clear();  // joins
}

void WorkPool::Submit(std::function<void()> job) {
  MutexLock lock(mutex_);
  while (queue_.size() >= queue_limit_) changed_.Wait(mutex_);
  queue_.push_back(std::move(job));
  changed_.NotifyAll();
}

void WorkPool::Drain() {
  MutexLock lock(mutex_);
  while (!queue_.empty() || running_ > 0) changed_.Wait(mutex_);
}

void WorkPool::Run() {
  MutexLock lock(mutex_);
  for (;;) {
    while (queue_.empty() && !closing_) changed_.Wait(mutex_);
    if (queue_.empty()) return;
    const std::function<void()> job = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    changed_.NotifyAll();
    lock.Unlock();
    job();
    lock.Lock();
    --running_;
    changed_.NotifyAll();
  }
}

void JobGroup::Submit(WorkPool& pool, std::function<void()> job) {
  {
    MutexLock lock(mutex_);
    ++open_;
  }
  pool.Submit([this, job = std::move(job)] {
    job();
    MutexLock lock(mutex_);
    --open_;
    changed_.NotifyAll();
  });
}

void JobGroup::Wait() {
  MutexLock lock(mutex_);
  while (open_ > 0) changed_.Wait(mutex_);
}

}  // namespace skybridge
