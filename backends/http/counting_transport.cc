#include "backends/http/counting_transport.h"

namespace skybridge {

RequestCounts& RequestCounts::operator+=(const RequestCounts& other) {
  requests += other.requests;
  body_bytes_sent += other.body_bytes_sent;
  body_bytes_received += other.body_bytes_received;
  no_reply += other.no_reply;
  for (std::size_t i = 0; i < replies.size(); ++i) replies[i] += other.replies[i];
  throttled += other.throttled;
  return *this;
}

RequestCounts Total(const RequestSnapshot& snapshot) {
  RequestCounts total;
  for (const auto& [operation, counts] : snapshot) total += counts;
  return total;
}

Result<HttpResponse> CountingTransport::Send(const HttpRequest& request,
                                             const CallContext& context) {
  Result<HttpResponse> response = transport_.Send(request, context);
  RequestCounts one{.requests = 1, .body_bytes_sent = request.body.size()};
  if (response) {
    const int status_class = response->status / 100;
    ++one.replies[status_class >= 1 && status_class <= 5 ? static_cast<std::size_t>(status_class)
                                                         : 0];
    one.throttled = response->status == 429 || response->status == 503 ? 1 : 0;
    one.body_bytes_received = response->bytes_received + response->body.size();
  } else {
    one.no_reply = 1;
  }
  MutexLock lock(mutex_);
  counts_[request.operation] += one;
  return response;
}

RequestSnapshot CountingTransport::Snapshot() const {
  MutexLock lock(mutex_);
  return counts_;
}

}  // namespace skybridge
