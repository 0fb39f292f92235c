// Replies that no service should give, and proxies and portals do: each has its code, nothing of
// them reaches a caller as data, and the call ends in time.
#include <chrono>
#include <string>
#include <vector>

#include "backends/azure/open_store.h"
#include "backends/azure/shared_key.h"
#include "backends/oci/oci_store.h"
#include "tests/faults/faulty_cloud.h"
#include "tests/localcloud/azure_service.h"
#include "tests/support/loopback_server.h"
#include "tests/support/machine_clock.h"
#include "tests/unit/backends/oci_test_key.h"

namespace skybridge::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Connection = LoopbackServer::Connection;
using Serve = std::function<void(Connection&)>;

// A store of either cloud at a server that does what a test says. One attempt, and little patience.
class Misled {
 public:
  Misled(CloudKind kind, Serve serve) : server_(std::move(serve)) {
    if (kind == CloudKind::kOci) {
      store_ = Must(
          oci::MakeOciStore({.endpoint = server_.Url(""),
                             .region = "us-ashburn-1",
                             .name_space = "ns",
                             .bucket = "lake"},
                            curl_,
                            Must(oci::MakeIdentityProvider(
                                {.profile = {.tenancy = std::string(oci::testing::kTenancy),
                                             .user = std::string(oci::testing::kUser),
                                             .fingerprint = std::string(oci::testing::kFingerprint),
                                             .key_content = std::string(oci::testing::kPkcs8)}},
                                curl_, clock_)),
                            clock_));
      return;
    }
    store_ = Must(azure::OpenStore(
        {.account = "account",
         .container = "lake",
         .dfs_endpoint = server_.Url("/account"),
         .blob_endpoint =
             kind == CloudKind::kAzureDfsOnly ? std::string() : server_.Url("/account"),
         .hierarchical = kind != CloudKind::kAzureFlat,
         .credential =
             Must(azure::SharedKeyCredential::Make("account", localcloud::kAzureEmulatorKey))},
        curl_, clock_, {}));
  }

  ObjectStore& store() { return *store_; }
  SystemClock& clock() { return clock_; }
  CallContext Context() const { return {.deadline = clock_.Now() + seconds(30)}; }

  Result<ObjectInfo> Head() { return store_->Head(ObjectKey("file"), Context()); }
  Result<GetReply> Get() {
    return store_->Get({.key = ObjectKey("file"), .range = {0, 10}, .if_match = ETag("v1")}, bytes_,
                       Context());
  }
  Result<ObjectInfo> Put() {
    return store_->Put({.key = ObjectKey("file"), .body = AsBytes("content")}, Context());
  }
  Result<ListPage> List() { return store_->List({.directory = ObjectKey("dir")}, Context()); }
  Status Delete() { return store_->Delete({.key = ObjectKey("file")}, Context()); }

 private:
  SystemClock clock_;
  LoopbackServer server_;
  CurlTransport curl_{skybridge::testing::MachineClock(),
                      {.connect_timeout = seconds(5),
                       .first_byte_timeout = milliseconds(200),
                       .stall_timeout = milliseconds(200)}};
  std::unique_ptr<ObjectStore> store_;
  std::array<std::byte, 10> bytes_{};
};

