// What stands between us and the service: names, addresses, proxies and certificates. Every fault
// has its code and its time.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "backends/http/curl_transport.h"
#include "tests/support/loopback_server.h"
#include "tests/support/machine_clock.h"
#include "tests/support/temp_directory.h"

namespace skybridge::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Connection = LoopbackServer::Connection;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

void AnswerOk(Connection& connection) {
  while (connection.ReadRequest()) connection.Send(kOk);
}

HttpRequest Get(std::string url) {
  return {.operation = "test.get", .method = "GET", .url = std::move(url)};
}

CallContext Within(milliseconds time) {
  return {.deadline = std::chrono::steady_clock::now() + time};
}

// Sets a variable of the environment for one test.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::string& value) : name_(name) {
    ::setenv(name, value.c_str(), 1);
  }
  ~ScopedVariable() { ::unsetenv(name_); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* name_;
};

class Certificates : public ::testing::Test {
 protected:
  // Asks a server with this certificate, trusting nothing but `trusted`.
  Result<HttpResponse> Ask(const SelfSignedOptions& options, bool trust = true) {
    const SelfSigned identity = MakeServerIdentity(options);
    LoopbackServer server(AnswerOk, {.identity = identity});
    CurlOptions curl;
    if (trust) {
      curl.ca_file = files_.Sub("ca.pem");
      std::ofstream(curl.ca_file) << identity.certificate_pem;
    }
    return CurlTransport(skybridge::testing::MachineClock(), curl)
        .Send(Get(server.Url("/x")), Within(seconds(10)));
  }
  static void ExpectRefused(const Result<HttpResponse>& answer) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kUnauthenticated) << answer.error().ToString();
    EXPECT_FALSE(answer.error().retryable);
  }

  TempDirectory files_;
};

TEST_F(Certificates, OfTheGivenAuthorityAreTrusted) { EXPECT_EQ(Ask({})->body, "ok"); }
TEST_F(Certificates, OfAnUnknownAuthorityAreRefused) { ExpectRefused(Ask({}, /*trust=*/false)); }
TEST_F(Certificates, OfAnotherHostAreRefused) {
  ExpectRefused(Ask({.names = {"DNS:storage.example"}}));
}
TEST_F(Certificates, ThatHaveExpiredAreRefused) {
  ExpectRefused(Ask({.begins = seconds(-7200), .ends = seconds(-3600)}));
}
TEST_F(Certificates, ThatAreNotValidYetAreRefused) {
  ExpectRefused(Ask({.begins = seconds(3600), .ends = seconds(7200)}));
}
TEST_F(Certificates, AreNotReplacedByAFileThatHoldsNone) {
  std::ofstream(files_.Sub("ca.pem")) << "no certificate\n";
  LoopbackServer server(AnswerOk, {.identity = MakeServerIdentity()});
  CurlTransport transport(skybridge::testing::MachineClock(), {.ca_file = files_.Sub("ca.pem")});
  ExpectRefused(transport.Send(Get(server.Url("/x")), Within(seconds(10))));
}

