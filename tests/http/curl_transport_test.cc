#include "backends/http/curl_transport.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "core/service_line.h"
#include "tests/support/loopback_server.h"
#include "tests/support/machine_clock.h"
#include "tests/support/temp_directory.h"

namespace skybridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::LoopbackServer;
using Connection = LoopbackServer::Connection;

constexpr std::string_view kEmptyOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

CallContext Within(milliseconds time) {
  return {.deadline = std::chrono::steady_clock::now() + time};
}

// Answers every request with `reply` and remembers the last one.
struct Recorder {
  std::string reply{kEmptyOk};
  LoopbackServer::Request last = {};
  LoopbackServer server{[this](Connection& c) {
    while (auto request = c.ReadRequest()) {
      last = *request;
      c.Send(reply);
    }
  }};
};

TEST(CurlTransport, SendsTheUrlByteForByte) {
  Recorder recorder;
  CurlTransport transport{skybridge::testing::MachineClock()};
  const std::string path = "/a/../b/./c//%2f%2F%20+;=?x=%2f&y=a+b&z";
  ASSERT_TRUE(transport.Send({.operation = "t", .method = "GET", .url = recorder.server.Url(path)},
                             Within(seconds(5))));
  EXPECT_EQ(recorder.last.head.substr(0, recorder.last.head.find("\r\n")),
            "GET " + path + " HTTP/1.1");
}

TEST(CurlTransport, AddsOnlyHostLengthAndUserAgent) {
  Recorder recorder;
  CurlTransport transport(skybridge::testing::MachineClock(), {.user_agent = "test/1"});
  const std::string host = "Host: 127.0.0.1:" + std::to_string(recorder.server.port()) + "\r\n";
  const struct {
    const char* method;
    std::string_view body;
    const char* length;
  } cases[] = {{"GET", "", ""},
               {"DELETE", "", ""},
               {"PUT", "", "Content-Length: 0\r\n"},
               {"PATCH", "", "Content-Length: 0\r\n"},
               {"POST", "abc", "Content-Length: 3\r\n"}};
  for (const auto& c : cases) {
    ASSERT_TRUE(transport.Send({.operation = "t",
                                .method = c.method,
                                .url = recorder.server.Url("/x"),
                                .headers = {},
                                .body = AsBytes(c.body)},
                               Within(seconds(5))));
    EXPECT_EQ(recorder.last.head, std::string(c.method) + " /x HTTP/1.1\r\n" + host +
                                      "User-Agent: test/1\r\n" + c.length + "\r\n");
    EXPECT_EQ(recorder.last.body, c.body);
  }
}

TEST(CurlTransport, SendsHeadersAsGivenAndTheBodysOwnLength) {
  Recorder recorder;
  CurlTransport transport{skybridge::testing::MachineClock()};
  HttpRequest request{
      .operation = "t", .method = "PUT", .url = recorder.server.Url("/x"), .body = AsBytes("abc")};
  request.headers.Add("x-ms-date", "now");
  request.headers.Add("x-empty", "");
  request.headers.Add("content-length", "3");
  request.headers.Add("content-type", "text/plain");
  ASSERT_TRUE(transport.Send(request, Within(seconds(5))));
  EXPECT_NE(recorder.last.head.find("\r\nx-ms-date: now\r\n"), std::string::npos);
  EXPECT_NE(recorder.last.head.find("\r\nx-empty:\r\n"), std::string::npos);
  EXPECT_NE(recorder.last.head.find("\r\ncontent-type: text/plain\r\n"), std::string::npos);
  EXPECT_EQ(recorder.last.head.find("content-length"), std::string::npos);
  EXPECT_NE(recorder.last.head.find("\r\nContent-Length: 3\r\n"), std::string::npos);
}

TEST(CurlTransport, RefusesHeadersWithLineBreaks) {
  CurlTransport transport{skybridge::testing::MachineClock()};
  HttpRequest request{.operation = "t", .method = "GET", .url = "http://127.0.0.1:1/"};
  request.headers.Add("x-name", "a\r\nx-evil: b");
  EXPECT_EQ(transport.Send(request, Within(seconds(5))).error().code, ErrorCode::kInvalidArgument);
}

