#include "backends/http/curl_transport.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <deque>
#include <new>
#include <optional>
#include <stop_token>
#include <string_view>
#include <utility>
#include <vector>

#include <curl/curl.h>
#include <fmt/format.h>

#include "backends/http/endpoint.h"
#include "core/deleter.h"
#include "core/mutex.h"
#include "core/service_line.h"

namespace skybridge {
namespace {

constexpr long kReceiveBufferBytes = 512L << 10;
constexpr long kSendBufferBytes = 2L << 20;
constexpr long kSmallSendBufferBytes = 64L << 10;
// How long a server may think about "Expect: 100-continue" before the body goes out all the same.
constexpr long kExpectTimeoutMs = 3000;
// A wait is never longer, so that a missed wake-up cannot become a hang.
constexpr std::chrono::milliseconds kLongestWait{1000};

void InitialiseCurl() {
  static const CURLcode kOnce = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (kOnce != CURLE_OK) throw std::bad_alloc();
}

bool IsReplayable(const HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

bool CarriesBody(const HttpRequest& request) {
  return !request.body.empty() || request.method == "PUT" || request.method == "POST" ||
         request.method == "PATCH";
}

Error MakeError(ErrorCode code, const HttpRequest& request, const Endpoint& endpoint,
                std::string_view reason) {
  const bool retryable = code == ErrorCode::kUnavailable || code == ErrorCode::kTimedOut ||
                         code == ErrorCode::kUnreachable;
  return {.code = code,
          .message = fmt::format("{} to {}: {}", request.operation, endpoint.host, reason),
          .retryable = retryable};
}

ErrorCode CodeOf(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return ErrorCode::kTimedOut;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
      return ErrorCode::kUnauthenticated;
    case CURLE_URL_MALFORMAT:
      return ErrorCode::kInvalidArgument;
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_FAILED_INIT:
      return ErrorCode::kInternal;
    default:
      // CURLE_OUT_OF_MEMORY too: that is what libcurl calls a head of a reply that is too long.
      // Name, connection, TLS handshake, reset, half a body, a reply that is no HTTP.
      return ErrorCode::kUnavailable;
  }
}

// Nobody was there to refuse anything: no name, no address, no connection. A handshake that fails
// and a connection that is reset are answers of something.
bool IsSilence(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
      return true;
    default:
      return false;
  }
}

using HeaderList = std::unique_ptr<curl_slist, Deleter<curl_slist_free_all>>;
using EasyHandle = std::unique_ptr<CURL, Deleter<curl_easy_cleanup>>;
using MultiHandle = std::unique_ptr<CURLM, Deleter<curl_multi_cleanup>>;
using ShareHandle = std::unique_ptr<CURLSH, Deleter<curl_share_cleanup>>;

void Append(HeaderList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list.release());
  list.reset(longer);
}

bool HasLineBreak(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != text.npos;
}

}  // namespace