std::string WithBody(std::string_view head, std::string_view body) {
  return std::string(head) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

// The same bytes in answer to everything; the reply to a HEAD ends with its head.
Serve Always(const std::string& reply) {
  return [reply](Connection& connection) {
    while (const auto request = connection.ReadRequest()) {
      const bool head = request->head.starts_with("HEAD ");
      connection.Send(head ? reply.substr(0, reply.find("\r\n\r\n") + 4) : reply);
    }
  };
}

struct Strange {
  const char* name;
  Serve serve;
  ErrorCode expected;
  bool retryable;
};

// Short enough to pass for what was asked for.
constexpr std::string_view kPage = "<html>Hi";
std::string Html(std::string_view status) {
  return WithBody(
      "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: text/html\r\nETag: \"v1\"\r\n", kPage);
}

// What every operation makes of it, reads and writes alike.
const Strange kStrange[] = {
    {"APortalsPage", Always(Html("200 OK")), ErrorCode::kUnavailable, true},
    {"AGatewaysNotFound", Always(Html("404 Not Found")), ErrorCode::kUnavailable, true},
    {"AGatewaysConflict", Always(Html("412 Precondition Failed")), ErrorCode::kUnavailable, true},
    {"AProxysRefusal", Always(Html("403 Forbidden")), ErrorCode::kPermissionDenied, false},
    {"ABadGateway", Always(Html("502 Bad Gateway")), ErrorCode::kUnavailable, true},
    {"ABusyGateway", Always(Html("503 Service Unavailable")), ErrorCode::kUnavailable, true},
    {"AGatewaysTimeout", Always(Html("504 Gateway Timeout")), ErrorCode::kUnavailable, true},
    {"ARedirection",
     Always(WithBody("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/login\r\n", "")),
     ErrorCode::kUnavailable, false},
    {"NoHttp", Always("220 mail.example ESMTP\r\n\r\n"), ErrorCode::kUnavailable, true},
    {"AReset",
     [](Connection& c) {
       c.ReadRequest();
       c.Reset();
     },
     ErrorCode::kUnavailable, true},
    {"AnEndWithoutAReply", [](Connection& c) { c.ReadRequest(); }, ErrorCode::kUnavailable, true},
    {"AHeadWithoutAnEnd",
     [](Connection& c) {
       c.ReadRequest();
       c.Send("HTTP/1.1 200 OK\r\nContent-Le");
     },
     ErrorCode::kUnavailable, true},
    {"Silence",
     [](Connection& c) {
       c.ReadRequest();
       c.ReadRequest();
     },
     ErrorCode::kTimedOut, true},
    {"AHeadThatStalls",
     [](Connection& c) {
       c.ReadRequest();
       c.Send("HTTP/1.1 200 OK\r\n");
       c.ReadRequest();
     },
     ErrorCode::kTimedOut, true},
};

template <class T>
void ExpectError(const Result<T>& result, ErrorCode code, bool retryable) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, code) << result.error().ToString();
  EXPECT_EQ(result.error().retryable, retryable) << result.error().ToString();
}

class StrangeReplies : public ::testing::TestWithParam<std::tuple<CloudKind, const Strange*>> {};

TEST_P(StrangeReplies, HaveOneMeaningForEveryOperation) {
  const auto [kind, strange] = GetParam();
  Misled misled(kind, strange->serve);
  const auto start = std::chrono::steady_clock::now();
  ExpectError(misled.Head(), strange->expected, strange->retryable);
  ExpectError(misled.Get(), strange->expected, strange->retryable);
  ExpectError(misled.Put(), strange->expected, strange->retryable);
  ExpectError(misled.List(), strange->expected, strange->retryable);
  ExpectError(misled.Delete(), strange->expected, strange->retryable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(20));
}

std::vector<const Strange*> AllStrange() {
  std::vector<const Strange*> all;
  for (const Strange& strange : kStrange) all.push_back(&strange);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Stores, StrangeReplies,
                         ::testing::Combine(::testing::ValuesIn(kAllClouds),
                                            ::testing::ValuesIn(AllStrange())),
                         [](const auto& test) {
                           return std::string(NameOf(std::get<CloudKind>(test.param))) + "_" +
                                  std::get<const Strange*>(test.param)->name;
                         });

// ---- The service's own replies, damaged ----

class DamagedReplies : public ::testing::TestWithParam<CloudKind> {
 protected:
  static std::string Ok(std::string_view status, std::string_view more = {}) {
    return "HTTP/1.1 " + std::string(status) +
           "\r\nx-ms-request-id: r\r\nopc-request-id: r\r\nETag: \"v1\"\r\n" + std::string(more);
  }
  static Serve ThenSilence(const std::string& reply) {
    return [reply](Connection& connection) {
      connection.ReadRequest();
      connection.Send(reply);
      connection.ReadRequest();
    };
  }
};

TEST_P(DamagedReplies, HalfABodyIsUnavailable) {
  Misled misled(GetParam(), [](Connection& c) {
    c.ReadRequest();
    c.Send(Ok("206 Partial Content", "Content-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n") +
           "half");
  });
  ExpectError(misled.Get(), ErrorCode::kUnavailable, true);
}

