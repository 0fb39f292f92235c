// CountingTransport: counts the requests that pass it, by HttpRequest::operation. You need it for
// the bill (every service charges by class of request), for `status`, and for tests that hold the
// number of requests down.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "backends/http_transport.h"
#include "core/mutex.h"

namespace skybridge {

struct RequestCounts {
  std::uint64_t requests = 0;
  std::uint64_t body_bytes_sent =
      0;  // of bodies handed to the transport, whether they arrived or not
  std::uint64_t body_bytes_received = 0;
  std::uint64_t no_reply = 0;  // name, connection, time-out, stop
  std::array<std::uint64_t, 6> replies =
      {};                       // by status class: [2] counts 200 to 299, [0] anything odd
  std::uint64_t throttled = 0;  // 429 and 503, also counted in `replies`

  RequestCounts& operator+=(const RequestCounts& other);
  bool operator==(const RequestCounts&) const = default;
};

using RequestSnapshot = std::map<std::string, RequestCounts>;  // by operation
RequestCounts Total(const RequestSnapshot& snapshot);

// Safe from many threads. Adds one short lock to each request.
class CountingTransport final : public HttpTransport {
 public:
  // `transport` outlives this one.
  explicit CountingTransport(HttpTransport& transport) : transport_(transport) {}

  Result<HttpResponse> Send(const HttpRequest& request, const CallContext& context) override;
  RequestSnapshot Snapshot() const;

 private:
  HttpTransport& transport_;
  mutable Mutex mutex_;
  RequestSnapshot counts_ GUARDED_BY(mutex_);
};

}  // namespace skybridge
