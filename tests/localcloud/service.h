// What a service of the local cloud is: a function from a request to a response. No sockets here, so that each
// service can be tested without a network. The HTTP server (server.h) owns connections, shaping and fault rules.
#pragma once

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
  std::string body;
  std::string local_address;  // "127.0.0.1:PORT" that was connected to
};

// Bytes that many responses may share, sent without a copy: memory of the heap or of a mapped file.
struct Slice {
  std::shared_ptr<const void> owner;
  std::string_view bytes;
};

struct Response {
  int status = 200;
  HttpHeaders headers;        // Content-Length is the server's work
  std::string body;           // small bodies
  std::vector<Slice> slices;  // used instead of `body` when not empty
  // The class it is counted under, e.g. "azure.list_paths", "oci.put_object"; services set it on every response.
  std::string operation;
};

// Safe from many threads.
class Service {
 public:
  virtual ~Service() = default;
  virtual Response Handle(const Request& request) = 0;
};

}  // namespace skybridge::localcloud
