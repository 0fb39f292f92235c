// FaultInjectingTransport: wraps any transport and breaks chosen requests.
//
//   FaultInjectingTransport transport(real);
//   transport.Inject({.operation = "azure.append", .skip = 1, .fault = Fault::kCutAfterActing});
//   transport.Inject({.times = 2, .fault = Fault::kAnswer, .answer = Answer(503, {{"Retry-After",
//   "1"}})});
#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/http_transport.h"
#include "core/mutex.h"

namespace skybridge::testing {

enum class Fault {
  kCutBeforeActing,  // the request never arrives
  kCutAfterActing,   // the server acts, the reply never arrives
  kAnswer,           // the prepared answer in place of the server's; the request never arrives
  kHalfBody,         // the server acts, half of its body arrives, the connection breaks
  kWrongLength,      // the body arrives shorter than its headers say, and nobody noticed
  kWrongBytes,       // one bit of the body is turned
  kBlock,            // waits for Release, a stop or a deadline, then goes on
};

struct FaultRule {
  std::string operation = {};  // of the requests it is for; empty: any
  int skip = 0;                // lets this many matching requests pass first
  int times = 1;               // then breaks this many
  Fault fault = Fault::kCutBeforeActing;
  HttpResponse answer = {};  // for kAnswer
};

inline HttpResponse Answer(int status,
                           std::initializer_list<std::pair<std::string, std::string>> headers = {},
                           std::string body = {}) {
  HttpResponse response;
  response.status = status;
  for (const auto& [name, value] : headers) response.headers.Add(name, value);
  response.body = std::move(body);
  return response;
}

// Safe from many threads. Of several rules that match a request, the first one acts.
class FaultInjectingTransport final : public HttpTransport {
 public:
  explicit FaultInjectingTransport(HttpTransport& transport) : transport_(transport) {}

  void Inject(FaultRule rule) {
    MutexLock lock(mutex_);
    rules_.push_back(std::move(rule));
  }
  // Lets all blocked requests go on, and those that would block later.
  void Release() {
    MutexLock lock(mutex_);
    std::erase_if(rules_, [](const FaultRule& rule) { return rule.fault == Fault::kBlock; });
    released_ = true;
    changed_.NotifyAll();
  }
  void WaitForBlocked(int count) {
    MutexLock lock(mutex_);
    while (blocked_ < count) changed_.Wait(mutex_);
  }
  // Faults that have not happened yet: a test that leaves some has not tested what it meant to.
  bool exhausted() const {
    MutexLock lock(mutex_);
    return rules_.empty();
  }

  Result<HttpResponse> Send(const HttpRequest& request, const CallContext& context) override {
    const std::optional<FaultRule> rule = Take(request.operation);
    if (!rule) return transport_.Send(request, context);
    switch (rule->fault) {
      case Fault::kCutBeforeActing:
        return Cut();
      case Fault::kAnswer:
        return rule->answer;
      case Fault::kBlock: {
        TRY_VOID(WaitForRelease(context));
        return transport_.Send(request, context);
      }
      case Fault::kCutAfterActing:
      case Fault::kHalfBody: {
        const Result<HttpResponse> acted = transport_.Send(request, context);
        return acted ? Cut() : acted;
      }
      case Fault::kWrongLength:
      case Fault::kWrongBytes:
        return Damage(rule->fault, request, transport_.Send(request, context));
    }
    return Cut();
  }

 private:
  static Result<HttpResponse> Cut() {
    return Fail(Error{
        .code = ErrorCode::kUnavailable, .message = "the connection broke", .retryable = true});
  }

  static Result<HttpResponse> Damage(Fault fault, const HttpRequest& request,
                                     Result<HttpResponse> response) {
    if (!response) return response;
    if (fault == Fault::kWrongLength) {
      response->bytes_received /= 2;
      response->body.resize(response->body.size() / 2);
    } else if (response->bytes_received > 0) {
      request.receive_into[response->bytes_received / 2] ^= std::byte{1};
    } else if (!response->body.empty()) {
      response->body[response->body.size() / 2] ^= 1;
    }
    return response;
  }

  std::optional<FaultRule> Take(const std::string& operation) {
    MutexLock lock(mutex_);
    for (auto rule = rules_.begin(); rule != rules_.end(); ++rule) {
      if (!rule->operation.empty() && rule->operation != operation) continue;
      if (rule->skip > 0) {
        --rule->skip;
        continue;
      }
      FaultRule taken = *rule;
      if (--rule->times == 0) rules_.erase(rule);
      return taken;
    }
    return std::nullopt;
  }

  Status WaitForRelease(const CallContext& context) {
    MutexLock lock(mutex_);
    ++blocked_;
    changed_.NotifyAll();
    Status status;
    while (status && !released_) {
      // The token and the deadline have no condition variable of ours: look again now and then.
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(2));
      if (context.stop.stop_requested()) status = Fail(ErrorCode::kCancelled, "stopped");
      if (std::chrono::steady_clock::now() >= context.deadline) {
        status = Fail(Error{
            .code = ErrorCode::kTimedOut, .message = "the deadline passed", .retryable = true});
      }
    }
    --blocked_;
    return status;
  }

  HttpTransport& transport_;
  mutable Mutex mutex_;  // guards what follows
  CondVar changed_;
  std::vector<FaultRule> rules_ GUARDED_BY(mutex_);
  bool released_ GUARDED_BY(mutex_) = false;
  int blocked_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skybridge::testing