TEST(Tls, AServerThatSpeaksPlainHttpIsUnavailable) {
  LoopbackServer server([](Connection& c) {
    c.ReadBytes(1);
    c.Send(kOk);
  });
  const std::string url = "https://127.0.0.1:" + std::to_string(server.port()) + "/x";
  const auto answer =
      CurlTransport(skybridge::testing::MachineClock()).Send(Get(url), Within(seconds(10)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
}

TEST(Tls, AHandshakeThatStallsEndsWithTheConnectTimeout) {
  LoopbackServer server([](Connection& c) { c.ReadHead(); });
  CurlTransport transport(skybridge::testing::MachineClock(),
                          {.connect_timeout = milliseconds(200)});
  const std::string url = "https://127.0.0.1:" + std::to_string(server.port()) + "/x";
  const auto start = std::chrono::steady_clock::now();
  const auto answer = transport.Send(Get(url), Within(seconds(60)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kTimedOut);
  EXPECT_TRUE(answer.error().retryable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(10));
}

// ".invalid" never resolves (RFC 6761).
TEST(Names, ThatDoNotResolveAreUnavailableForNow) {
  CurlTransport transport(skybridge::testing::MachineClock(), {.connect_timeout = seconds(2)});
  const auto start = std::chrono::steady_clock::now();
  const auto answer =
      transport.Send(Get("https://storage.skybridge.invalid/x"), Within(seconds(60)));
  ASSERT_FALSE(answer);
  // A name server that is silent is one that times out.
  EXPECT_TRUE(answer.error().code == ErrorCode::kUnavailable ||
              answer.error().code == ErrorCode::kTimedOut);
  EXPECT_TRUE(answer.error().retryable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(20));
}

TEST(Addresses, MayBeIpv6) {
  LoopbackServer server(AnswerOk, {.ipv6 = true});
  const auto answer = CurlTransport(skybridge::testing::MachineClock())
                          .Send(Get(server.Url("/x")), Within(seconds(10)));
  ASSERT_TRUE(answer) << answer.error().ToString();
  EXPECT_EQ(answer->body, "ok");
}

// ---- Proxies ----

// A proxy that opens tunnels to one server, whatever they ask for, and remembers the request.
struct Tunnels {
  explicit Tunnels(int target_port) : target(target_port) {}

  const int target;
  std::string head;
  std::string reply = "HTTP/1.1 200 Connection established\r\n\r\n";
  LoopbackServer server{[this](Connection& c) {
    head = c.ReadHead().value_or("");
    c.Send(reply);
    if (reply.find(" 200 ") != std::string::npos) c.TunnelTo(target);
  }};
};

class Proxies : public ::testing::Test {
 protected:
  Proxies() { std::ofstream(files_.Sub("ca.pem")) << identity_.certificate_pem; }

  static constexpr const char* kUrl = "https://lake.storage.example/x";
  TempDirectory files_;
  const SelfSigned identity_ = MakeServerIdentity({.names = {"DNS:lake.storage.example"}});
  LoopbackServer service_{AnswerOk, {.identity = identity_}};
  Tunnels tunnels_{service_.port()};
  CurlTransport transport_{skybridge::testing::MachineClock(), {.ca_file = files_.Sub("ca.pem")}};
};

TEST_F(Proxies, TunnelTlsToTheServiceWhenTheEnvironmentSaysSo) {
  const ScopedVariable proxy("HTTPS_PROXY", tunnels_.server.Url(""));
  HttpRequest request = Get(kUrl);
  request.headers.Add("Authorization", "Bearer a-secret");
  const auto answer = transport_.Send(request, Within(seconds(10)));
  ASSERT_TRUE(answer) << answer.error().ToString();
  EXPECT_EQ(answer->body, "ok");
  EXPECT_TRUE(tunnels_.head.starts_with("CONNECT lake.storage.example:443 HTTP/1.1\r\n"));
  EXPECT_EQ(tunnels_.head.find("a-secret"), std::string::npos) << "credentials are for the service";
}

TEST_F(Proxies, CannotStandInForTheService) {
  LoopbackServer stranger(AnswerOk, {.identity = MakeServerIdentity()});
  Tunnels elsewhere(stranger.port());
  const ScopedVariable proxy("HTTPS_PROXY", elsewhere.server.Url(""));
  const auto answer = transport_.Send(Get(kUrl), Within(seconds(10)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnauthenticated);
}

TEST_F(Proxies, ThatRefuseAreUnavailable) {
  tunnels_.reply = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
  const ScopedVariable proxy("HTTPS_PROXY", tunnels_.server.Url(""));
  const auto answer = transport_.Send(Get(kUrl), Within(seconds(10)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(answer.error().retryable);
}

TEST_F(Proxies, ThatAreSilentEndWithTheConnectTimeout) {
  LoopbackServer silent([](Connection& c) { c.ReadBytes(1 << 20); });
  const ScopedVariable proxy("HTTPS_PROXY", silent.Url(""));
  CurlTransport transport(skybridge::testing::MachineClock(),
                          {.connect_timeout = milliseconds(200)});
  const auto answer = transport.Send(Get(kUrl), Within(seconds(60)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kTimedOut);
}

TEST_F(Proxies, AreNotAskedForHostsThatNoProxyNames) {
  const ScopedVariable proxy("HTTPS_PROXY", tunnels_.server.Url(""));
  const ScopedVariable except("NO_PROXY", "storage.skybridge.invalid");
  CurlTransport transport(skybridge::testing::MachineClock(), {.connect_timeout = seconds(2)});
  EXPECT_FALSE(transport.Send(Get("https://storage.skybridge.invalid/x"), Within(seconds(10))));
  EXPECT_EQ(tunnels_.server.connections(), 0);
}

TEST_F(Proxies, AreNeverAskedForLoopback) {
  const ScopedVariable proxy("HTTPS_PROXY", tunnels_.server.Url(""));
  const SelfSigned here = MakeServerIdentity();
  std::ofstream(files_.Sub("here.pem")) << here.certificate_pem;
  LoopbackServer server(AnswerOk, {.identity = here});
  CurlTransport transport(skybridge::testing::MachineClock(), {.ca_file = files_.Sub("here.pem")});
  EXPECT_TRUE(transport.Send(Get(server.Url("/x")), Within(seconds(10))));
  EXPECT_EQ(tunnels_.server.connections(), 0);
}

// ---- Redirections ----

TEST(Redirections, AreNotFollowedAndCarryNoCredentialsElsewhere) {
  LoopbackServer elsewhere(AnswerOk);
  LoopbackServer server([&](Connection& c) {
    while (c.ReadRequest()) {
      c.Send("HTTP/1.1 307 Temporary Redirect\r\nLocation: " + elsewhere.Url("/x") +
             "\r\nContent-Length: 0\r\n\r\n");
    }
  });
  HttpRequest request = Get(server.Url("/x"));
  request.headers.Add("Authorization", "Bearer a-secret");
  const auto answer =
      CurlTransport(skybridge::testing::MachineClock()).Send(request, Within(seconds(10)));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 307);
  EXPECT_EQ(elsewhere.connections(), 0);
}

}  // namespace
}  // namespace skybridge::testing
