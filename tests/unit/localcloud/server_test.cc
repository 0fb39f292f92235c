#include "tests/localcloud/server.h"

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include <curl/curl.h>
#include <gtest/gtest.h>

#include "tests/localcloud/admin_service.h"
#include "tests/support/fake_clock.h"

namespace skybridge::localcloud {
namespace {

using skybridge::testing::MakeSelfSigned;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Answers with the body it got, or with slices when the target asks for them; remembers the last
// request.
class EchoService final : public Service {
 public:
  Response Handle(const Request& request) override {
    std::lock_guard lock(mutex_);
    last_ = request;
    ++handled_;
    Response response{.operation = OperationOf(request)};
    response.headers.Add("x-echo", std::string(request.headers.Get("x-sent")));
    if (request.raw_path == "/slices") {
      const auto owner = std::make_shared<const std::string>("one two three");
      const std::string_view text = *owner;
      response.slices = {
          {owner, text.substr(0, 4)}, {owner, text.substr(4, 4)}, {owner, text.substr(8)}};
    } else if (request.raw_path == "/large") {
      const auto owner = std::make_shared<const std::string>(std::size_t{4} << 20, 'z');
      response.slices = {{owner, *owner}};
    } else {
      response.body = request.body;
    }
    return response;
  }
  std::string OperationOf(const Request& request) const override {
    return request.method == "HEAD" ? "echo.head" : "echo.other";
  }
  Response Refuse(const Request& request, const Denial& denial) const override {
    return {.status = denial.status,
            .reason = denial.code,
            .body = "refused " + denial.code,
            .operation = OperationOf(request)};
  }

  Request last() const {
    std::lock_guard lock(mutex_);
    return last_;
  }
  int handled() const {
    std::lock_guard lock(mutex_);
    return handled_;
  }

 private:
  mutable std::mutex mutex_;
  Request last_;
  int handled_ = 0;
};

struct Reply {
  CURLcode code = CURLE_OK;
  long status = 0;
  std::string status_line;
  std::string body;
  std::map<std::string, std::string> headers;  // lower-case names
};

std::size_t AppendBody(char* bytes, std::size_t, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(bytes, count);
  return count;
}

std::size_t AppendHeader(char* bytes, std::size_t, std::size_t count, void* cls) {
  auto& reply = *static_cast<Reply*>(cls);
  const std::string line(bytes, count);
  if (line.starts_with("HTTP/")) reply.status_line = line.substr(0, line.size() - 2);
  const std::size_t colon = line.find(": ");
  if (colon != std::string::npos) {
    std::string name = line.substr(0, colon);
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    reply.headers[name] = line.substr(colon + 2, line.size() - colon - 4);
  }
  return count;
}

// One client connection, kept alive between calls.
class Client {
 public:
  ~Client() { curl_easy_cleanup(curl_); }

  Reply Send(const std::string& method, const std::string& url, const std::string& body = {},
             const std::vector<std::string>& headers = {}) {
    curl_easy_reset(curl_);
    Reply reply;
    curl_slist* list = nullptr;
    for (const std::string& header : headers) list = curl_slist_append(list, header.c_str());
    curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl_, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl_, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
    curl_blob ca{.data = ca_pem_.data(), .len = ca_pem_.size(), .flags = CURL_BLOB_COPY};
    if (!ca_pem_.empty()) curl_easy_setopt(curl_, CURLOPT_CAINFO_BLOB, &ca);
    if (method == "HEAD") curl_easy_setopt(curl_, CURLOPT_NOBODY, 1L);
    if (method != "HEAD" && method != "GET") {
      curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
      curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, body.data());
      curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, method.c_str());
    }
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, AppendBody);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &reply.body);
    curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, AppendHeader);
    curl_easy_setopt(curl_, CURLOPT_HEADERDATA, &reply);
    reply.code = curl_easy_perform(curl_);
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &reply.status);
    curl_easy_getinfo(curl_, CURLINFO_NUM_CONNECTS, &new_connections_);
    curl_slist_free_all(list);
    return reply;
  }
  long new_connections() const { return new_connections_; }
  void Trust(std::string ca_pem) { ca_pem_ = std::move(ca_pem); }

 private:
  CURL* curl_ = curl_easy_init();
  long new_connections_ = 0;
  std::string ca_pem_;
};

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = Server::Start(service_, clock_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }
  Reply Send(const std::string& method, const std::string& target, const std::string& body = {},
             const std::vector<std::string>& headers = {}) {
    return client_.Send(method, server_->url() + target, body, headers);
  }

  testing::FakeClock clock_;
  EchoService service_;
  std::unique_ptr<Server> server_;
  Client client_;
};

