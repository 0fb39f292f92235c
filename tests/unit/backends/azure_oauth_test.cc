#include "backends/azure/oauth.h"

#include <deque>
#include <thread>

#include <gtest/gtest.h>

#include "backends/azure/channel.h"
#include "backends/azure/token_chain.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_transport.h"

namespace skybridge::azure {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::FakeClock;
using testing::ScriptedTransport;

constexpr const char* kBlobUrl = "https://a.blob.core.windows.net/c/x";

ServicePrincipal MakePrincipal() {
  return {.tenant_id = "tenant-1",
          .client_id = "client 1",
          .client_secret = Secret(std::string_view("s&cret=~+"))};
}

std::string TokenBody(const std::string& token, const std::string& expires_in) {
  return R"({"token_type":"Bearer","expires_in":)" + expires_in +
         R"(,"ext_expires_in":3599,"access_token":")" + token + R"("})";
}

struct Fixture {
  FakeClock clock;
  ScriptedTransport transport;
  std::unique_ptr<BearerCredential> credential;

  Fixture() {
    auto source = ServicePrincipalSource::Make(MakePrincipal(), transport, clock);
    credential = std::make_unique<BearerCredential>(*std::move(source), clock);
  }
  Result<std::string> Authorization() {
    HttpRequest request{.method = "GET", .url = kBlobUrl};
    TRY_VOID(credential->Authorize(request, {}));
    return std::string(request.headers.Get("Authorization"));
  }
};

TEST(OAuth, PostsTheClientCredentialsForm) {
  Fixture f;
  f.transport.Answer(200, {}, TokenBody("t1", "3599"));
  EXPECT_EQ(f.Authorization(), "Bearer t1");
  const auto sent = f.transport.sent(0);
  EXPECT_EQ(sent.operation, "azure.token");
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.url, "https://login.microsoftonline.com/tenant-1/oauth2/v2.0/token");
  EXPECT_EQ(sent.headers.Get("Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(sent.body,
            "grant_type=client_credentials&client_id=client%201&client_secret=s%26cret%3D~%2B"
            "&scope=https%3A%2F%2Fstorage.azure.com%2F.default");
}

TEST(OAuth, ReadsALifetimeWrittenAsText) {
  Fixture f;
  f.transport.Answer(200, {}, TokenBody("t1", "\"86399\""));
  EXPECT_EQ(f.Authorization(), "Bearer t1");
  f.clock.Advance(std::chrono::hours(23));
  EXPECT_EQ(f.Authorization(), "Bearer t1");
  EXPECT_EQ(f.transport.sent_count(), 1U);
}

TEST(OAuth, ServesOneTokenUntilFiveMinutesBeforeItsEnd) {
  Fixture f;
  f.transport.Answer(200, {}, TokenBody("t1", "3600")).Answer(200, {}, TokenBody("t2", "3600"));
  EXPECT_EQ(f.Authorization(), "Bearer t1");
  f.clock.Advance(minutes(54));
  EXPECT_EQ(f.Authorization(), "Bearer t1");
  f.clock.Advance(minutes(1));
  EXPECT_EQ(f.Authorization(), "Bearer t2");
}

TEST(OAuth, RenewsWhenTheAuthorityAsksForIt) {
  Fixture f;
  f.transport.Answer(200, {}, R"({"access_token":"t1","expires_in":3600,"refresh_in":600})");
  f.transport.Answer(200, {}, TokenBody("t2", "3600"));
  EXPECT_EQ(f.Authorization(), "Bearer t1");
  f.clock.Advance(minutes(10));
  EXPECT_EQ(f.Authorization(), "Bearer t2");
}

TEST(OAuth, ServesTheOldTokenWhileRenewalFailsUntilItExpires) {
  Fixture f;
  f.transport.Answer(200, {}, TokenBody("t1", "3600")).Answer(503).Answer(503).Answer(503);
  EXPECT_EQ(f.Authorization(), "Bearer t1");
  f.clock.Advance(minutes(56));
  EXPECT_EQ(f.Authorization(), "Bearer t1");
  EXPECT_EQ(f.transport.sent_count(), 2U);
  EXPECT_EQ(f.Authorization(), "Bearer t1");  // no second try within the pause
  EXPECT_EQ(f.transport.sent_count(), 2U);
  f.clock.Advance(kRefreshPause);
  EXPECT_EQ(f.Authorization(), "Bearer t1");
  EXPECT_EQ(f.transport.sent_count(), 3U);
  f.clock.Advance(minutes(5));
  const auto expired = f.Authorization();
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().code, ErrorCode::kUnavailable);
}

