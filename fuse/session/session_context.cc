#include "fuse/session/session_context.h"

namespace skybridge::fuse {
namespace {

thread_local MonotonicTime current_arrival{};

}  // namespace

void CallsAtWork::Add(std::stop_source* call) {
  MutexLock lock(mutex_);
  calls_.insert(call);
  if (stopped_) call->request_stop();
}

void CallsAtWork::Remove(std::stop_source* call) {
  MutexLock lock(mutex_);
  calls_.erase(call);
}

void CallsAtWork::StopAll() {
  MutexLock lock(mutex_);
  stopped_ = true;
  for (std::stop_source* call : calls_) call->request_stop();
}

ArrivalScope::ArrivalScope(MonotonicTime arrived) { current_arrival = arrived; }
ArrivalScope::~ArrivalScope() { current_arrival = {}; }
MonotonicTime ArrivalScope::Current() { return current_arrival; }

}  // namespace skybridge::fuse