TEST_F(ServerTest, HandsOverTheTargetUndecoded) {
  ASSERT_EQ(Send("GET", "/a%2Fb/../%41//c?x=%20+&y=a=b").code, CURLE_OK);
  const Request seen = service_.last();
  EXPECT_EQ(seen.raw_target, "/a%2Fb/../%41//c?x=%20+&y=a=b");
  EXPECT_EQ(seen.raw_path, "/a%2Fb/../%41//c");
  EXPECT_EQ(seen.raw_query, "x=%20+&y=a=b");
  EXPECT_EQ(seen.local_address, server_->address());
}

TEST_F(ServerTest, WithACertificateSpeaksTlsAndNothingElse) {
  const TlsIdentity identity = MakeTlsIdentity().value();
  const auto server = Server::Start(service_, clock_, {.tls = identity}).value();
  const std::string url = server->url() + "/slices";
  ASSERT_EQ(url.substr(0, 8), "https://");
  EXPECT_EQ(client_.Send("GET", url).code, CURLE_PEER_FAILED_VERIFICATION);
  client_.Trust(identity.certificate_pem);
  EXPECT_EQ(client_.Send("GET", url).body, "one two three");
  EXPECT_EQ(client_.Send("PUT", server->url() + "/x", std::string(1 << 20, 'b')).body.size(),
            std::size_t{1} << 20);
  EXPECT_TRUE(service_.last().secure);
  EXPECT_NE(client_.Send("GET", "http://" + server->address()).code, CURLE_OK);
}

TEST_F(ServerTest, ClientsRefuseACertificateForOtherNamesOrAnotherTime) {
  const TlsIdentity other =
      MakeSelfSigned({.names = {"DNS:elsewhere.example"}, .elliptic = true}).value();
  const TlsIdentity old = MakeSelfSigned({.names = {"IP:127.0.0.1"},
                                          .elliptic = true,
                                          .begins = -std::chrono::hours(48),
                                          .ends = -std::chrono::hours(24)})
                              .value();
  for (const TlsIdentity& identity : {other, old}) {
    const auto server = Server::Start(service_, clock_, {.tls = identity}).value();
    client_.Trust(identity.certificate_pem);
    EXPECT_EQ(client_.Send("GET", server->url() + "/x").code, CURLE_PEER_FAILED_VERIFICATION);
  }
  EXPECT_EQ(service_.handled(), 0);
}

TEST_F(ServerTest, DoesNotStartWithABadCertificate) {
  const auto server = Server::Start(
      service_, clock_, {.tls = TlsIdentity{.certificate_pem = "no", .key_pem = "pem"}});
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(MakeSelfSigned({.names = {"nonsense"}}));
}

TEST_F(ServerTest, CarriesBodiesAndHeadersBothWays) {
  std::string body(3 << 20, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 + i / 1000);
  const Reply reply = Send("PATCH", "/x", body, {"x-sent: value", "Expect: 100-continue"});
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.body == body);
  EXPECT_EQ(reply.headers.at("x-echo"), "value");
}

TEST_F(ServerTest, SendsSlicesInOrder) {
  const Reply reply = Send("GET", "/slices");
  EXPECT_EQ(reply.body, "one two three");
  EXPECT_EQ(reply.headers.at("content-length"), "13");
}

TEST_F(ServerTest, AnswersHeadWithTheLengthOnly) {
  const Reply reply = Send("HEAD", "/slices");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-length"), "13");
  EXPECT_EQ(reply.body, "");
  EXPECT_EQ(server_->traffic().Of("echo.head").bytes_down, 0U);
}