TEST(OAuth, SaysWhyTheAuthorityRefused) {
  Fixture f;
  f.transport.Answer(
      401, {},
      R"({"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1"})");
  const auto refused = f.Authorization();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthenticated);
  EXPECT_FALSE(refused.error().retryable);
  EXPECT_EQ(refused.error().remote.service_code, "invalid_client");
  EXPECT_EQ(refused.error().message,
            "the token authority refused: AADSTS7000215: Invalid client secret provided.");
}

TEST(OAuth, AnUnknownTenantIsNotWorthARetry) {
  Fixture f;
  f.transport.Answer(
      400, {},
      R"({"error":"invalid_request","error_description":"AADSTS90002: Tenant not found."})");
  const auto refused = f.Authorization();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthenticated);
  EXPECT_FALSE(refused.error().retryable);
}

// "docs/config.md": an identity that is refused or out of reach is never passed over.
TEST(OAuth, AnAuthorityThatIsNotWhereItShouldBeIsNotAMissingIdentityForAChain) {
  for (const char* body : {"<html>no such page</html>", R"({"error":"not_found"})"}) {
    Fixture f;
    f.transport.Answer(404, {}, body).Answer(200, {}, TokenBody("somebody else", "3600"));
    std::vector<ChainLink> links;
    for (const char* name : {"environment", "machine"}) {
      auto source = ServicePrincipalSource::Make(MakePrincipal(), f.transport, f.clock);
      links.push_back({name, *std::move(source), ""});
    }
    const auto token = TokenChain(std::move(links)).Fetch({});
    ASSERT_FALSE(token) << body;
    EXPECT_NE(token.error().code, ErrorCode::kNotFound) << body;
    EXPECT_EQ(f.transport.sent_count(), 1U) << body;
  }
}

TEST(OAuth, PassesOnThatTheAuthorityIsBusy) {
  Fixture f;
  f.transport.Answer(429, {{"Retry-After", "3"}});
  const auto refused = f.Authorization();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kThrottled);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_EQ(refused.error().retry_after, seconds(3));
}

TEST(OAuth, RefusesAnAnswerWithoutToken) {
  for (const char* body :
       {"", "[]", "<html>", R"({"access_token":"t"})", R"({"expires_in":3600})"}) {
    Fixture f;
    f.transport.Answer(200, {}, body);
    const auto answer = f.Authorization();
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable) << body;
    EXPECT_TRUE(answer.error().retryable) << body;
  }
}

TEST(OAuth, AuthorityMustBeHttpsButMayBePlainOnThisMachine) {
  FakeClock clock;
  ScriptedTransport transport;
  const auto make = [&](std::string authority) {
    ServicePrincipal principal = MakePrincipal();
    principal.authority = std::move(authority);
    return ServicePrincipalSource::Make(std::move(principal), transport, clock).has_value();
  };
  EXPECT_FALSE(make("http://login.example.com"));
  EXPECT_TRUE(make("https://login.example.com/"));
  EXPECT_TRUE(make("http://127.0.0.1:8080"));
  EXPECT_TRUE(make("http://localhost:8080"));
  EXPECT_FALSE(make("ftp://localhost"));
}

