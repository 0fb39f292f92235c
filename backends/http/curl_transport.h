// CurlTransport: HttpTransport over libcurl, the one that reaches the real services.
//
// One Send is one request on the wire: a kept connection that turns out to be broken is replaced
// silently for GET and HEAD only, every other method gets kUnavailable, since the server may have
// acted. Connections are kept alive and the one used last is used first. HTTP/1.1 only: both
// services serve it, and one connection carries one transfer at full speed.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "backends/http_transport.h"

namespace skybridge {

struct CurlOptions {
  std::chrono::milliseconds connect_timeout =
      std::chrono::seconds(10);  // name, TCP and TLS together
  std::chrono::milliseconds first_byte_timeout =
      std::chrono::seconds(60);  // from request sent to reply begun
  std::chrono::milliseconds stall_timeout =
      std::chrono::seconds(30);  // without one byte sent or received
  // Idle connections: at most this many (the oldest is closed beyond it) for at most this long;
  // services and load balancers close idle ones after 60 seconds and more.
  std::size_t max_idle_connections = 128;
  std::chrono::seconds max_idle_time = std::chrono::seconds(50);
  // PEM of the only certificates trusted, and a directory of such files named by their hash. Both
  // empty: libcurl's own.
  std::string ca_file;
  std::string ca_directory;
  // To other machines; loopback and instance metadata are always allowed.
  bool allow_plain_http = false;
  std::string user_agent = "skybridge/" SKYBRIDGE_VERSION;
};

// The certificates that libcurl was built to trust; "" where it has none.
struct BuiltInCertificates {
  std::string file;
  std::string directory;
};
BuiltInCertificates CurlCertificates();

// Safe from many threads. Send blocks the caller's thread, ends at context.deadline and at once
// when stopped. Proxies: http_proxy, https_proxy and no_proxy as libcurl reads them, never for
// loopback and instance metadata.
class CurlTransport final : public HttpTransport {
 public:
  // `clock` outlives it.
  explicit CurlTransport(const Clock& clock, CurlOptions options = {});
  ~CurlTransport() override;

  Result<HttpResponse> Send(const HttpRequest& request, const CallContext& context) override;

 private:
  class Shared;
  class Session;
  class SessionPool;
  class Exchange;

  const Clock& clock_;
  const CurlOptions options_;
  std::unique_ptr<Shared> shared_;
  std::unique_ptr<SessionPool> pool_;
};

}  // namespace skybridge
