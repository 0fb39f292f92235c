#include "tests/support/loopback_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace skybridge::testing {
namespace {

std::shared_ptr<void> MakeTlsContext(const SelfSigned& identity) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  const std::unique_ptr<BIO, decltype(&BIO_free)> cert_bio(
      BIO_new_mem_buf(identity.certificate_pem.c_str(), -1), &BIO_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> key_bio(
      BIO_new_mem_buf(identity.key_pem.c_str(), -1), &BIO_free);
  X509* certificate = PEM_read_bio_X509(cert_bio.get(), nullptr, nullptr, nullptr);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr);
  SSL_CTX_use_certificate(context, certificate);
  SSL_CTX_use_PrivateKey(context, key);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return {context, [](void* c) { SSL_CTX_free(static_cast<SSL_CTX*>(c)); }};
}

}  // namespace

SelfSigned MakeServerIdentity(SelfSignedOptions options) {
  if (options.names.empty()) options.names = {"IP:127.0.0.1"};
  options.elliptic = true;
  return MakeSelfSigned(options).value();
}

long LoopbackServer::Connection::Receive(char* into, std::size_t size) {
  if (tls_ != nullptr) return SSL_read(static_cast<SSL*>(tls_), into, static_cast<int>(size));
  return ::recv(fd_, into, size, 0);
}

std::optional<std::string> LoopbackServer::Connection::ReadHead() {
  for (;;) {
    if (const auto end = read_ahead_.find("\r\n\r\n"); end != std::string::npos) {
      std::string head = read_ahead_.substr(0, end + 4);
      read_ahead_.erase(0, end + 4);
      return head;
    }
    char chunk[65536];
    const long count = Receive(chunk, sizeof chunk);
    if (count <= 0) return std::nullopt;
    read_ahead_.append(chunk, static_cast<std::size_t>(count));
  }
}

std::optional<std::string> LoopbackServer::Connection::ReadBytes(std::size_t count) {
  while (read_ahead_.size() < count) {
    char chunk[65536];
    const long received = Receive(chunk, sizeof chunk);
    if (received <= 0) return std::nullopt;
    read_ahead_.append(chunk, static_cast<std::size_t>(received));
  }
  std::string bytes = read_ahead_.substr(0, count);
  read_ahead_.erase(0, count);
  return bytes;
}

std::optional<LoopbackServer::Request> LoopbackServer::Connection::ReadRequest() {
  std::optional<std::string> head = ReadHead();
  if (!head) return std::nullopt;
  std::size_t length = 0;
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  if (const auto at = head->find(kLength); at != std::string::npos)
    length = std::stoul(head->substr(at + kLength.size()));
  std::optional<std::string> body = ReadBytes(length);
  if (!body) return std::nullopt;
  return Request{.head = std::move(*head), .body = std::move(*body)};
}

bool LoopbackServer::Connection::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const long sent = tls_ != nullptr ? SSL_write(static_cast<SSL*>(tls_), bytes.data(),
                                                  static_cast<int>(bytes.size()))
                                      : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void LoopbackServer::Connection::Reset() {
  const linger abrupt{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
}

void LoopbackServer::Connection::TunnelTo(int port) {
  const int target = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address{.sin_family = AF_INET,
                            .sin_port = htons(static_cast<std::uint16_t>(port)),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
  const bool connected =
      ::connect(target, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const auto carry = [](int from, int to) {
    char chunk[65536];
    const long count = ::recv(from, chunk, sizeof chunk, 0);
    return count > 0 && ::send(to, chunk, static_cast<std::size_t>(count), MSG_NOSIGNAL) == count;
  };
  pollfd ends[] = {{.fd = fd_, .events = POLLIN, .revents = 0},
                   {.fd = target, .events = POLLIN, .revents = 0}};
  for (bool open = connected; open;) {
    if (::poll(ends, 2, -1) < 0) break;
    if (ends[0].revents != 0) open = carry(fd_, target);
    if (open && ends[1].revents != 0) open = carry(target, fd_);
  }
  ::close(target);
}

LoopbackServer::LoopbackServer(std::function<void(Connection&)> serve, LoopbackOptions options)
    : serve_(std::move(serve)),
      ipv6_(options.ipv6),
      tls_(options.identity ? MakeTlsContext(*options.identity) : nullptr) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to connections that the peer has closed
  sockaddr_in6 six{.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  sockaddr_in four{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  auto* address = ipv6_ ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
  socklen_t size = ipv6_ ? sizeof six : sizeof four;
  listener_ = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener_ < 0 || ::bind(listener_, address, size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, address, &size) != 0) {
    throw std::runtime_error("cannot listen on loopback");
  }
  port_ = ntohs(ipv6_ ? six.sin6_port : four.sin_port);
  acceptor_ = std::jthread([this] { Accept(); });
}

LoopbackServer::~LoopbackServer() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  std::list<std::jthread> threads;
  {
    MutexLock lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    threads.swap(threads_);
  }
  threads.clear();
  ::close(listener_);
}

std::string LoopbackServer::Url(std::string_view path) const {
  return fmt::format("{}://{}:{}{}", tls_ != nullptr ? "https" : "http",
                     ipv6_ ? "[::1]" : "127.0.0.1", port_, path);
}

void LoopbackServer::Accept() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    ++connections_;
    MutexLock lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { Serve(fd); });
  }
}

void LoopbackServer::Serve(int fd) {
  {
    SSL* tls = nullptr;
    if (tls_ != nullptr) {
      tls = SSL_new(static_cast<SSL_CTX*>(tls_.get()));
      SSL_set_fd(tls, fd);
    }
    if (tls == nullptr || SSL_accept(tls) == 1) {
      Connection connection(fd, tls);
      serve_(connection);
    }
    SSL_free(tls);
  }
  MutexLock lock(mutex_);
  open_.remove(fd);
  ::close(fd);
}

}  // namespace skybridge::testing