TEST(CurlTransport, ReturnsAnyStatusWithHeadersAndBody) {
  Recorder recorder{.reply =
                        "HTTP/1.1 404 Missing\r\nX-Ms-Error-Code:  PathNotFound "
                        "\r\nContent-Length: 4\r\n\r\ngone"};
  CurlTransport transport{skybridge::testing::MachineClock()};
  std::array<std::byte, 2> into{};
  const auto response = transport.Send(
      {.operation = "t", .method = "GET", .url = recorder.server.Url("/x"), .receive_into = into},
      Within(seconds(5)));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->headers.Get("x-ms-error-code"), "PathNotFound");
  EXPECT_EQ(response->body, "gone");
  EXPECT_EQ(response->bytes_received, 0u);
}

TEST(CurlTransport, WritesTheBodyWhereItIsWanted) {
  Recorder recorder{.reply = "HTTP/1.1 206 Partial\r\nContent-Length: 4\r\n\r\ndata"};
  CurlTransport transport{skybridge::testing::MachineClock()};
  std::array<char, 6> into{};
  const auto response = transport.Send({.operation = "t",
                                        .method = "GET",
                                        .url = recorder.server.Url("/x"),
                                        .receive_into = std::as_writable_bytes(std::span(into))},
                                       Within(seconds(5)));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->bytes_received, 4u);
  EXPECT_EQ(std::string_view(into.data(), 4), "data");
  EXPECT_EQ(response->body, "");
}

TEST(CurlTransport, RefusesMoreBytesThanWereAskedFor) {
  Recorder recorder{.reply = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndata"};
  CurlTransport transport{skybridge::testing::MachineClock()};
  std::array<std::byte, 3> into{};
  const auto response = transport.Send(
      {.operation = "t", .method = "GET", .url = recorder.server.Url("/x"), .receive_into = into},
      Within(seconds(5)));
  EXPECT_EQ(response.error().code, ErrorCode::kCorrupt);
}

TEST(CurlTransport, HalfABodyIsAnError) {
  for (const bool reset : {false, true}) {
    LoopbackServer server([&](Connection& c) {
      c.ReadRequest();
      c.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      if (reset) c.Reset();
    });
    CurlTransport transport{skybridge::testing::MachineClock()};
    std::array<std::byte, 10> into{};
    const auto response = transport.Send(
        {.operation = "t", .method = "GET", .url = server.Url("/x"), .receive_into = into},
        Within(seconds(5)));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
    EXPECT_TRUE(response.error().retryable);
  }
}

TEST(CurlTransport, HeadHasALengthAndNoBody) {
  Recorder recorder{.reply = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: x\r\n\r\n"};
  CurlTransport transport{skybridge::testing::MachineClock()};
  for (int i = 0; i < 2; ++i) {
    const auto response = transport.Send(
        {.operation = "t", .method = "HEAD", .url = recorder.server.Url("/x")}, Within(seconds(5)));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->headers.Get("Content-Length"), "1000");
  }
  EXPECT_EQ(recorder.server.connections(), 1);
}

TEST(CurlTransport, KeepsOneConnectionForRequestsInTurn) {
  Recorder recorder;
  CurlTransport transport{skybridge::testing::MachineClock()};
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(transport.Send(
        {.operation = "t", .method = "GET", .url = recorder.server.Url("/x")}, Within(seconds(5))));
  }
  EXPECT_EQ(recorder.server.connections(), 1);
}

TEST(CurlTransport, OpensOneConnectionForEachRequestInFlight) {
  std::latch all_here(4);
  LoopbackServer server([&](Connection& c) {
    c.ReadRequest();
    all_here.arrive_and_wait();
    c.Send(kEmptyOk);
  });
  CurlTransport transport{skybridge::testing::MachineClock()};
  std::atomic<int> answered = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        if (transport.Send({.operation = "t", .method = "GET", .url = server.Url("/x")},
                           Within(seconds(5))))
          ++answered;
      });
    }
  }
  EXPECT_EQ(answered, 4);
}

