// HttpTransport: one HTTP exchange. Any status is a success here; only "no complete reply" is an
// error.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/call_context.h"
#include "core/encoding.h"
#include "core/result.h"

namespace skybridge {

// Whether two header names are the same: they compare without case (ASCII).
bool SameHeaderName(std::string_view a, std::string_view b);

// Header fields in order; names compare without case.
class HttpHeaders {
 public:
  void Add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  // Replaces the first field of that name, or adds one.
  void Set(std::string_view name, std::string value);
  // The first value of that name; nullptr if there is none.
  const std::string* Find(std::string_view name) const;
  std::string_view Get(std::string_view name, std::string_view otherwise = {}) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string operation;  // the class it is counted under: "azure.append", "oci.put_object"
  std::string method;
  std::string url;  // already percent-encoded; sent byte for byte (no dot-segment removal)
  HttpHeaders headers;
  // Sent with Content-Length. PUT, POST and PATCH without a body send "Content-Length: 0".
  ByteSpan body = {};
  // A 2xx body is written here without a copy in between; a longer one is an error (kCorrupt).
  // Empty: the body goes to HttpResponse::body.
  std::span<std::byte> receive_into = {};
  bool expect_continue = false;  // wait for "100 Continue" before the body goes out
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  std::string body;                // bounded (kMaxBufferedBodyBytes); error bodies always land here
  std::size_t bytes_received = 0;  // of a body that went to `receive_into`
};

// Whether a status that somebody else than the service answered says nothing: a portal's 200 is no
// success, a gateway's 404 no missing object. Refusals (401, 403, 407), 408, 429 and 5xx mean what
// they always do.
bool IsMeaninglessFromStrangers(int status);
// kUnavailable for such an answer; retryable unless it is a redirection, which nobody follows.
Error StrangersAnswer(std::string_view what, const HttpResponse& response);

// Listings and error pages; data goes to `receive_into`.
inline constexpr std::size_t kMaxBufferedBodyBytes = std::size_t{64} << 20;

// Safe from many threads. Adds nothing of its own to the request but Host, Content-Length and
// User-Agent.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  // Errors: kUnavailable (name, connection, reset, half a body: `retryable`), kTimedOut
  // (retryable), kCancelled, kInvalidArgument (the URL), kPermissionDenied never; a TLS certificate
  // that is not trusted is kUnauthenticated and not retryable. A body shorter than Content-Length
  // is an error, never a short success.
  virtual Result<HttpResponse> Send(const HttpRequest& request, const CallContext& context) = 0;
};

}  // namespace skybridge
