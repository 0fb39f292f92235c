// Serves a Service over HTTP/1.1, with or without TLS, on 127.0.0.1, with the delays, limits and
// faults that rules ask for (shaping.h), and counts what it carries (traffic.h). In-process for C++
// tests; the program `localcloud` is made of it, too.
//
// One thread a connection (libmicrohttpd), so that a delayed request holds up no other connection.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "tests/localcloud/service.h"
#include "tests/localcloud/shaping.h"
#include "tests/localcloud/tls_identity.h"
#include "tests/localcloud/traffic.h"

namespace skybridge::localcloud {

struct ServerOptions {
  std::uint16_t port = 0;  // 0: the kernel chooses
  // Shared with other servers when given, else the server's own.
  std::shared_ptr<RuleBook> rules;
  std::shared_ptr<Traffic> traffic;
  std::optional<TlsIdentity> tls;  // given: https and nothing else
};

// A request body above this is cut off by a reset: larger than any single upload of either cloud
// that a test would make.
inline constexpr std::uint64_t kMaxRequestBodyBytes = std::uint64_t{5} << 30;

class Server {
 public:
  // `service` and `clock` (which stamps Date) outlive the server. kIo when the port cannot be had,
  // kInvalidArgument when the certificate or its key is not usable.
  static Result<std::unique_ptr<Server>> Start(Service& service, const Clock& clock,
                                               ServerOptions options = {});
  // Stops as Stop does.
  ~Server();

  std::uint16_t port() const;
  std::string address() const;  // "127.0.0.1:PORT"
  std::string url() const;      // "http://127.0.0.1:PORT", or https
  RuleBook& rules();
  Traffic& traffic();
  // Closes the port and every connection, wakes delayed requests, and returns when the last thread
  // has ended.
  void Stop();

  class Impl;

 private:
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace skybridge::localcloud
