// CountingTransport, and the faults that tests inject below it.
#include <gtest/gtest.h>

#include "backends/http/counting_transport.h"
#include "tests/support/fault_injecting_transport.h"
#include "tests/support/scripted_transport.h"

namespace skybridge {
namespace {

using testing::Answer;
using testing::Fault;
using testing::FaultInjectingTransport;
using testing::ScriptedTransport;

HttpRequest Request(std::string operation, std::string_view body = {}) {
  return {.operation = std::move(operation),
          .method = "PUT",
          .url = "http://x/",
          .body = AsBytes(body)};
}

TEST(CountingTransport, CountsRequestsBytesAndStatusByOperation) {
  ScriptedTransport server;
  server.Answer(200, {}, "four").Answer(503).Answer(404, {}, "no");
  FaultInjectingTransport faults(server);
  CountingTransport transport(faults);
  EXPECT_TRUE(transport.Send(Request("put", "abc"), {}));
  EXPECT_TRUE(transport.Send(Request("put", "abc"), {}));
  EXPECT_TRUE(transport.Send(Request("head"), {}));
  faults.Inject({.operation = "head"});
  EXPECT_FALSE(transport.Send(Request("head"), {}));

  const RequestSnapshot counts = transport.Snapshot();
  EXPECT_EQ(counts.at("put"), (RequestCounts{.requests = 2,
                                             .body_bytes_sent = 6,
                                             .body_bytes_received = 4,
                                             .replies = {0, 0, 1, 0, 0, 1},
                                             .throttled = 1}));
  EXPECT_EQ(
      counts.at("head"),
      (RequestCounts{
          .requests = 2, .body_bytes_received = 2, .no_reply = 1, .replies = {0, 0, 0, 0, 1, 0}}));
  EXPECT_EQ(Total(counts).requests, 4u);
}

TEST(FaultInjectingTransport, BreaksChosenRequestsOnly) {
  ScriptedTransport server;
  server.Answer(200).Answer(201).Answer(202);
  FaultInjectingTransport transport(server);
  transport.Inject({.operation = "put", .skip = 1, .fault = Fault::kCutBeforeActing});
  EXPECT_EQ(transport.Send(Request("put"), {})->status, 200);
  EXPECT_EQ(transport.Send(Request("get"), {})->status, 201);
  EXPECT_EQ(transport.Send(Request("put"), {}).error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(transport.exhausted());
  EXPECT_EQ(transport.Send(Request("put"), {})->status, 202);
}

TEST(FaultInjectingTransport, LosesTheReplyAfterTheServerActed) {
  ScriptedTransport server;
  server.Answer(200).Answer(201);
  FaultInjectingTransport transport(server);
  transport.Inject({.fault = Fault::kCutAfterActing});
  EXPECT_FALSE(transport.Send(Request("put"), {}));
  EXPECT_EQ(transport.Send(Request("put"), {})->status, 201);
}

TEST(FaultInjectingTransport, AnswersInPlaceOfTheServer) {
  ScriptedTransport server;
  FaultInjectingTransport transport(server);
  transport.Inject(
      {.times = 2, .fault = Fault::kAnswer, .answer = Answer(429, {{"Retry-After", "1"}})});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(transport.Send(Request("put"), {})->headers.Get("retry-after"), "1");
  }
}

TEST(FaultInjectingTransport, DamagesBodies) {
  ScriptedTransport server;
  server.Answer(200, {}, "abcd").Answer(200, {}, "abcd");
  FaultInjectingTransport transport(server);
  transport.Inject({.fault = Fault::kWrongLength});
  transport.Inject({.fault = Fault::kWrongBytes});
  EXPECT_EQ(transport.Send(Request("get"), {})->body, "ab");
  EXPECT_EQ(transport.Send(Request("get"), {})->body, "abbd");
}

}  // namespace
}  // namespace skybridge
