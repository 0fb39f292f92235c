// What a service of the local cloud is: a function from a request to a response. No sockets here,
// so that each service can be tested without a network. The HTTP server (server.h) owns
// connections, shaping and fault rules.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "backends/http_transport.h"

namespace skybridge::localcloud {

struct Request {
  std::string method;      // as sent
  std::string raw_target;  // path and query exactly as on the request line: what signatures cover
  std::string raw_path;    // before '?', still percent-encoded
  std::string raw_query;   // after '?', still percent-encoded; may be empty
  HttpHeaders headers;
  mutable std::string
      body;  // mutable: a service may move it into its storage instead of copying it
  std::string local_address;  // "127.0.0.1:PORT" that was connected to
  bool secure = false;        // came over TLS
  // Set by the rules of shaping.h.
  std::chrono::seconds clock_skew{
      0};  // the service is to judge times as if its clock were this much ahead
  bool tokens_expired = false;  // bearer and security tokens are to be taken for expired
};

// How the request's own URL begins: for the links of an answer.
inline std::string_view SchemeOf(const Request& request) {
  return request.secure ? "https://" : "http://";
}

// Bytes that many responses may share, sent without a copy: memory of the heap or of a mapped file.
struct Slice {
  std::shared_ptr<const void> owner;
  std::string_view bytes;
};

struct Response {
  int status = 200;
  // The text behind the status on the wire; "" is what HTTP calls the status.
  std::string reason = {};
  // Content-Length and Date are the server's work. A HEAD is answered with the body that a GET
  // would have: the server sends its length only.
  HttpHeaders headers;
  std::string body;           // small bodies
  std::vector<Slice> slices;  // used instead of `body` when not empty
  // The class it is counted under, e.g. "azure.list_paths", "oci.put_object"; services set it on
  // every response.
  std::string operation;
};

// What a rule (shaping.h) wants a request to be answered with.
struct Denial {
  int status = 503;
  std::string code = {};  // the service's own error code; "" is the one that it has for `status`
};

// Safe from many threads.
class Service {
 public:
  virtual ~Service() = default;
  virtual Response Handle(const Request& request) = 0;

  // The operation that Handle would count the request under, told from method, target and headers
  // alone (the body may not have arrived). Rules that name an operation match by it; "" when the
  // service cannot tell.
  virtual std::string OperationOf(const Request& request) const {
    static_cast<void>(request);
    return {};
  }
  // The service's own way to say `denial` without having acted: its error body and headers.
  virtual Response Refuse(const Request& request, const Denial& denial) const {
    return Response{.status = denial.status, .operation = OperationOf(request)};
  }
};

}  // namespace skybridge::localcloud
