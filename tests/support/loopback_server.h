// LoopbackServer: a server on loopback whose every byte a test decides. Port chosen by the kernel.
//
//   LoopbackServer server([](LoopbackServer::Connection& c) {
//     while (c.ReadRequest()) c.Send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
//   });
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "core/mutex.h"
#include "tests/support/self_signed.h"

namespace skybridge::testing {

// P-256, for 127.0.0.1 where no names are given.
SelfSigned MakeServerIdentity(SelfSignedOptions options = {});

struct LoopbackOptions {
  std::optional<SelfSigned> identity = {};  // TLS, with this certificate
  bool ipv6 = false;                        // on ::1
};

class LoopbackServer {
 public:
  struct Request {
    std::string head;  // request line and headers, with their line ends
    std::string body;
  };

  class Connection {
   public:
    Connection(int fd, void* tls) : fd_(fd), tls_(tls) {}
    // Nothing: the peer closed the connection.
    std::optional<std::string> ReadHead();
    std::optional<std::string> ReadBytes(std::size_t count);
    std::optional<Request> ReadRequest();  // head, and as much body as its Content-Length says
    bool Send(std::string_view bytes);
    void Reset();  // closes with a reset instead of an orderly end
    // Carries bytes between the peer and a server on 127.0.0.1 until either closes: a proxy's
    // tunnel.
    void TunnelTo(int port);

   private:
    long Receive(char* into, std::size_t size);

    int fd_;
    void* tls_;  // SSL*, or null
    std::string read_ahead_;
  };

  // `serve` runs on a thread of its own for each connection, which is closed when it returns.
  explicit LoopbackServer(std::function<void(Connection&)> serve, LoopbackOptions options = {});
  ~LoopbackServer();  // closes all connections and waits for their threads
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  int port() const { return port_; }
  std::string Url(std::string_view path) const;
  int connections() const { return connections_; }

 private:
  void Accept();
  void Serve(int fd);

  const std::function<void(Connection&)> serve_;
  const bool ipv6_;
  std::shared_ptr<void> tls_;  // SSL_CTX
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  Mutex mutex_;  // guards what follows
  std::list<int> open_ GUARDED_BY(mutex_);
  std::list<std::jthread> threads_ GUARDED_BY(mutex_);
  std::jthread acceptor_;
};

}  // namespace skybridge::testing