TEST(OAuth, TokenNeverTravelsOverPlainHttpToAnotherMachine) {
  Fixture f;
  HttpRequest request{.method = "GET", .url = "http://a.blob.core.windows.net/c"};
  const Status status = f.credential->Authorize(request, {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(f.transport.sent_count(), 0U);
}

TEST(OAuth, RefusedTokenIsDroppedOnceAndTheRequestSentAgain) {
  Fixture f;
  f.transport.Answer(200, {}, TokenBody("stale", "3600"))
      .Answer(401, {{"x-ms-error-code", "InvalidAuthenticationInfo"}})
      .Answer(200, {}, TokenBody("fresh", "3600"))
      .Answer(200);
  Options options{.account = "a", .container = "c", .credential = std::move(f.credential)};
  const Channel channel(options, f.transport, f.clock);
  const auto response = channel.Send({.operation = "azure.head", .method = "HEAD", .url = kBlobUrl},
                                     ObjectKey("x"), {});
  ASSERT_TRUE(response);
  EXPECT_EQ(f.transport.operations(),
            (std::vector<std::string>{"azure.token", "azure.head", "azure.token", "azure.head"}));
  EXPECT_EQ(f.transport.sent(3).headers.Get("Authorization"), "Bearer fresh");
}

TEST(OAuth, ASecondRefusalIsTheAnswer) {
  Fixture f;
  f.transport.Answer(200, {}, TokenBody("t1", "3600"))
      .Answer(401)
      .Answer(200, {}, TokenBody("t2", "3600"))
      .Answer(401);
  Options options{.account = "a", .container = "c", .credential = std::move(f.credential)};
  const Channel channel(options, f.transport, f.clock);
  const auto response = channel.Send({.operation = "azure.head", .method = "HEAD", .url = kBlobUrl},
                                     ObjectKey("x"), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(f.transport.answers_left(), 0U);
}

TEST(OAuth, WhoIsRefusedIsNotAskedForAtEachCall) {
  Fixture f;
  f.transport.Answer(401, {}, R"({"error":"invalid_client"})").Answer(503).Answer(503);
  f.transport.Answer(200, {}, TokenBody("t1", "3600"));
  const auto authorize = [&] {
    HttpRequest request{.method = "GET", .url = kBlobUrl};
    const Status status = f.credential->Authorize(request, {});
    return status ? std::optional<ErrorCode>() : status.error().code;
  };
  for (int call = 0; call < 9; ++call) EXPECT_EQ(authorize(), ErrorCode::kUnauthenticated);
  EXPECT_EQ(f.transport.sent_count(), 1U);
  f.clock.Advance(kRefusalPause);
  for (int call = 0; call < 2; ++call) EXPECT_EQ(authorize(), ErrorCode::kUnavailable);
  EXPECT_EQ(f.transport.sent_count(), 3U) << "those who retry have pauses of their own";
  EXPECT_EQ(authorize(), std::nullopt);
}

TEST(OAuth, LateRefusalOfAnOldTokenKeepsTheNewOne) {
  Fixture f;
  f.transport.Answer(200, {}, TokenBody("t1", "3600")).Answer(200, {}, TokenBody("t2", "3600"));
  HttpRequest early{.method = "GET", .url = kBlobUrl};
  ASSERT_TRUE(f.credential->Authorize(early, {}));
  f.clock.Advance(minutes(56));
  EXPECT_EQ(f.Authorization(), "Bearer t2");
  EXPECT_TRUE(f.credential->Refused(early));
  EXPECT_EQ(f.Authorization(), "Bearer t2");
  EXPECT_EQ(f.transport.sent_count(), 2U);
}

// Gives out tokens, but only when the test lets it.
class GatedSource final : public TokenSource {
 public:
  explicit GatedSource(FakeClock& clock) : clock_(clock) {}

  Result<AccessToken> Fetch(const CallContext& /*context*/) override {
    MutexLock lock(mutex_);
    ++fetches_;
    changed_.NotifyAll();
    while (!open_) changed_.Wait(mutex_);
    if (refusal_) return Fail(*refusal_, "refused");
    return AccessToken{.value = Secret(std::string_view("gated")),
                       .expires = clock_.Now() + minutes(60),
                       .refresh_at = clock_.Now() + minutes(55)};
  }
  std::string Describe() const override { return "gated"; }
  void WaitForFetch() {
    MutexLock lock(mutex_);
    while (fetches_ == 0) changed_.Wait(mutex_);
  }
  void RefuseWith(ErrorCode code) {
    MutexLock lock(mutex_);
    refusal_ = code;
  }
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    changed_.NotifyAll();
  }
  int fetches() {
    MutexLock lock(mutex_);
    return fetches_;
  }

 private:
  FakeClock& clock_;
  Mutex mutex_;
  CondVar changed_;
  bool open_ GUARDED_BY(mutex_) = false;
  int fetches_ GUARDED_BY(mutex_) = 0;
  std::optional<ErrorCode> refusal_ GUARDED_BY(mutex_);
};

TEST(OAuth, ManyThreadsShareOneFetch) {
  FakeClock clock;
  auto owned = std::make_unique<GatedSource>(clock);
  GatedSource& source = *owned;
  BearerCredential credential(std::move(owned), clock);
  std::atomic<int> authorized{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        HttpRequest request{.method = "GET", .url = kBlobUrl};
        if (credential.Authorize(request, {}) &&
            request.headers.Get("Authorization") == "Bearer gated")
          ++authorized;
      });
    }
    source.WaitForFetch();
    source.Open();
  }
  EXPECT_EQ(authorized, 8);
  EXPECT_EQ(source.fetches(), 1);
}

// Counts how often the time was asked for: how far another thread has come.
class CountingClock final : public Clock {
 public:
  MonotonicTime Now() const override {
    ++asked_;
    return clock_.Now();
  }
  WallTime WallNow() const override { return clock_.WallNow(); }
  bool SleepUntil(MonotonicTime until, std::stop_token stop) override {
    return clock_.SleepUntil(until, stop);
  }
  void WaitUntil(CondVar& changed, Mutex& mutex, MonotonicTime until) const override {
    clock_.WaitUntil(changed, mutex, until);
  }
  void WaitUntilAsked(int times) const {
    while (asked_ < times) std::this_thread::yield();
  }
  int asked() const { return asked_; }

