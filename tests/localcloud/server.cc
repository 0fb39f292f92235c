#include "tests/localcloud/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <microhttpd.h>

#include "core/time_text.h"
#include "tests/localcloud/reason_phrase.h"
#include "tests/localcloud/reply_source.h"
#include "tests/support/seen_secrets.h"

namespace skybridge::localcloud {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kConnectionMemoryBytes = std::size_t{1} << 20;  // headers and the read buffer
constexpr std::size_t kReadBufferStepBytes = std::size_t{256} << 10;
constexpr unsigned int kMaxConnections = 4096;
constexpr std::size_t kMaxIoVectors =
    8192;  // they come out of the connection's memory: 16 bytes each
constexpr std::size_t kSlowBlockBytes = 64 << 10;  // largest write of a slowed reply

// Paces one direction of one connection: bytes are paid for after they have passed.
class Pace {
 public:
  SteadyClock::time_point free_at() const { return free_at_; }
  void Pass(std::uint64_t bytes, std::uint64_t bytes_per_second) {
    if (bytes_per_second == 0) return;
    free_at_ = std::max(free_at_, SteadyClock::now()) +
               std::chrono::nanoseconds(bytes * 1'000'000'000 / bytes_per_second);
  }

 private:
  SteadyClock::time_point free_at_{};
};

// Lives as long as the connection; used by its thread only.
struct ConnectionState {
  Pace up;
  Pace down;
};

// One request and its reply; made when the request line is read. Used by the connection's thread
// only.
struct Exchange {
  Request request;
  Shaping shaping;
  std::uint64_t bytes_up = 0;  // of the request's body, which the service may have taken
  bool headers_read = false;
};

// A reply on its way, owned by libmicrohttpd's response object.
struct Outgoing {
  explicit Outgoing(Response r)
      : response(std::move(r)), source(BodyParts(response)), length(BodyLength(response)) {}

  Response response;
  ReplySource source;
  std::uint64_t length;
  Shaping shaping;
  ConnectionState* connection = nullptr;
  Server::Impl* server = nullptr;
  bool stalled = false;
};

void FreeOutgoing(void* outgoing) { delete static_cast<Outgoing*>(outgoing); }

size_t KeepEscapes(void*, MHD_Connection*, char* text) { return std::strlen(text); }

void FlipOneBit(std::string& bytes) {
  if (!bytes.empty()) bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
}

Response WithFlippedBody(Response response) {
  std::string body;
  for (const std::string_view part : BodyParts(response)) body += part;
  FlipOneBit(body);
  response.slices.clear();
  response.body = std::move(body);
  return response;
}

int SocketOf(MHD_Connection* connection) {
  return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

ConnectionState* StateOf(MHD_Connection* connection) {
  return static_cast<ConnectionState*>(
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context);
}

// The peer sees a reset, not an orderly end. To be followed by `return MHD_NO`.
void PrepareReset(MHD_Connection* connection) {
  const linger no_linger{.l_onoff = 1, .l_linger = 0};
  setsockopt(SocketOf(connection), SOL_SOCKET, SO_LINGER, &no_linger, sizeof(no_linger));
}

void OnConnection(void*, MHD_Connection* connection, void** socket_context,
                  MHD_ConnectionNotificationCode code) {
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    const int on = 1;
    setsockopt(SocketOf(connection), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    *socket_context = new ConnectionState;
  } else {
    delete static_cast<ConnectionState*>(*socket_context);
    *socket_context = nullptr;
  }
}

void* OnRequestLine(void*, const char* raw_target, MHD_Connection*) {
  auto* exchange = new Exchange;
  exchange->request.raw_target = raw_target;
  return exchange;
}

void OnCompleted(void*, MHD_Connection*, void** exchange, MHD_RequestTerminationCode) {
  delete static_cast<Exchange*>(*exchange);
  *exchange = nullptr;
}

MHD_Result CollectHeader(void* headers, MHD_ValueKind, const char* name, const char* value) {
  static_cast<HttpHeaders*>(headers)->Add(name, value == nullptr ? "" : value);
  return MHD_YES;
}

}  // namespace

class Server::Impl {
 public:
  Impl(Service& service, const Clock& clock, ServerOptions options)
      : service_(service), clock_(clock), options_(std::move(options)) {
    if (!options_.rules) options_.rules = std::make_shared<RuleBook>();
    if (!options_.traffic) options_.traffic = std::make_shared<Traffic>();
  }