TEST_F(ServerTest, KeepsConnectionsAlive) {
  Send("PUT", "/x", "abc");
  EXPECT_EQ(client_.new_connections(), 1);
  Send("GET", "/x");
  EXPECT_EQ(client_.new_connections(), 0);
}

TEST_F(ServerTest, CountsRequestsAndBytesByOperation) {
  Send("PUT", "/x", "abcde");
  Send("GET", "/slices");
  const TrafficCount count = server_->traffic().Of("echo.other");
  EXPECT_EQ(count.requests, 2U);
  EXPECT_EQ(count.bytes_up, 5U);
  EXPECT_EQ(count.bytes_down, 18U);
  EXPECT_EQ(count.by_status.at(200), 2U);
}

TEST_F(ServerTest, StampsDateByItsClockAndTheRulesSkew) {
  EXPECT_EQ(Send("GET", "/").headers.at("date"), "Mon, 05 Jan 2026 10:20:30 GMT");
  server_->rules().Add({.clock_skew = seconds(3600)});
  EXPECT_EQ(Send("GET", "/").headers.at("date"), "Mon, 05 Jan 2026 11:20:30 GMT");
  EXPECT_EQ(service_.last().clock_skew, seconds(3600));
}

TEST_F(ServerTest, RefusesInTheServicesWordsWithRetryAfter) {
  server_->rules().Add(
      {.count = 1, .fault = Fault::kStatus, .status = 503, .retry_after = seconds(7)});
  const Reply reply = Send("PUT", "/x", "abc");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body, "refused ");
  EXPECT_EQ(reply.headers.at("retry-after"), "7");
  EXPECT_EQ(service_.handled(), 0);
  EXPECT_EQ(Send("PUT", "/x", "abc").status, 200);
}

TEST_F(ServerTest, HandsTheCodeOfARuleToTheService) {
  server_->rules().Add({.fault = Fault::kStatus, .status = 403, .code = "AccountIsDisabled"});
  EXPECT_EQ(Send("GET", "/x").body, "refused AccountIsDisabled");
}

// A phrase is that of one reply: the next ones on the connection have their own.
TEST_F(ServerTest, SendsTheReasonPhraseOfAReply) {
  server_->rules().Add({.count = 1,
                        .fault = Fault::kStatus,
                        .status = 404,
                        .code = "The blob is not there.\nRequestId:1"});
  EXPECT_EQ(Send("HEAD", "/x").status_line, "HTTP/1.1 404 The blob is not there.");
  EXPECT_EQ(Send("HEAD", "/x").status_line, "HTTP/1.1 200 OK");
  server_->rules().Add({.fault = Fault::kStatus, .status = 404});
  EXPECT_EQ(Send("HEAD", "/x").status_line, "HTTP/1.1 404 Not Found");
}

TEST_F(ServerTest, ActsBeforeRefusingWhenAsked) {
  server_->rules().Add({.fault = Fault::kStatus, .status = 500, .act_first = true});
  EXPECT_EQ(Send("PUT", "/x", "abc").status, 500);
  EXPECT_EQ(service_.handled(), 1);
}

TEST_F(ServerTest, ResetsBeforeActing) {
  server_->rules().Add({.fault = Fault::kResetBefore});
  EXPECT_NE(Send("PUT", "/x", "abc").code, CURLE_OK);
  EXPECT_EQ(service_.handled(), 0);
  EXPECT_EQ(server_->traffic().Of("echo.other").by_status.at(0), 1U);
}

TEST_F(ServerTest, LosesTheReplyAfterActing) {
  server_->rules().Add({.fault = Fault::kResetAfter});
  EXPECT_NE(Send("PUT", "/x", "abc").code, CURLE_OK);
  EXPECT_EQ(service_.handled(), 1);
}

TEST_F(ServerTest, SendsHalfABodyUnderTheFullLength) {
  server_->rules().Add({.fault = Fault::kHalfBody});
  const Reply reply = Send("GET", "/slices");
  EXPECT_EQ(reply.code, CURLE_PARTIAL_FILE);
  EXPECT_EQ(reply.body, "one tw");
  EXPECT_EQ(reply.headers.at("content-length"), "13");
}