TEST(CurlTransport, RepeatsAGetButNeverAWriteOnABrokenKeptConnection) {
  for (const std::string method : {"GET", "DELETE", "PUT"}) {
    std::atomic<int> requests = 0;
    LoopbackServer server([&](Connection& c) {
      if (!c.ReadRequest()) return;
      c.Send(kEmptyOk);
      // The second request arrives whole and may have been carried out: then the connection ends
      // without a reply.
      if (requests++ == 0) c.ReadRequest();
    });
    CurlTransport transport{skybridge::testing::MachineClock()};
    const HttpRequest request{.operation = "t", .method = method, .url = server.Url("/x")};
    ASSERT_TRUE(transport.Send(request, Within(seconds(5))));
    const auto second = transport.Send(request, Within(seconds(5)));
    if (method == "GET") {
      EXPECT_TRUE(second);
    } else {
      ASSERT_FALSE(second) << method;
      EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
      EXPECT_EQ(requests, 1) << "the request was repeated behind our back";
    }
  }
}

TEST(CurlTransport, LeavesAConnectionThatAnsweredBeforeTheBodyWasSent) {
  std::atomic<int> served = 0;
  LoopbackServer server([&](Connection& c) {
    while (c.ReadHead()) {
      ++served;
      c.Send("HTTP/1.1 412 Condition Not Met\r\nContent-Length: 0\r\n\r\n");
    }
  });
  CurlTransport transport{skybridge::testing::MachineClock()};
  const std::string body(1 << 20, 'x');
  const HttpRequest request{.operation = "t",
                            .method = "PUT",
                            .url = server.Url("/x"),
                            .body = AsBytes(body),
                            .expect_continue = true};
  for (int i = 0; i < 2; ++i) EXPECT_EQ(transport.Send(request, Within(seconds(5)))->status, 412);
  EXPECT_EQ(server.connections(), 2);
  EXPECT_EQ(served, 2);
}

TEST(CurlTransport, WaitsForContinueOnlyWhenAsked) {
  const std::string body(3 << 20, 'x');
  std::string head, received;
  LoopbackServer server([&](Connection& c) {
    head = c.ReadHead().value_or("");
    if (head.find("Expect: 100-continue") != std::string::npos)
      c.Send("HTTP/1.1 100 Continue\r\n\r\n");
    received = c.ReadBytes(body.size()).value_or("");
    c.Send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  });
  for (const bool expect : {false, true}) {
    CurlTransport transport{skybridge::testing::MachineClock()};
    const auto response = transport.Send({.operation = "t",
                                          .method = "PUT",
                                          .url = server.Url("/x"),
                                          .body = AsBytes(body),
                                          .expect_continue = expect},
                                         Within(seconds(5)));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 201);
    EXPECT_EQ(received, body);
    EXPECT_EQ(head.find("Expect") != std::string::npos, expect);
  }
}

// A server that takes connections and requests and never answers.
struct Silent {
  std::latch reached{1};
  LoopbackServer server{[this](Connection& c) {
    c.ReadRequest();
    reached.count_down();
    c.ReadRequest();
  }};
};

TEST(CurlTransport, StopsAtOnceWhenTold) {
  Silent silent;
  CurlTransport transport{skybridge::testing::MachineClock()};
  std::stop_source stop;
  std::jthread stopper([&] {
    silent.reached.wait();
    stop.request_stop();
  });
  const auto before = std::chrono::steady_clock::now();
  const auto response =
      transport.Send({.operation = "t", .method = "GET", .url = silent.server.Url("/x")},
                     {.deadline = before + seconds(60), .stop = stop.get_token()});
  EXPECT_EQ(response.error().code, ErrorCode::kCancelled);
  EXPECT_FALSE(response.error().retryable);
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(20));
}

TEST(CurlTransport, EndsAtTheCallsDeadline) {
  Silent silent;
  CurlTransport transport{skybridge::testing::MachineClock()};
  const auto response =
      transport.Send({.operation = "t", .method = "GET", .url = silent.server.Url("/x")},
                     Within(milliseconds(50)));
  EXPECT_EQ(response.error().code, ErrorCode::kTimedOut);
  EXPECT_TRUE(response.error().retryable);
}