  Status Start();
  void Stop();
  std::uint16_t port() const { return port_; }
  bool is_secure() const { return options_.tls.has_value(); }
  RuleBook& rules() { return *options_.rules; }
  Traffic& traffic() { return *options_.traffic; }

  // False when the server stops before `until`.
  bool SleepUntil(SteadyClock::time_point until);

 private:
  static MHD_Result OnAccess(void* self, MHD_Connection* connection, const char* url,
                             const char* method, const char* version, const char* upload,
                             size_t* upload_size, void** exchange);
  MHD_Result BeginRequest(MHD_Connection* connection, const char* method, Exchange& exchange);
  MHD_Result TakeBody(MHD_Connection* connection, Exchange& exchange, std::string_view bytes);
  MHD_Result Finish(MHD_Connection* connection, Exchange& exchange);
  MHD_Result Send(MHD_Connection* connection, const Exchange& exchange, Response response);
  MHD_Result Reset(MHD_Connection* connection, const Exchange& exchange,
                   const std::string& operation);
  std::string Date(const Shaping& shaping) const;
  std::vector<MHD_OptionItem> TlsOptions();

  Service& service_;
  const Clock& clock_;
  ServerOptions options_;
  MHD_Daemon* daemon_ = nullptr;
  std::uint16_t port_ = 0;
  std::string address_;