TEST_F(ServerTest, FlipsOneBitOfAReply) {
  server_->rules().Add({.fault = Fault::kFlipDownload});
  const Reply reply = Send("PUT", "/x", "aaaa");
  EXPECT_EQ(reply.body.size(), 4U);
  EXPECT_NE(reply.body, "aaaa");
}

TEST_F(ServerTest, FlipsOneBitOfARequest) {
  server_->rules().Add({.fault = Fault::kFlipUpload});
  Send("PUT", "/x", "aaaa");
  EXPECT_EQ(service_.last().body.size(), 4U);
  EXPECT_NE(service_.last().body, "aaaa");
}

TEST_F(ServerTest, TellsTheServiceThatTokensAreExpired) {
  server_->rules().Add({.expire_tokens = true});
  Send("GET", "/");
  EXPECT_TRUE(service_.last().tokens_expired);
}

TEST_F(ServerTest, DelaysARequestByNoLessThanAsked) {
  server_->rules().Add({.delay = milliseconds(30)});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(Send("GET", "/").status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(30));
}

TEST_F(ServerTest, PacesAReplyAtTheRateAndLosesNothing) {
  server_->rules().Add({.download_bytes_per_second = std::uint64_t{64} << 20});
  const auto begin = std::chrono::steady_clock::now();
  const Reply reply = Send("GET", "/large");
  EXPECT_EQ(reply.body.size(), std::size_t{4} << 20);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(55));
}

TEST_F(ServerTest, PacesARequestAtTheRate) {
  server_->rules().Add({.upload_bytes_per_second = std::uint64_t{64} << 20});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(Send("PUT", "/large", std::string(std::size_t{4} << 20, 'u')).status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(55));
}

TEST_F(ServerTest, DelaysNoOtherConnection) {
  server_->rules().Add({.path = "/slow", .fault = Fault::kStall, .stall = seconds(600)});
  std::thread slow([&] {
    Client other;
    EXPECT_NE(other.Send("PUT", server_->url() + "/slow", "abcd").code, CURLE_OK);
  });
  while (service_.handled() == 0) std::this_thread::yield();
  EXPECT_EQ(Send("GET", "/fast").status, 200);
  server_->Stop();  // also wakes the stalled reply: the test would never end otherwise
  slow.join();
}

TEST_F(ServerTest, TakesRulesAndTellsCountsOverTheAdminInterface) {
  const auto storage = MakeMemoryStorage();
  const Slice kept = storage->Keep("12345");
  AdminService admin(server_->rules(), server_->traffic(), *storage);
  const auto admin_server = Server::Start(admin, clock_);
  ASSERT_TRUE(admin_server) << admin_server.error().message;
  const std::string url = (*admin_server)->url();
  Client client;
  EXPECT_EQ(client.Send("GET", url + "/admin/health").body, R"({"status":"ok"})");
  EXPECT_EQ(client.Send("GET", url + "/admin/memory").body, R"({"held_bytes":5})");
  EXPECT_EQ(
      client.Send("POST", url + "/admin/rules", R"([{"status":429,"count":1},{"delay_ms":1}])")
          .status,
      204);
  EXPECT_EQ(Send("GET", "/").status, 429);
  EXPECT_EQ(Send("GET", "/").status, 200);
  EXPECT_EQ(
      client.Send("GET", url + "/admin/counts").body,
      R"({"operations":{"echo.other":{"by_status":{"200":1,"429":1},"bytes_down":8,"bytes_up":0,"requests":2}},)"
      R"("total":{"by_status":{"200":1,"429":1},"bytes_down":8,"bytes_up":0,"requests":2}})");
  EXPECT_EQ(client.Send("POST", url + "/admin/reset-counts").status, 204);
  EXPECT_EQ(server_->traffic().All().size(), 0U);
  EXPECT_EQ(client.Send("POST", url + "/admin/rules", R"({"status":503})").status, 204);
  EXPECT_EQ(client.Send("DELETE", url + "/admin/rules").status, 204);
  EXPECT_EQ(Send("GET", "/").status, 200);
  EXPECT_EQ(client.Send("POST", url + "/admin/rules", R"({"statsu":503})").status, 400);
  EXPECT_EQ(client.Send("GET", url + "/admin/nothing").status, 404);
}

}  // namespace
}  // namespace skybridge::localcloud
