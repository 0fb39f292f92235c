// CallScript: what a test wants to happen to coming calls of a fake: fail, lose the reply, block,
// run a hook; and how many calls there were. `Op` is an enum of the fake's operations.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/call_context.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "core/result.h"
#include "core/service_line.h"

namespace skybridge::testing {

// The error of a reply that never came: retryable, outcome unknown.
inline Error LostReply() {
  return Error{
      .code = ErrorCode::kUnavailable, .message = "the connection broke", .retryable = true};
}

// The error of a service that is not there: nothing came back.
inline Error Silence() {
  return Error{.code = ErrorCode::kTimedOut,
               .message = "the server did not answer in time",
               .retryable = true,
               .remote = {.silent = true}};
}

// Safe from many threads. Scripts of one operation are used up in the order they were given.
template <class Op>
class CallScript {
 public:
  explicit CallScript(const Clock& clock) : clock_(clock) {}

  // The next `times` calls fail without having done anything.
  void FailNext(Op op, Error error, int times = 1) { Push(op, {.error = std::move(error)}, times); }
  // The next `times` calls do their work, then answer with the error all the same.
  void ActThenFailNext(Op op, Error error = LostReply(), int times = 1) {
    Push(op, {.error = std::move(error), .act_first = true}, times);
  }
  // The next call runs `hook` first, holding no lock: it may use the fake itself ("somebody else
  // was faster").
  void BeforeNext(Op op, std::function<void()> hook) { Push(op, {.hook = std::move(hook)}, 1); }

  // Calls wait before they act until Release, their stop token (kCancelled) or their deadline
  // (kTimedOut).
  void Block(Op op) {
    MutexLock lock(mutex_);
    blocked_ops_.insert(op);
  }
  void Release(Op op) {
    MutexLock lock(mutex_);
    blocked_ops_.erase(op);
    changed_.NotifyAll();
  }
  // Returns when at least `count` calls of `op` wait.
  void WaitForBlocked(Op op, std::size_t count) {
    MutexLock lock(mutex_);
    while (waiting_[op] < count) changed_.Wait(mutex_);
  }

  // Forgets what calls that have not come yet were to meet.
  void Clear() {
    MutexLock lock(mutex_);
    steps_.clear();
  }

  std::size_t calls(Op op) const {
    MutexLock lock(mutex_);
    const auto found = calls_.find(op);
    return found == calls_.end() ? 0 : found->second;
  }
  std::size_t total_calls() const {
    MutexLock lock(mutex_);
    std::size_t total = 0;
    for (const auto& [op, count] : calls_) total += count;
    return total;
  }
  void ResetCalls() {
    MutexLock lock(mutex_);
    calls_.clear();
  }

  // For the fake: counts the call and plays its script. An Error: answer it at once, without
  // acting. A value: act, then, if the value holds an error, answer that in place of the outcome.
  Result<std::optional<Error>> Enter(Op op, const CallContext& context) {
    LineExchange exchange(context.line);
    if (const Status waited = WaitWhileBlocked(op, context, exchange); !waited) {
      exchange.EndsWith(waited.error());
      return Fail(waited.error());
    }
    const Step step = Pop(op);
    if (step.error) exchange.EndsWith(*step.error);
    if (step.hook) step.hook();
    if (step.error && !step.act_first) return Fail(*step.error);
    return step.error;
  }

 private:
  struct Step {
    std::optional<Error> error = {};
    bool act_first = false;
    std::function<void()> hook = {};
  };

  void Push(Op op, const Step& step, int times) {
    MutexLock lock(mutex_);
    steps_[op].insert(steps_[op].end(), static_cast<std::size_t>(times), step);
  }

  Step Pop(Op op) {
    MutexLock lock(mutex_);
    std::deque<Step>& steps = steps_[op];
    if (steps.empty()) return {};
    Step step = std::move(steps.front());
    steps.pop_front();
    return step;
  }

  Status CheckContext(const CallContext& context) const {
    if (context.stop.stop_requested()) return Fail(ErrorCode::kCancelled, "the call was stopped");
    if (clock_.Now() >= context.deadline) {
      return Fail(Error{.code = ErrorCode::kTimedOut,
                        .message = "the call's deadline passed",
                        .retryable = true});
    }
    return {};
  }

  Status WaitWhileBlocked(Op op, const CallContext& context, LineExchange& exchange) {
    MutexLock lock(mutex_);
    ++calls_[op];
    Status status = CheckContext(context);
    if (!status || !blocked_ops_.contains(op)) return status;
    ++waiting_[op];
    changed_.NotifyAll();
    while (status && blocked_ops_.contains(op)) {
      // The clock may be a fake one and the token has no condition variable of ours: look again now
      // and then.
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(2));
      status = CheckContext(context);
      if (status && exchange.IsGivenUp()) {
        status = Fail(Error{.code = ErrorCode::kUnreachable,
                            .message = "the service answers nobody",
                            .retryable = true,
                            .remote = {.silent = true}});
      }
    }
    --waiting_[op];
    return status;
  }

  const Clock& clock_;
  mutable Mutex mutex_;  // guards what follows
  CondVar changed_;
  std::map<Op, std::deque<Step>> steps_ GUARDED_BY(mutex_);
  std::map<Op, std::size_t> calls_ GUARDED_BY(mutex_);
  std::map<Op, std::size_t> waiting_ GUARDED_BY(mutex_);
  std::set<Op> blocked_ops_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::testing