// Names and TLS sessions, shared by all connections.
class CurlTransport::Shared {
 public:
  Shared() : handle_(curl_share_init()) {
    if (handle_ == nullptr) throw std::bad_alloc();
    curl_share_setopt(handle(), CURLSHOPT_LOCKFUNC, &Lock);
    curl_share_setopt(handle(), CURLSHOPT_UNLOCKFUNC, &Unlock);
    curl_share_setopt(handle(), CURLSHOPT_USERDATA, this);
    curl_share_setopt(handle(), CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(handle(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  CURLSH* handle() const { return handle_.get(); }

 private:
  static void Lock(CURL*, curl_lock_data data, curl_lock_access,
                   void* self) NO_THREAD_SAFETY_ANALYSIS {
    static_cast<Shared*>(self)->mutexes_[static_cast<std::size_t>(data)].lock();
  }
  static void Unlock(CURL*, curl_lock_data data, void* self) NO_THREAD_SAFETY_ANALYSIS {
    static_cast<Shared*>(self)->mutexes_[static_cast<std::size_t>(data)].unlock();
  }

  std::array<Mutex, CURL_LOCK_DATA_LAST> mutexes_;
  const ShareHandle handle_;  // last: it locks with the mutexes while it is freed
};

// One connection's worth of libcurl: an easy handle driven by its own multi handle, which owns the
// connection and can be woken from another thread.
class CurlTransport::Session {
 public:
  Session() : multi_(curl_multi_init()), easy_(curl_easy_init()) {
    if (easy_ == nullptr || multi_ == nullptr) throw std::bad_alloc();
    curl_multi_setopt(multi(), CURLMOPT_MAXCONNECTS, 1L);
  }
  ~Session() { Detach(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  CURL* easy() const { return easy_.get(); }
  CURLM* multi() const { return multi_.get(); }
  void Attach() { attached_ = curl_multi_add_handle(multi(), easy()) == CURLM_OK; }
  // Closes the connection if a transfer was still going on.
  void Detach() {
    if (attached_) curl_multi_remove_handle(multi(), easy());
    attached_ = false;
  }

 private:
  const MultiHandle multi_;  // freed after the easy handle
  const EasyHandle easy_;
  bool attached_ = false;
};

// Idle sessions, by the origin they are connected to; the one used last goes out first.
class CurlTransport::SessionPool {
 public:
  SessionPool(const Clock& clock, const CurlOptions& options) : clock_(clock), options_(options) {}

  std::unique_ptr<Session> Acquire(const std::string& origin) {
    {
      MutexLock lock(mutex_);
      const auto found = std::find_if(idle_.rbegin(), idle_.rend(),
                                      [&](const Idle& i) { return i.origin == origin; });
      if (found != idle_.rend()) {
        std::unique_ptr<Session> session = std::move(found->session);
        idle_.erase(std::next(found).base());
        return session;
      }
    }
    return std::make_unique<Session>();
  }

  void Release(const std::string& origin, std::unique_ptr<Session> session) {
    const MonotonicTime now = clock_.Now();
    std::vector<std::unique_ptr<Session>> closing;  // closed after the lock is gone
    MutexLock lock(mutex_);
    idle_.push_back({.origin = origin, .session = std::move(session), .since = now});
    while (!idle_.empty() && (idle_.size() > options_.max_idle_connections ||
                              now - idle_.front().since > options_.max_idle_time)) {
      closing.push_back(std::move(idle_.front().session));
      idle_.pop_front();
    }
  }

 private:
  struct Idle {
    std::string origin;
    std::unique_ptr<Session> session;
    MonotonicTime since;
  };

  const Clock& clock_;
  const CurlOptions& options_;
  Mutex mutex_;                               // guards what follows
  std::deque<Idle> idle_ GUARDED_BY(mutex_);  // oldest first
};

// One request and its reply.
class CurlTransport::Exchange {
 public:
  // What an exchange works with; all of it outlives the exchange.
  struct Parts {
    const HttpRequest& request;
    const Endpoint& endpoint;
    const CurlOptions& options;
    const Clock& clock;
    Session& session;
  };
  Exchange(const Parts& parts, ServiceLine* line)
      : request_(parts.request),
        endpoint_(parts.endpoint),
        options_(parts.options),
        clock_(parts.clock),
        session_(parts.session),
        line_(line) {}
  ~Exchange() { session_.Detach(); }  // while everything that libcurl points to still lives
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Result<HttpResponse> Perform(CURLSH* shared, const CallContext& context) {
    TRY_VOID(Prepare(shared));
    if (const Status ended = Run(context); !ended) {
      line_.EndsWith(ended.error());
      return Fail(ended.error());
    }
    return std::move(response_);
  }

 private:
  Status Prepare(CURLSH* shared);
  Status Run(const CallContext& context);
  Status PrepareHeaders();
  void PrepareBody();
  void PrepareConnection();

  Status Outcome();
  Status CheckTime(MonotonicTime now, MonotonicTime deadline);
  MonotonicTime PhaseDeadline() const;
  curl_off_t BytesTaken() const;
  void ObserveProgress(MonotonicTime now);
  tl::unexpected<Error> Broken(ErrorCode code, std::string_view reason) const {
    return Fail(MakeError(code, request_, endpoint_, reason));
  }
  // The same of an exchange in which not a byte came back.
  tl::unexpected<Error> Unanswered(ErrorCode code, std::string_view reason) const {
    Error error = MakeError(code, request_, endpoint_, reason);
    error.remote.silent = !reply_begun_;
    return Fail(std::move(error));
  }

  static std::size_t OnHeader(char* data, std::size_t, std::size_t size, void* self);
  static std::size_t OnBody(char* data, std::size_t, std::size_t size, void* self);
  static int OnRequest(void* self, char*, char*, int, int);
  void TakeHeaderLine(std::string_view line);
  bool TakeBody(std::string_view bytes);

  template <class T>
  void Set(CURLoption option, T value) {
    const CURLcode code = curl_easy_setopt(session_.easy(), option, value);
    if (code != CURLE_OK && setup_ == CURLE_OK) setup_ = code;
  }

  const HttpRequest& request_;
  const Endpoint& endpoint_;
  const CurlOptions& options_;
  const Clock& clock_;
  Session& session_;
  LineExchange line_;
  HeaderList headers_;
  HttpResponse response_;
  CURLcode setup_ = CURLE_OK;
  std::optional<Error> refused_;  // why we ended the transfer ourselves
  int requests_sent_ = 0;
  bool reply_begun_ = false;
  curl_off_t bytes_moved_ = 0;
  curl_off_t body_taken_ = 0;
  curl_off_t heard_ = 0;  // bytes of the reply
  std::size_t header_bytes_ = 0;
  MonotonicTime last_progress_{};
};

Status CurlTransport::Exchange::Prepare(CURLSH* shared) {
  curl_easy_reset(session_.easy());
  TRY_VOID(PrepareHeaders());
  Set(CURLOPT_SHARE, shared);
  Set(CURLOPT_URL, request_.url.c_str());
  Set(CURLOPT_PATH_AS_IS, 1L);
  Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  Set(CURLOPT_FOLLOWLOCATION, 0L);
  Set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  Set(CURLOPT_HTTPHEADER, headers_.get());
  PrepareBody();
  PrepareConnection();
  Set(CURLOPT_HEADERFUNCTION, &OnHeader);
  Set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  Set(CURLOPT_WRITEFUNCTION, &OnBody);
  Set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  Set(CURLOPT_PREREQFUNCTION, &OnRequest);
  Set(CURLOPT_PREREQDATA, static_cast<void*>(this));
  if (setup_ != CURLE_OK) return Broken(CodeOf(setup_), curl_easy_strerror(setup_));
  return {};
}

Status CurlTransport::Exchange::PrepareHeaders() {
  // Names without a value take out what libcurl would add by itself.
  Append(headers_, "Accept:");
  Append(headers_, request_.expect_continue ? "Expect: 100-continue" : "Expect:");
  if (request_.headers.Find("Content-Type") == nullptr) Append(headers_, "Content-Type:");
  for (const auto& [name, value] : request_.headers) {
    if (name.empty() || HasLineBreak(name) || HasLineBreak(value)) {
      return Broken(ErrorCode::kInvalidArgument, "a header with a line break");
    }
    // Content-Length is the body's own; a signer may have listed it to sign it.
    if (SameHeaderName(name, "Content-Length")) continue;
    Append(headers_, value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  }
  return {};
}

void CurlTransport::Exchange::PrepareBody() {
  if (request_.method == "HEAD") {
    Set(CURLOPT_NOBODY, 1L);
    return;
  }
  if (CarriesBody(request_)) {
    Set(CURLOPT_POST, 1L);
    Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    Set(CURLOPT_POSTFIELDS,
        request_.body.empty() ? "" : reinterpret_cast<const char*>(request_.body.data()));
    const bool small = request_.body.size() <= static_cast<std::size_t>(kSmallSendBufferBytes);
    Set(CURLOPT_UPLOAD_BUFFERSIZE, small ? kSmallSendBufferBytes : kSendBufferBytes);
    Set(CURLOPT_EXPECT_100_TIMEOUT_MS, kExpectTimeoutMs);
  } else {
    Set(CURLOPT_HTTPGET, 1L);
  }
  Set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void CurlTransport::Exchange::PrepareConnection() {
  Set(CURLOPT_NOSIGNAL, 1L);
  Set(CURLOPT_QUICK_EXIT, 1L);  // a name server that is silent must not hold up a cancelled call
  Set(CURLOPT_TCP_NODELAY, 1L);
  Set(CURLOPT_TCP_KEEPALIVE, 1L);
  Set(CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
  Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  Set(CURLOPT_MAXAGE_CONN, static_cast<long>(options_.max_idle_time.count()));
  Set(CURLOPT_PROTOCOLS_STR, "http,https");
  Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  Set(CURLOPT_SSL_VERIFYPEER, 1L);
  Set(CURLOPT_SSL_VERIFYHOST, 2L);
  if (!options_.ca_file.empty() || !options_.ca_directory.empty()) {
    const auto or_null = [](const std::string& s) { return s.empty() ? nullptr : s.c_str(); };
    Set(CURLOPT_CAINFO, or_null(options_.ca_file));
    Set(CURLOPT_CAPATH, or_null(options_.ca_directory));
  }
  Set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (endpoint_.is_local) Set(CURLOPT_PROXY, "");
}

Status CurlTransport::Exchange::Run(const CallContext& context) {
  last_progress_ = clock_.Now();
  session_.Attach();
  const std::stop_callback wake(context.stop, [this] { curl_multi_wakeup(session_.multi()); });
  for (;;) {
    int running = 0;
    const CURLMcode code = curl_multi_perform(session_.multi(), &running);
    if (code != CURLM_OK) return Broken(ErrorCode::kInternal, curl_multi_strerror(code));
    if (running == 0) return Outcome();
    if (context.stop.stop_requested()) return Broken(ErrorCode::kCancelled, "the call was stopped");
    const MonotonicTime now = clock_.Now();
    ObserveProgress(now);
    TRY_VOID(CheckTime(now, context.deadline));
    const auto wait = std::min(std::chrono::ceil<std::chrono::milliseconds>(
                                   std::min(context.deadline, PhaseDeadline()) - now),
                               kLongestWait);
    curl_multi_poll(session_.multi(), nullptr, 0, static_cast<int>(wait.count()), nullptr);
  }
}

// An error: the exchange has waited long enough.
Status CurlTransport::Exchange::CheckTime(MonotonicTime now, MonotonicTime deadline) {
  if (now >= deadline) return Unanswered(ErrorCode::kTimedOut, "the call's deadline passed");
  if (now >= PhaseDeadline()) {
    return Unanswered(ErrorCode::kTimedOut,
                      reply_begun_ ? "the reply stalled" : "the server did not answer in time");
  }
  // A body on its way out over a slow link is no silence; a stall of it is.
  const bool moving = bytes_moved_ > 0 && now - last_progress_ < kLongestWait * 5;
  if (line_.IsGivenUp() && !reply_begun_ && !moving)
    return Unanswered(ErrorCode::kUnreachable, "the service answers nobody");
  return {};
}

// What the network has taken of the body: what libcurl has handed over, less what still lies in the
// socket's send buffer (Linux, tcp(7), SIOCOUTQ: bytes that the peer has not acknowledged).
curl_off_t CurlTransport::Exchange::BytesTaken() const {
  curl_off_t sent = 0;
  curl_easy_getinfo(session_.easy(), CURLINFO_SIZE_UPLOAD_T, &sent);
  curl_socket_t socket = CURL_SOCKET_BAD;
  int unsent = 0;
  if (sent == 0 || curl_easy_getinfo(session_.easy(), CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK ||
      socket == CURL_SOCKET_BAD || ::ioctl(socket, SIOCOUTQ, &unsent) != 0) {
    return sent;
  }
  return std::max<curl_off_t>(0, sent - unsent);
}

void CurlTransport::Exchange::ObserveProgress(MonotonicTime now) {
  curl_off_t received = 0;
  curl_easy_getinfo(session_.easy(), CURLINFO_SIZE_DOWNLOAD_T, &received);
  body_taken_ = BytesTaken();
  const curl_off_t heard = received + static_cast<curl_off_t>(header_bytes_);
  if (heard > heard_) line_.Heard();
  heard_ = heard;
  const curl_off_t moved = body_taken_ + heard + requests_sent_;
  if (moved == bytes_moved_ && requests_sent_ > 0) return;
  bytes_moved_ = moved;
  last_progress_ = now;
}

// Until when the transfer may go on without another byte. Before the request is out, libcurl's
// connect time-out rules.
MonotonicTime CurlTransport::Exchange::PhaseDeadline() const {
  if (requests_sent_ == 0) return MonotonicTime::max();
  const bool waiting =
      !reply_begun_ && static_cast<std::size_t>(body_taken_) >= request_.body.size();
  return last_progress_ + (waiting ? options_.first_byte_timeout : options_.stall_timeout);
}

Status CurlTransport::Exchange::Outcome() {
  if (header_bytes_ > 0) line_.Heard();
  if (refused_) return Fail(*refused_);
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(session_.multi(), &left);
  const CURLcode code = message != nullptr ? message->data.result : CURLE_FAILED_INIT;
  if (code == CURLE_OK) return {};
  // A certificate that is not trusted comes from somebody.
  if (CodeOf(code) == ErrorCode::kUnauthenticated) line_.Heard();
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    Error error = MakeError(CodeOf(code), request_, endpoint_, curl_easy_strerror(code));
    error.Advise("check ca_file, a proxy on the way and this machine's clock");
    return Fail(std::move(error));
  }
  if (IsSilence(code)) return Unanswered(CodeOf(code), curl_easy_strerror(code));
  return Broken(CodeOf(code), curl_easy_strerror(code));
}

int CurlTransport::Exchange::OnRequest(void* self, char*, char*, int, int) {
  auto& exchange = *static_cast<Exchange*>(self);
  // libcurl repeats a request by itself when a kept connection breaks before the reply.
  if (++exchange.requests_sent_ == 1 || IsReplayable(exchange.request_)) return CURL_PREREQFUNC_OK;
  exchange.refused_ = MakeError(ErrorCode::kUnavailable, exchange.request_, exchange.endpoint_,
                                "a kept connection broke");
  return CURL_PREREQFUNC_ABORT;
}

std::size_t CurlTransport::Exchange::OnHeader(char* data, std::size_t, std::size_t size,
                                              void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.header_bytes_ += size;
  exchange.reply_begun_ = true;
  exchange.TakeHeaderLine({data, size});
  return size;
}

void CurlTransport::Exchange::TakeHeaderLine(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r\n";
  if (line.starts_with("HTTP/")) {  // a new reply; what came before was "100 Continue"
    response_ = {};
    const auto space = line.find(' ');
    if (space != line.npos)
      std::from_chars(line.data() + space + 1, line.data() + line.size(), response_.status);
    return;
  }
  const auto colon = line.find(':');
  if (colon == line.npos) return;  // the empty line at the end
  std::string_view value = line.substr(colon + 1);
  value.remove_prefix(std::min(value.find_first_not_of(kBlank), value.size()));
  value = value.substr(0, value.find_last_not_of(kBlank) + 1);
  response_.headers.Add(std::string(line.substr(0, colon)), std::string(value));
}

std::size_t CurlTransport::Exchange::OnBody(char* data, std::size_t, std::size_t size, void* self) {
  // Any other count than `size` makes libcurl end the transfer.
  return static_cast<Exchange*>(self)->TakeBody({data, size}) ? size : size + 1;
}

bool CurlTransport::Exchange::TakeBody(std::string_view bytes) {
  const bool success = response_.status >= 200 && response_.status < 300;
  if (success && !request_.receive_into.empty()) {
    if (bytes.size() > request_.receive_into.size() - response_.bytes_received) {
      refused_ = MakeError(ErrorCode::kCorrupt, request_, endpoint_,
                           "the reply is longer than what was asked for");
      return false;
    }
    std::memcpy(request_.receive_into.data() + response_.bytes_received, bytes.data(),
                bytes.size());
    response_.bytes_received += bytes.size();
    return true;
  }
  if (bytes.size() > kMaxBufferedBodyBytes - response_.body.size()) {
    refused_ = MakeError(ErrorCode::kTooLarge, request_, endpoint_,
                         "the reply is too long to be kept in memory");
    return false;
  }
  response_.body.append(bytes);
  return true;
}

BuiltInCertificates CurlCertificates() {
  const curl_version_info_data* about = curl_version_info(CURLVERSION_NOW);
  const auto text = [](const char* path) { return std::string(path != nullptr ? path : ""); };
  return {.file = text(about->cainfo), .directory = text(about->capath)};
}

CurlTransport::CurlTransport(const Clock& clock, CurlOptions options)
    : clock_(clock), options_(std::move(options)) {
  InitialiseCurl();
  shared_ = std::make_unique<Shared>();
  pool_ = std::make_unique<SessionPool>(clock_, options_);
}

CurlTransport::~CurlTransport() = default;

Result<HttpResponse> CurlTransport::Send(const HttpRequest& request, const CallContext& context) {
  const Endpoint endpoint = TRY(ParseEndpoint(request.url));
  if (endpoint.scheme == "http" && !endpoint.is_local && !options_.allow_plain_http) {
    return Fail(MakeError(ErrorCode::kInvalidArgument, request, endpoint,
                          "plain http must be allowed by name"));
  }
  if (context.stop.stop_requested()) {
    return Fail(MakeError(ErrorCode::kCancelled, request, endpoint, "the call was stopped"));
  }
  if (clock_.Now() >= context.deadline) {
    return Fail(MakeError(ErrorCode::kTimedOut, request, endpoint, "the call's deadline passed"));
  }
  std::unique_ptr<Session> session = pool_->Acquire(endpoint.origin);
  // A session whose transfer failed is dropped, and its connection with it.
  HttpResponse response =
      TRY(Exchange({request, endpoint, options_, clock_, *session}, context.line)
              .Perform(shared_->handle(), context));
  // Nothing of the exchange is left: from here on another thread may use the session.
  pool_->Release(endpoint.origin, std::move(session));
  return response;
}

}  // namespace skybridge