TEST(CurlTransport, EndsWhenTheFirstByteIsLate) {
  Silent silent;
  CurlTransport transport(skybridge::testing::MachineClock(),
                          {.first_byte_timeout = milliseconds(50), .stall_timeout = seconds(300)});
  const auto response = transport.Send(
      {.operation = "t", .method = "PUT", .url = silent.server.Url("/x")}, Within(seconds(60)));
  EXPECT_EQ(response.error().code, ErrorCode::kTimedOut);
  EXPECT_NE(response.error().message.find("did not answer in time"), std::string::npos)
      << "not the call's deadline: " << response.error().message;
}

// What a transport tells of its exchanges.
struct Listener final : ServiceLine {
  std::atomic<int> sent = 0, heard = 0, ended = 0, silent = 0;
  std::atomic<bool> given_up = false;

  void Sent() override { ++sent; }
  void Heard() override { ++heard; }
  void Ended(bool was_silent) override {
    ++ended;
    if (was_silent) ++silent;
  }
  bool IsGivenUp() override { return given_up; }
  void Served(std::chrono::nanoseconds) override {}
  bool AwaitTurn(const Error&, int) override { return false; }
};

TEST(CurlTransport, TellsASilentServiceFromOneThatAnswersAnything) {
  const auto exchange = [](const std::string& url, Listener& line) {
    CurlTransport transport(skybridge::testing::MachineClock(),
                            {.first_byte_timeout = milliseconds(50)});
    CallContext context = Within(seconds(20));
    context.line = &line;
    return transport.Send({.operation = "t", .method = "GET", .url = url}, context);
  };
  {
    Silent silent;
    Listener line;
    const auto response = exchange(silent.server.Url("/x"), line);
    EXPECT_TRUE(response.error().IsOutOfReach());
    EXPECT_EQ(line.heard, 0);
    EXPECT_EQ(line.silent, 1);
  }
  {
    LoopbackServer half([](Connection& c) {
      c.ReadRequest();
      c.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    });
    Listener line;
    EXPECT_FALSE(exchange(half.Url("/x"), line).error().IsOutOfReach());
    EXPECT_GE(line.heard, 1);
    EXPECT_EQ(line.silent, 0);
  }
  {
    LoopbackServer reset([](Connection& c) {
      c.ReadRequest();
      c.Reset();
    });
    Listener line;
    EXPECT_FALSE(exchange(reset.Url("/x"), line).error().IsOutOfReach());
    EXPECT_EQ(line.silent, 0);
  }
  {
    Listener line;
    EXPECT_TRUE(exchange("http://127.0.0.1:1/x", line).error().IsOutOfReach()) << "nobody listens";
    EXPECT_EQ(line.sent, 1);
    EXPECT_EQ(line.ended, 1);
  }
}

TEST(CurlTransport, EndsWhenTheServiceIsGivenUp) {
  Silent silent;
  Listener line;
  line.given_up = true;
  CurlTransport transport{skybridge::testing::MachineClock()};
  CallContext context = Within(seconds(60));
  context.line = &line;
  const auto response =
      transport.Send({.operation = "t", .method = "GET", .url = silent.server.Url("/x")}, context);
  EXPECT_EQ(response.error().code, ErrorCode::kUnreachable);
}

TEST(CurlTransport, EndsWhenTheReplyStalls) {
  LoopbackServer server([](Connection& c) {
    c.ReadRequest();
    c.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    c.ReadRequest();
  });
  CurlTransport transport(skybridge::testing::MachineClock(), {.stall_timeout = milliseconds(50)});
  const auto response = transport.Send({.operation = "t", .method = "GET", .url = server.Url("/x")},
                                       Within(seconds(60)));
  EXPECT_EQ(response.error().code, ErrorCode::kTimedOut);
  EXPECT_NE(response.error().message.find("the reply stalled"), std::string::npos)
      << "not the call's deadline: " << response.error().message;
}