 private:
  mutable std::atomic<int> asked_{0};
  FakeClock clock_;
};

TEST(OAuth, ThreadsThatWaitForOneFetchShareItsRefusal) {
  FakeClock source_clock;
  auto owned = std::make_unique<GatedSource>(source_clock);
  GatedSource& source = *owned;
  source.RefuseWith(ErrorCode::kUnauthenticated);
  CountingClock clock;
  BearerCredential credential(std::move(owned), clock);
  std::atomic<int> refused{0};
  const auto authorize = [&] {
    HttpRequest request{.method = "GET", .url = kBlobUrl};
    const Status status = credential.Authorize(request, {});
    if (!status && status.error().code == ErrorCode::kUnauthenticated) ++refused;
  };
  {
    const std::jthread first(authorize);
    source.WaitForFetch();
    const int asked = clock.asked();
    const std::jthread second(authorize);
    clock.WaitUntilAsked(
        asked + 2);  // once to see that there is no token, once more when it waits for the fetch
    source.Open();
  }
  EXPECT_EQ(refused, 2);
  EXPECT_EQ(source.fetches(), 1);
}

TEST(OAuth, AMissingIdentityIsARefusalAndNotAMissingObject) {
  for (const ErrorCode code :
       {ErrorCode::kNotFound, ErrorCode::kPermissionDenied, ErrorCode::kAlreadyExists,
        ErrorCode::kPreconditionFailed, ErrorCode::kInvalidArgument, ErrorCode::kNotSupported}) {
    FakeClock clock;
    auto owned = std::make_unique<GatedSource>(clock);
    owned->RefuseWith(code);
    owned->Open();
    BearerCredential credential(std::move(owned), clock);
    HttpRequest request{.method = "GET", .url = kBlobUrl};
    const Status status = credential.Authorize(request, {});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kUnauthenticated) << ErrorCodeName(code);
  }
}

// Notes until when a fetch may last.
class DeadlineSource final : public TokenSource {
 public:
  explicit DeadlineSource(FakeClock& clock, std::vector<MonotonicTime>& deadlines)
      : clock_(clock), deadlines_(deadlines) {}
  Result<AccessToken> Fetch(const CallContext& context) override {
    deadlines_.push_back(context.deadline);
    return MakeAccessToken("token", clock_.Now(), minutes(60));
  }
  std::string Describe() const override { return "deadline"; }

 private:
  FakeClock& clock_;
  std::vector<MonotonicTime>& deadlines_;
};

TEST(OAuth, RenewalOfAValidTokenTakesLittleOfTheCallersTime) {
  FakeClock clock;
  std::vector<MonotonicTime> deadlines;
  BearerCredential credential(std::make_unique<DeadlineSource>(clock, deadlines), clock);
  HttpRequest request{.method = "GET", .url = kBlobUrl};
  const MonotonicTime first = clock.Now() + minutes(2);
  ASSERT_TRUE(credential.Authorize(request, {.deadline = first}));
  clock.Advance(minutes(56));
  ASSERT_TRUE(credential.Authorize(request, {.deadline = clock.Now() + minutes(2)}));
  EXPECT_EQ(deadlines, (std::vector<MonotonicTime>{first, clock.Now() + kRefreshPatience}));
}

TEST(OAuth, WaitingForATokenEndsAtTheDeadline) {
  FakeClock clock;
  auto owned = std::make_unique<GatedSource>(clock);
  GatedSource& source = *owned;
  BearerCredential credential(std::move(owned), clock);
  std::jthread fetcher([&] {
    HttpRequest request{.method = "GET", .url = kBlobUrl};
    EXPECT_TRUE(credential.Authorize(request, {}));
  });
  source.WaitForFetch();
  HttpRequest request{.method = "GET", .url = kBlobUrl};
  const Status late = credential.Authorize(request, {.deadline = clock.Now()});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kTimedOut);
  source.Open();
}

TEST(OAuth, ALifetimeThatNoClockHoldsIsCut) {
  for (const char* lifetime :
       {"9223372036854775807", "18446744073709551615", "\"9223372036854775807\""}) {
    Fixture f;
    const HttpResponse reply{
        .status = 200,
        .body = R"({"access_token":"t","expires_in":)" + std::string(lifetime) + "}"};
    const auto token = ParseTokenReply(reply, f.clock.Now(), f.clock.WallNow());
    ASSERT_TRUE(token) << lifetime;
    EXPECT_GT(token->expires, f.clock.Now() + std::chrono::hours(24 * 365));
    EXPECT_LT(token->refresh_at, token->expires);
  }
}

}  // namespace
}  // namespace skybridge::azure