TEST_P(DamagedReplies, FewerBytesThanTheObjectHasAreCorrupt) {
  Misled misled(
      GetParam(),
      Always(WithBody(Ok("206 Partial Content", "Content-Range: bytes 0-4/10\r\n"), "01234")));
  ExpectError(misled.Get(), ErrorCode::kCorrupt, true);
}

TEST_P(DamagedReplies, AnotherRangeIsCorrupt) {
  Misled misled(
      GetParam(),
      Always(WithBody(Ok("206 Partial Content", "Content-Range: bytes 5-9/10\r\n"), "01234")));
  ExpectError(misled.Get(), ErrorCode::kCorrupt, true);
}

TEST_P(DamagedReplies, MoreBytesThanWereAskedForAreCorrupt) {
  Misled misled(GetParam(), Always(WithBody(Ok("200 OK"), "0123456789abcdef")));
  ExpectError(misled.Get(), ErrorCode::kCorrupt, false);
}

// A cache in between that does not understand If-Match.
TEST_P(DamagedReplies, AnotherVersionThanWasAskedForIsAFailedPrecondition) {
  Misled misled(GetParam(), Always(WithBody("HTTP/1.1 206 Partial Content\r\nx-ms-request-id: r\r\n"
                                            "opc-request-id: r\r\nETag: \"v2\"\r\n"
                                            "Content-Range: bytes 0-9/10\r\n",
                                            "0123456789")));
  ExpectError(misled.Get(), ErrorCode::kPreconditionFailed, false);
}

TEST_P(DamagedReplies, ABodyThatStallsTimesOut) {
  Misled misled(GetParam(), ThenSilence(Ok("206 Partial Content",
                                           "Content-Range: bytes 0-9/10\r\n"
                                           "Content-Length: 10\r\n\r\n") +
                                        "half"));
  const auto start = std::chrono::steady_clock::now();
  ExpectError(misled.Get(), ErrorCode::kTimedOut, true);
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(10));
}

TEST_P(DamagedReplies, AListingThatIsNoneIsCorrupt) {
  for (const char* body : {"", "{", "<", "<html></html>", "[]", "{\"objects\":7}", "null"}) {
    Misled misled(GetParam(), Always(WithBody(Ok("200 OK"), body)));
    const auto page = misled.List();
    ASSERT_FALSE(page) << body;
    EXPECT_EQ(page.error().code, ErrorCode::kCorrupt) << body << page.error().ToString();
  }
}

TEST_P(DamagedReplies, AListingThatIsCutIsUnavailable) {
  Misled misled(GetParam(), [](Connection& c) {
    c.ReadRequest();
    c.Send(Ok("200 OK", "Content-Length: 1000\r\n\r\n") + "<?xml version=\"1.0\"?><Enum");
  });
  ExpectError(misled.List(), ErrorCode::kUnavailable, true);
}

TEST_P(DamagedReplies, AListingThatDoesNotEndIsTooLarge) {
  Misled misled(GetParam(), [](Connection& c) {
    c.ReadRequest();
    c.Send(Ok("200 OK", "Content-Length: 1000000000\r\n\r\n"));
    const std::string block(std::size_t{1} << 20, ' ');
    while (c.Send(block)) continue;
  });
  ExpectError(misled.List(), ErrorCode::kTooLarge, false);
}

TEST_P(DamagedReplies, AnErrorWithoutABodyHasTheMeaningOfItsStatus) {
  const struct {
    const char* status;
    ErrorCode expected;
    bool retryable;
  } rows[] = {{"404 Not Found", ErrorCode::kNotFound, false},
              {"403 Forbidden", ErrorCode::kPermissionDenied, false},
              {"429 Too Many Requests", ErrorCode::kThrottled, true},
              {"500 Internal Server Error", ErrorCode::kUnavailable, true}};
  for (const auto& row : rows) {
    Misled misled(GetParam(), Always(WithBody(Ok(row.status), "")));
    ExpectError(misled.Put(), row.expected, row.retryable);
  }
}