  Mutex mutex_;
  CondVar stopped_;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

namespace {

void NoteSecretsOf(const Request& request) {
  testing::NoteSecrets(
      testing::SecretsOfRequest(request.headers, request.raw_target, request.body));
}

// libmicrohttpd's pull of a reply that is slowed, cut or stalled. `position` only ever moves
// forward.
ssize_t PullReply(void* cls, std::uint64_t position, char* into, size_t max) {
  Outgoing& reply = *static_cast<Outgoing*>(cls);
  const std::uint64_t rate = reply.shaping.download_bytes_per_second;
  if (rate != 0) {
    if (!reply.server->SleepUntil(reply.connection->down.free_at()))
      return MHD_CONTENT_READER_END_WITH_ERROR;
    max = std::min<std::size_t>(max, std::max<std::uint64_t>(rate / 100, 1024));
  }
  const std::uint64_t half = reply.length / 2;
  if (reply.shaping.fault == Fault::kHalfBody) {
    if (position >= half) return MHD_CONTENT_READER_END_WITH_ERROR;
    max = std::min<std::uint64_t>(max, half - position);
  }
  if (reply.shaping.fault == Fault::kStall && !reply.stalled) {
    if (position < half) {
      max = std::min<std::uint64_t>(max, half - position);
    } else {
      reply.stalled = true;
      if (!reply.server->SleepUntil(SteadyClock::now() + reply.shaping.stall))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
  }
  const std::size_t sent = reply.source.Read(into, max);
  if (sent == 0) return MHD_CONTENT_READER_END_OF_STREAM;
  reply.connection->down.Pass(sent, rate);
  return static_cast<ssize_t>(sent);
}

bool NeedsPulling(const Shaping& shaping) {
  return shaping.download_bytes_per_second != 0 || shaping.fault == Fault::kHalfBody ||
         shaping.fault == Fault::kStall;
}

// Owns `outgoing` from here on.
MHD_Response* MakeResponse(std::unique_ptr<Outgoing> outgoing) {
  Outgoing* reply = outgoing.release();
  const std::vector<std::string_view> parts = BodyParts(reply->response);
  if (NeedsPulling(reply->shaping) || parts.size() > kMaxIoVectors) {
    return MHD_create_response_from_callback(reply->length, kSlowBlockBytes, PullReply, reply,
                                             FreeOutgoing);
  }
  if (parts.size() <= 1) {  // goes out together with the headers
    const std::string_view body = parts.empty() ? std::string_view("") : parts.front();
    return MHD_create_response_from_buffer_with_free_callback_cls(
        body.size(), const_cast<char*>(body.data()), FreeOutgoing, reply);
  }
  std::vector<MHD_IoVec> vectors;
  vectors.reserve(parts.size());
  for (const std::string_view part : parts)
    vectors.push_back({.iov_base = part.data(), .iov_len = part.size()});
  return MHD_create_response_from_iovec(vectors.data(), static_cast<unsigned int>(vectors.size()),
                                        FreeOutgoing, reply);
}

// 0 as port: one that the kernel chooses.
Result<int> ListenOnLoopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int reuse = 1;
  const bool listens =
      listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse) == 0 &&
      bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      listen(listener, SOMAXCONN) == 0;
  if (listens) return listener;
  const int failure = errno;
  if (listener >= 0) close(listener);
  return Fail(
      ErrorFromErrno(failure, "local cloud: cannot listen on port " + std::to_string(port)));
}

std::uint16_t PortOf(int listener) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

}  // namespace

Status Server::Impl::Start() {
  // The address is known before the first thread that tells it to requests.
  const int listener = TRY(ListenOnLoopback(options_.port));
  port_ = PortOf(listener);
  address_ = "127.0.0.1:" + std::to_string(port_);
  unsigned int flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ITC |
                       MHD_USE_SUPPRESS_DATE_NO_CLOCK;
  std::vector<MHD_OptionItem> tls_options = TlsOptions();
  if (!tls_options.empty()) flags |= MHD_USE_TLS;
  tls_options.push_back({.option = MHD_OPTION_END, .value = 0, .ptr_value = nullptr});
  daemon_ = MHD_start_daemon(flags, port_, nullptr, nullptr, &Impl::OnAccess, this,         //
                             MHD_OPTION_LISTEN_SOCKET, listener,                            //
                             MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,                  //
                             MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemoryBytes,    //
                             MHD_OPTION_CONNECTION_MEMORY_INCREMENT, kReadBufferStepBytes,  //
                             MHD_OPTION_NOTIFY_CONNECTION, &OnConnection, nullptr,          //
                             MHD_OPTION_URI_LOG_CALLBACK, &OnRequestLine, nullptr,          //
                             MHD_OPTION_NOTIFY_COMPLETED, &OnCompleted, nullptr,            //
                             MHD_OPTION_UNESCAPE_CALLBACK, &KeepEscapes, nullptr,           //
                             MHD_OPTION_ARRAY, tls_options.data(),                          //
                             MHD_OPTION_END);
  if (daemon_ != nullptr) return {};  // the socket is the daemon's now
  close(listener);
  return Fail(ErrorCode::kInvalidArgument, "local cloud: the TLS certificate or its key is bad");
}

// They point into options_.
std::vector<MHD_OptionItem> Server::Impl::TlsOptions() {
  if (!options_.tls) return {};
  return {
      {.option = MHD_OPTION_HTTPS_MEM_KEY, .value = 0, .ptr_value = options_.tls->key_pem.data()},
      {.option = MHD_OPTION_HTTPS_MEM_CERT,
       .value = 0,
       .ptr_value = options_.tls->certificate_pem.data()}};
}

void Server::Impl::Stop() {
  if (daemon_ == nullptr) return;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  stopped_.NotifyAll();
  MHD_stop_daemon(daemon_);
  daemon_ = nullptr;
}

bool Server::Impl::SleepUntil(SteadyClock::time_point until) {
  MutexLock lock(mutex_);
  while (!stopping_ && SteadyClock::now() < until) stopped_.WaitUntil(mutex_, until);
  return !stopping_;
}

std::string Server::Impl::Date(const Shaping& shaping) const {
  return FormatHttpDate(clock_.WallNow() + shaping.clock_skew);
}

MHD_Result Server::Impl::OnAccess(void* self, MHD_Connection* connection, const char*,
                                  const char* method, const char*, const char* upload,
                                  size_t* upload_size, void** exchange) {
  Impl& server = *static_cast<Impl*>(self);
  Exchange& current = *static_cast<Exchange*>(*exchange);
  if (!current.headers_read) return server.BeginRequest(connection, method, current);
  if (*upload_size == 0) return server.Finish(connection, current);
  const std::string_view bytes(upload, *upload_size);
  *upload_size = 0;
  return server.TakeBody(connection, current, bytes);
}

MHD_Result Server::Impl::BeginRequest(MHD_Connection* connection, const char* method,
                                      Exchange& exchange) {
  Request& request = exchange.request;
  exchange.headers_read = true;
  request.method = method;
  const std::size_t query = request.raw_target.find('?');
  request.raw_path = request.raw_target.substr(0, query);
  if (query != std::string::npos) request.raw_query = request.raw_target.substr(query + 1);
  request.local_address = address_;
  request.secure = is_secure();
  MHD_get_connection_values(connection, MHD_HEADER_KIND, CollectHeader, &request.headers);

  exchange.shaping =
      rules().Match(service_.OperationOf(request), request.method, request.raw_target);
  request.clock_skew = exchange.shaping.clock_skew;
  request.tokens_expired = exchange.shaping.expire_tokens;

  const std::uint64_t announced =
      std::strtoull(std::string(request.headers.Get("Content-Length", "0")).c_str(), nullptr, 10);
  if (announced > kMaxRequestBodyBytes)
    return Reset(connection, exchange, service_.OperationOf(request));
  request.body.reserve(announced);
  return MHD_YES;
}

MHD_Result Server::Impl::TakeBody(MHD_Connection* connection, Exchange& exchange,
                                  std::string_view bytes) {
  std::string& body = exchange.request.body;
  if (body.size() + bytes.size() > kMaxRequestBodyBytes) return MHD_NO;
  body += bytes;
  exchange.bytes_up += bytes.size();
  if (exchange.shaping.upload_bytes_per_second == 0) return MHD_YES;
  Pace& pace = StateOf(connection)->up;
  pace.Pass(bytes.size(), exchange.shaping.upload_bytes_per_second);
  return SleepUntil(pace.free_at()) ? MHD_YES : MHD_NO;
}

MHD_Result Server::Impl::Finish(MHD_Connection* connection, Exchange& exchange) {
  const Shaping& shaping = exchange.shaping;
  if (shaping.delay.count() > 0 && !SleepUntil(SteadyClock::now() + shaping.delay)) return MHD_NO;
  if (shaping.fault == Fault::kResetBefore) {
    return Reset(connection, exchange, service_.OperationOf(exchange.request));
  }
  if (shaping.fault == Fault::kFlipUpload) FlipOneBit(exchange.request.body);

  const bool refuse = shaping.fault == Fault::kStatus;
  const bool in_suite = testing::SuiteLogDirectory().has_value();
  if (in_suite) NoteSecretsOf(exchange.request);
  Response response;
  if (!refuse || shaping.act_first) response = service_.Handle(exchange.request);
  if (in_suite) testing::NoteSecrets(testing::SecretsOfAnswer(response.body));
  if (refuse) {
    response = service_.Refuse(exchange.request, {.status = shaping.status, .code = shaping.code});
  }
  if (refuse && shaping.retry_after) {
    response.headers.Set("Retry-After", std::to_string(shaping.retry_after->count()));
  }
  if (shaping.fault == Fault::kResetAfter) return Reset(connection, exchange, response.operation);
  if (shaping.fault == Fault::kFlipDownload) response = WithFlippedBody(std::move(response));
  return Send(connection, exchange, std::move(response));
}

MHD_Result Server::Impl::Reset(MHD_Connection* connection, const Exchange& exchange,
                               const std::string& operation) {
  traffic().Count(operation, /*status=*/0, exchange.bytes_up, 0);
  PrepareReset(connection);
  return MHD_NO;
}

MHD_Result Server::Impl::Send(MHD_Connection* connection, const Exchange& exchange,
                              Response response) {
  const unsigned int status = static_cast<unsigned int>(response.status);
  const HttpHeaders headers = std::move(response.headers);
  SetReasonPhrase(status, response.reason);
  auto outgoing = std::make_unique<Outgoing>(std::move(response));
  outgoing->shaping = exchange.shaping;
  outgoing->connection = StateOf(connection);
  outgoing->server = this;
  const bool has_body = exchange.request.method != "HEAD";
  traffic().Count(outgoing->response.operation, static_cast<int>(status), exchange.bytes_up,
                  has_body ? outgoing->length : 0);

  MHD_Response* reply = MakeResponse(std::move(outgoing));
  if (reply == nullptr) return MHD_NO;
  MHD_add_response_header(reply, "Date", Date(exchange.shaping).c_str());
  for (const auto& [name, value] : headers)
    MHD_add_response_header(reply, name.c_str(), value.c_str());
  const MHD_Result queued = MHD_queue_response(connection, status, reply);
  MHD_destroy_response(reply);
  return queued;
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { Stop(); }

Result<std::unique_ptr<Server>> Server::Start(Service& service, const Clock& clock,
                                              ServerOptions options) {
  auto impl = std::make_unique<Impl>(service, clock, std::move(options));
  TRY_VOID(impl->Start());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->port(); }
std::string Server::address() const { return "127.0.0.1:" + std::to_string(port()); }
std::string Server::url() const {
  return (impl_->is_secure() ? "https://" : "http://") + address();
}
RuleBook& Server::rules() { return impl_->rules(); }
Traffic& Server::traffic() { return impl_->traffic(); }
void Server::Stop() { impl_->Stop(); }

}  // namespace skybridge::localcloud
