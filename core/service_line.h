// ServiceLine: what one call learns and tells of the service at the other end, for the sake of all
// callers of that service. RetryingStore gives one to each call (CallContext::line); the transport
// and whoever sends signed requests talk to it.
#pragma once

#include <chrono>

#include "core/call_context.h"
#include "core/error.h"

namespace skybridge {

// Safe from many threads. Lives as long as the call.
class ServiceLine {
 public:
  virtual ~ServiceLine() = default;

  // A request goes out. Each has one Ended (LineExchange sees to it).
  virtual void Sent() = 0;
  // A part of its reply came, whatever it says: the service is there.
  virtual void Heard() = 0;
  // `silent`: nothing came back, not even a failed handshake or a reset of the connection.
  virtual void Ended(bool silent) = 0;
  // True when the service has answered nobody for so long that it makes no sense to wait on. A
  // request that waits asks about once a second.
  virtual bool IsGivenUp() = 0;

  // The service answered a request, after `latency`, with anything but a refusal for its rate.
  virtual void Served(std::chrono::nanoseconds latency) = 0;
  // A request was refused for its rate, for the `refusals`th time, and did nothing. Waits until it
  // may be sent again; false if it may not.
  virtual bool AwaitTurn(const Error& refusal, int refusals) = 0;
};

// One request on its way, for a scope. Without a line it does nothing.
class LineExchange {
 public:
  explicit LineExchange(ServiceLine* line) : line_(line) {
    if (line_ != nullptr) line_->Sent();
  }
  ~LineExchange() {
    if (line_ != nullptr) line_->Ended(silent_);
  }
  LineExchange(const LineExchange&) = delete;
  LineExchange& operator=(const LineExchange&) = delete;

  void Heard() {
    if (line_ != nullptr) line_->Heard();
  }
  bool IsGivenUp() { return line_ != nullptr && line_->IsGivenUp(); }
  void EndsWith(const Error& error) { silent_ = error.remote.silent; }

 private:
  ServiceLine* const line_;
  bool silent_ = false;
};

// The context for a request to another service on behalf of the same call, as for a token.
inline CallContext WithoutLine(CallContext context) {
  context.line = nullptr;
  return context;
}

}  // namespace skybridge