TEST(CurlTransport, SendsNothingAfterTheDeadlineOrAStop) {
  Recorder recorder;
  CurlTransport transport{skybridge::testing::MachineClock()};
  const HttpRequest request{.operation = "t", .method = "GET", .url = recorder.server.Url("/x")};
  EXPECT_EQ(transport.Send(request, Within(milliseconds(-1))).error().code, ErrorCode::kTimedOut);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(transport.Send(request, {.stop = stop.get_token()}).error().code,
            ErrorCode::kCancelled);
  EXPECT_EQ(recorder.server.connections(), 0);
}

TEST(CurlTransport, NoServerIsUnavailable) {
  int port = 0;
  {
    LoopbackServer gone([](Connection&) {});
    port = gone.port();
  }
  CurlTransport transport{skybridge::testing::MachineClock()};
  const auto response = transport.Send(
      {.operation = "t", .method = "GET", .url = "http://127.0.0.1:" + std::to_string(port) + "/"},
      Within(seconds(5)));
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(response.error().retryable);
}

TEST(CurlTransport, RefusesUrlsAndPlainHttpToOtherMachines) {
  CurlTransport transport{skybridge::testing::MachineClock()};
  for (const char* url : {"", "ftp://127.0.0.1/x", "not a url", "http://user:secret@127.0.0.1/",
                          "http://example.com/"}) {
    const auto response =
        transport.Send({.operation = "t", .method = "GET", .url = url}, Within(seconds(5)));
    EXPECT_EQ(response.error().code, ErrorCode::kInvalidArgument) << url;
    EXPECT_EQ(response.error().message.find("secret"), std::string::npos);
  }
}

TEST(CurlTransport, NeverAsksAProxyForLoopback) {
  LoopbackServer proxy([](Connection& c) { c.ReadRequest(); });
  Recorder recorder;
  ::setenv("http_proxy", proxy.Url("").c_str(), 1);
  ::unsetenv("no_proxy");
  ::unsetenv("NO_PROXY");
  CurlTransport transport(skybridge::testing::MachineClock(), {.allow_plain_http = true});
  const auto direct = transport.Send(
      {.operation = "t", .method = "GET", .url = recorder.server.Url("/x")}, Within(seconds(5)));
  const auto through = transport.Send(
      {.operation = "t", .method = "GET", .url = "http://example.com/x"}, Within(seconds(5)));
  ::unsetenv("http_proxy");
  EXPECT_TRUE(direct);
  EXPECT_FALSE(through);
  EXPECT_EQ(proxy.connections(), 1);
}

TEST(CurlTransport, TrustsOnlyTheGivenCertificates) {
  const testing::SelfSigned identity = testing::MakeServerIdentity();
  LoopbackServer server(
      [](Connection& c) {
        while (c.ReadRequest()) c.Send(kEmptyOk);
      },
      {.identity = identity});
  const testing::TempDirectory directory;
  const std::string ca_file = directory.Sub("ca.pem");
  std::ofstream(ca_file) << identity.certificate_pem;
  const HttpRequest request{.operation = "t", .method = "GET", .url = server.Url("/x")};

  CurlTransport trusting(skybridge::testing::MachineClock(), {.ca_file = ca_file});
  EXPECT_TRUE(trusting.Send(request, Within(seconds(5))));
  CurlTransport wary{skybridge::testing::MachineClock()};
  const auto refused = wary.Send(request, Within(seconds(5)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthenticated);
  EXPECT_FALSE(refused.error().retryable);
}

TEST(CurlTransport, ClosesTheOldestIdleConnectionsBeyondTheBound) {
  std::latch all_here(3);
  std::atomic<int> open = 0;
  LoopbackServer server([&](Connection& c) {
    ++open;
    c.ReadRequest();
    all_here.arrive_and_wait();
    c.Send(kEmptyOk);
    c.ReadRequest();
    --open;
  });
  CurlTransport transport(skybridge::testing::MachineClock(), {.max_idle_connections = 1});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        EXPECT_TRUE(transport.Send({.operation = "t", .method = "GET", .url = server.Url("/x")},
                                   Within(seconds(5))));
      });
    }
  }
  while (open > 1) std::this_thread::yield();
  EXPECT_EQ(open, 1);
}

}  // namespace
}  // namespace skybridge