TEST_P(DamagedReplies, AnErrorWhoseBodyIsGarbageHasTheMeaningOfItsStatus) {
  for (const char* body :
       {"{\"code\":", "{\"error\":[]}", "<Error><Code>", "\xff\xfe\x01", "[[[["}) {
    Misled misled(GetParam(), Always(WithBody(Ok("404 Not Found"), body)));
    ExpectError(misled.Put(), ErrorCode::kNotFound, false);
  }
}

constexpr std::string_view kTenBytes = "0123456789";
constexpr std::string_view kWholeRange = "Content-Range: bytes 0-9/10\r\n";

TEST_P(DamagedReplies, AHeadThatIsTooLongIsUnavailable) {
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "x-" + std::to_string(i) + ": v\r\n";
  for (const std::string& fields : {"x-long: " + std::string(1 << 20, 'a') + "\r\n", many}) {
    Misled misled(GetParam(), Always(WithBody(Ok("206 Partial Content", fields), kTenBytes)));
    ExpectError(misled.Get(), ErrorCode::kUnavailable, true);
    ExpectError(misled.Put(), ErrorCode::kUnavailable, true);
  }
}

TEST_P(DamagedReplies, ALengthThatNoFileHasIsNone) {
  for (const char* length : {"9223372036854775808", "99999999999999999999", "ten"}) {
    Misled misled(GetParam(),
                  Always(Ok("200 OK", "Content-Length: " + std::string(length) + "\r\n\r\n")));
    const auto head = misled.Head();
    ASSERT_FALSE(head) << length;
    EXPECT_TRUE(head.error().retryable) << head.error().ToString();
  }
  Misled misled(GetParam(), Always(Ok("200 OK", "Content-Length: -10\r\n\r\n")));
  ExpectError(misled.Head(), ErrorCode::kUnavailable, true);
  ExpectError(misled.Get(), ErrorCode::kUnavailable, true);
}

TEST_P(DamagedReplies, ChunksThatAreNoneAreUnavailable) {
  for (const char* size : {"zz", "-a", "ffffffffffffffff"}) {
    Misled misled(GetParam(), Always(Ok("206 Partial Content", std::string(kWholeRange) +
                                                                   "Transfer-Encoding: chunked\r\n"
                                                                   "\r\n") +
                                     size + "\r\n0123456789\r\n0\r\n\r\n"));
    ExpectError(misled.Get(), ErrorCode::kUnavailable, true);
  }
}

TEST_P(DamagedReplies, ARangeThatLiesIsCorrupt) {
  for (const char* range : {"bytes 0-9/5", "bytes 0-9/*", "bytes 0-9/99999999999999999999",
                            "bytes -1-8/10", "bytes 0-9/-1", "0-9/10", "lines 0-9/10", ""}) {
    Misled misled(
        GetParam(),
        Always(WithBody(Ok("206 Partial Content", "Content-Range: " + std::string(range) + "\r\n"),
                        kTenBytes)));
    ExpectError(misled.Get(), ErrorCode::kCorrupt, true);
  }
}

TEST_P(DamagedReplies, DatesAndMetadataThatMakeNoSenseAreNone) {
  for (const char* date : {"Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec -001 23:59:59 GMT",
                           "Thu, 01 Jan 1601 00:00:00 GMT", "\xff"}) {
    Misled misled(GetParam(),
                  Always(WithBody(Ok("200 OK", "Last-Modified: " + std::string(date) +
                                                   "\r\nx-ms-meta-mtime: \xff\xfe\r\n"
                                                   "opc-meta-mtime: \xff\xfe\r\n"
                                                   "x-ms-meta-\xff: a\r\nopc-meta-\xff: a\r\n"),
                                  kTenBytes)));
    const auto head = misled.Head();
    ASSERT_TRUE(head) << head.error().ToString();
    EXPECT_EQ(head->last_modified, WallTime{}) << date;
    EXPECT_EQ(head->attributes->mtime, std::nullopt);
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, DamagedReplies, ::testing::ValuesIn(kAllClouds), CloudName);

}  // namespace
}  // namespace skybridge::testing
