#include "backends/azure/managed_identity.h"

#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/temp_directory.h"

namespace skybridge::azure {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::FakeClock;
using testing::ScriptedTransport;
using testing::TempDirectory;

constexpr const char* kDayToken =
    R"({"access_token":"t1","expires_in":"86400","expires_on":"1767694830","resource":"r","token_type":"Bearer"})";

struct Fixture {
  FakeClock clock;
  ScriptedTransport transport;
  std::unique_ptr<ManagedIdentitySource> source;

  explicit Fixture(ManagedIdentityOptions options = {
                       .service = FindManagedIdentity(MapEnvironment())}) {
    clock.AdvanceBySleeping(true);
    source = ManagedIdentitySource::Make(std::move(options), transport, clock).value();
  }
};

TEST(ManagedIdentity, AsksTheInstanceMetadataService) {
  Fixture f;
  f.transport.Answer(200, {}, kDayToken);
  const auto token = f.source->Fetch({});
  ASSERT_TRUE(token);
  EXPECT_EQ(token->value.Reveal(), "t1");
  EXPECT_EQ(f.transport.sent(0).method, "GET");
  EXPECT_EQ(f.transport.sent(0).url,
            "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
            "&resource=https%3A%2F%2Fstorage.azure.com%2F");
  EXPECT_EQ(f.transport.sent(0).headers.Get("Metadata"), "true");
}

TEST(ManagedIdentity, RenewsAtHalfTheLifeOfALongToken) {
  Fixture f;
  f.transport.Answer(200, {}, kDayToken);
  const MonotonicTime asked = f.clock.Now();
  const auto token = f.source->Fetch({});
  ASSERT_TRUE(token);
  EXPECT_EQ(token->expires, asked + hours(24));
  EXPECT_EQ(token->refresh_at, asked + hours(12));
}

TEST(ManagedIdentity, IsChosenInTheOrderOfTheSdks) {
  const auto kind = [](const MapEnvironment& variables) {
    return FindManagedIdentity(variables).kind;
  };
  const std::pair<std::string, std::string> endpoint{"IDENTITY_ENDPOINT", "http://127.0.0.1:1/i"};
  const std::pair<std::string, std::string> arc{"IMDS_ENDPOINT", "http://127.0.0.1:2"};
  const std::pair<std::string, std::string> older{"MSI_ENDPOINT", "http://127.0.0.1:3/msi"};
  const std::pair<std::string, std::string> secret{"MSI_SECRET", "s"};
  EXPECT_EQ(kind({endpoint, {"IDENTITY_HEADER", "h"}, arc, older, secret}),
            ManagedIdentityKind::kAppService2019);
  EXPECT_EQ(kind({endpoint, arc, older, secret}), ManagedIdentityKind::kAzureArc);
  EXPECT_EQ(kind({endpoint, older, secret}), ManagedIdentityKind::kAppService2017);
  EXPECT_EQ(kind({endpoint, older}), ManagedIdentityKind::kCloudShell);
  EXPECT_EQ(kind({endpoint, secret}), ManagedIdentityKind::kImds);
}

TEST(ManagedIdentity, AsksForTheIdentityThatIsConfigured) {
  const ManagedIdentityService imds = FindManagedIdentity(MapEnvironment());
  const auto url_of = [](ManagedIdentityOptions options) {
    Fixture f(std::move(options));
    f.transport.Answer(200, {}, kDayToken);
    EXPECT_TRUE(f.source->Fetch({}));
    const std::string url = f.transport.sent(0).url;
    return url.substr(url.rfind('&'));
  };
  EXPECT_EQ(url_of({.service = imds, .client_id = "c"}), "&client_id=c");
  EXPECT_EQ(url_of({.service = imds, .object_id = "o"}), "&object_id=o");
  EXPECT_EQ(url_of({.service = imds, .resource_id = "/sub/x"}), "&msi_res_id=%2Fsub%2Fx");
}

TEST(ManagedIdentity, RefusesTwoIdsAndIdsThatTheServiceDoesNotKnow) {
  FakeClock clock;
  ScriptedTransport transport;
  const ManagedIdentityService imds = FindManagedIdentity(MapEnvironment());
  EXPECT_FALSE(ManagedIdentitySource::Make({.service = imds, .client_id = "c", .object_id = "o"},
                                           transport, clock));
  const ManagedIdentityService arc{ManagedIdentityKind::kAzureArc, "http://localhost:40342/token",
                                   Secret()};
  EXPECT_FALSE(ManagedIdentitySource::Make({.service = arc, .client_id = "c"}, transport, clock));
}

TEST(ManagedIdentity, WaitsUntilTheServiceIsReady) {
  Fixture f;
  f.transport.Answer(404)
      .Answer(500)
      .Answer(429, {{"Retry-After", "7"}})
      .Answer(200, {}, kDayToken);
  const MonotonicTime begin = f.clock.Now();
  EXPECT_TRUE(f.source->Fetch({}));
  EXPECT_EQ(f.clock.Now() - begin, milliseconds(800) + milliseconds(1600) + seconds(7));
}

TEST(ManagedIdentity, KeepsTryingForOverSeventySecondsWhileTheServiceIsUpgraded) {
  Fixture f;
  for (int i = 0; i < ManagedIdentitySource::kAttempts; ++i) f.transport.Answer(410);
  const MonotonicTime begin = f.clock.Now();
  const auto token = f.source->Fetch({});
  ASSERT_FALSE(token);
  EXPECT_NE(token.error().code, ErrorCode::kNotFound);
  EXPECT_GT(f.clock.Now() - begin, seconds(70));
  EXPECT_EQ(f.transport.answers_left(), 0U);
}

TEST(ManagedIdentity, DoesNotWaitPastTheDeadline) {
  Fixture f;
  f.transport.Answer(410);
  const MonotonicTime begin = f.clock.Now();
  EXPECT_FALSE(f.source->Fetch({.deadline = begin + seconds(2)}));
  EXPECT_EQ(f.clock.Now(), begin);
}

TEST(ManagedIdentity, MachineWithoutIdentityIsNotFoundAtOnce) {
  Fixture f;
  f.transport.Answer(400, {},
                     R"({"error":"invalid_request","error_description":"Identity not found"})");
  const auto token = f.source->Fetch({});
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(f.transport.sent_count(), 1U);
}

TEST(ManagedIdentity, SaysThatThisMachineMayHaveNone) {
  for (const ErrorCode code :
       {ErrorCode::kUnavailable, ErrorCode::kUnreachable, ErrorCode::kTimedOut}) {
    Fixture f;
    f.transport.Break({.code = code, .message = "no route"});
    const auto token = f.source->Fetch({});
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().code, code);
    EXPECT_EQ(
        token.error().message,
        "managed identity (instance metadata service): no route; does this machine have one?");
  }
}

TEST(ManagedIdentity, OtherRefusalIsFinal) {
  Fixture f;
  f.transport.Answer(
      400, {},
      R"({"error":"invalid_request","error_description":"Multiple user assigned identities exist"})");
  const auto token = f.source->Fetch({});
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, ErrorCode::kUnauthenticated);
  EXPECT_NE(token.error().message.find("Multiple user assigned identities exist"),
            std::string::npos);
  EXPECT_EQ(f.transport.sent_count(), 1U);
}

// Notes how long each exchange may take.
class DeadlineTransport final : public HttpTransport {
 public:
  Result<HttpResponse> Send(const HttpRequest& request, const CallContext& context) override {
    operations.push_back(request.operation);
    deadlines.push_back(context.deadline);
    return Fail(Error{.code = ErrorCode::kTimedOut, .message = "no answer", .retryable = true});
  }
  std::vector<std::string> operations;
  std::vector<MonotonicTime> deadlines;
};

TEST(ManagedIdentity, ProbeGivesUpAfterASecondWhereNothingAnswers) {
  FakeClock clock;
  DeadlineTransport transport;
  const auto source = ManagedIdentitySource::Make(
      {.service = FindManagedIdentity(MapEnvironment()), .probe = true}, transport, clock);
  const auto token = (*source)->Fetch({});
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, ErrorCode::kNotFound);
  ASSERT_EQ(transport.deadlines.size(), 1U);
  EXPECT_EQ(transport.deadlines[0], clock.Now() + ManagedIdentitySource::kProbeTime);
}

TEST(ManagedIdentity, ProbesOnceWithoutTheHeaderThatMakesAToken) {
  Fixture f({.service = FindManagedIdentity(MapEnvironment()), .probe = true});
  f.transport.Answer(400).Answer(200, {}, kDayToken).Answer(200, {}, kDayToken);
  EXPECT_TRUE(f.source->Fetch({}));
  EXPECT_TRUE(f.source->Fetch({}));
  EXPECT_EQ(f.transport.operations(),
            (std::vector<std::string>{"azure.managed_identity_probe", "azure.managed_identity",
                                      "azure.managed_identity"}));
  EXPECT_EQ(f.transport.sent(0).headers.Find("Metadata"), nullptr);
}

TEST(ManagedIdentity, UnreachableNetworkOfAContainerIsNoIdentity) {
  Fixture f({.service = FindManagedIdentity(MapEnvironment()), .probe = true});
  f.transport.Answer(
      403, {},
      "connecting to 169.254.169.254:80: connect: A socket operation was attempted to an "
      "unreachable network.");
  const auto token = f.source->Fetch({});
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, ErrorCode::kNotFound);
}

TEST(ManagedIdentity, AppServiceGetsItsHeader) {
  Fixture f(
      {.service = FindManagedIdentity(MapEnvironment(
           {{"IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token/"}, {"IDENTITY_HEADER", "h"}})),
       .client_id = "c"});
  // Only expires_on, in Unix seconds: an hour from now.
  f.transport.Answer(200, {},
                     R"({"access_token":"t1","expires_on":"1767612030","token_type":"Bearer"})");
  const MonotonicTime asked = f.clock.Now();
  const auto token = f.source->Fetch({});
  ASSERT_TRUE(token);
  EXPECT_EQ(token->expires, asked + hours(1));
  EXPECT_EQ(f.transport.sent(0).url,
            "http://127.0.0.1:41741/msi/token/"
            "?api-version=2019-08-01&resource=https%3A%2F%2Fstorage.azure.com%2F"
            "&client_id=c");
  EXPECT_EQ(f.transport.sent(0).headers.Get("X-IDENTITY-HEADER"), "h");
  EXPECT_EQ(f.transport.sent(0).headers.Find("Metadata"), nullptr);
}

TEST(ManagedIdentity, OlderAppServiceGetsItsSecret) {
  Fixture f({.service = FindManagedIdentity(MapEnvironment(
                 {{"MSI_ENDPOINT", "http://127.0.0.1:41741/msi/token"}, {"MSI_SECRET", "s"}})),
             .client_id = "c"});
  f.transport.Answer(200, {}, R"({"access_token":"t1","expires_on":"1767612030"})");
  EXPECT_TRUE(f.source->Fetch({}));
  EXPECT_EQ(f.transport.sent(0).url,
            "http://127.0.0.1:41741/msi/"
            "token?api-version=2017-09-01&resource=https%3A%2F%2Fstorage.azure.com%2F"
            "&clientid=c");
  EXPECT_EQ(f.transport.sent(0).headers.Get("secret"), "s");
}

// The forms that the endpoint of 2017 is known to write: an hour from now, each.
TEST(ManagedIdentity, OlderAppServiceTellsTheEndAsADate) {
  for (const char* end : {"1/5/2026 11:20:30 AM +00:00", "01/05/2026 11:20:30 +00:00"}) {
    Fixture f({.service = FindManagedIdentity(MapEnvironment(
                   {{"MSI_ENDPOINT", "http://127.0.0.1:41741/msi/token"}, {"MSI_SECRET", "s"}}))});
    f.transport.Answer(
        200, {},
        std::string(R"({"access_token":"t1","token_type":"Bearer","expires_on":")") + end + "\"}");
    const MonotonicTime asked = f.clock.Now();
    const auto token = f.source->Fetch({});
    ASSERT_TRUE(token) << end << ": " << token.error().ToString();
    EXPECT_EQ(token->expires, asked + hours(1)) << end;
  }
}

TEST(ManagedIdentity, AnEndThatIsNoDateIsRefused) {
  for (const char* end : {"", "tomorrow", "13/5/2026 1:00:00 AM +00:00", "1/5/2026",
                          "//  ::", "1/5/2026 11:20:30 AM +02:00", "1/5/2026 24:00:00 +00:00",
                          "99999999999999999999/1/1 0:0:0 +00:00"}) {
    Fixture f({.service = FindManagedIdentity(MapEnvironment(
                   {{"MSI_ENDPOINT", "http://127.0.0.1:41741/msi/token"}, {"MSI_SECRET", "s"}}))});
    f.transport.Answer(200, {},
                       std::string(R"({"access_token":"t1","expires_on":")") + end + "\"}");
    EXPECT_FALSE(f.source->Fetch({})) << end;
  }
}

TEST(ManagedIdentity, CloudShellIsPostedTo) {
  Fixture f({.service = FindManagedIdentity(
                 MapEnvironment({{"MSI_ENDPOINT", "http://localhost:50342/token"}}))});
  f.transport.Answer(200, {}, kDayToken);
  EXPECT_TRUE(f.source->Fetch({}));
  EXPECT_EQ(f.transport.sent(0).method, "POST");
  EXPECT_EQ(f.transport.sent(0).url, "http://localhost:50342/token");
  EXPECT_EQ(f.transport.sent(0).body, "resource=https%3A%2F%2Fstorage.azure.com%2F");
  EXPECT_EQ(f.transport.sent(0).headers.Get("Metadata"), "true");
}

struct ArcFixture : Fixture {
  explicit ArcFixture(const TempDirectory& directory)
      : Fixture(
            {.service = FindManagedIdentity(MapEnvironment(
                 {{"IDENTITY_ENDPOINT", "http://localhost:40342/metadata/identity/oauth2/token"},
                  {"IMDS_ENDPOINT", "http://localhost:40342"}})),
             .arc_token_directory = directory.path()}) {}
  void Challenge(const std::string& realm) {
    transport.Answer(401, {{"WWW-Authenticate", "Basic realm=" + realm}});
  }
};

TEST(ManagedIdentity, ArcIsShownTheContentOfTheFileThatItNames) {
  const TempDirectory directory;
  std::ofstream(directory.path() + "/1.key") << "proof";
  ArcFixture f(directory);
  f.Challenge(directory.path() + "/1.key");
  f.transport.Answer(200, {}, kDayToken);
  ASSERT_TRUE(f.source->Fetch({}));
  EXPECT_NE(f.transport.sent(0).url.find("?api-version=2019-11-01&"), std::string::npos);
  EXPECT_EQ(f.transport.sent(0).headers.Find("Authorization"), nullptr);
  EXPECT_EQ(f.transport.sent(1).headers.Get("Authorization"), "Basic proof");
}

TEST(ManagedIdentity, ArcMayQuoteTheNameOfItsFile) {
  const TempDirectory directory;
  std::ofstream(directory.path() + "/1.key") << "proof";
  ArcFixture f(directory);
  f.Challenge('"' + directory.path() + "/1.key\"");
  f.transport.Answer(200, {}, kDayToken);
  ASSERT_TRUE(f.source->Fetch({}));
  EXPECT_EQ(f.transport.sent(1).headers.Get("Authorization"), "Basic proof");
}

TEST(ManagedIdentity, ArcGetsNoOtherFileFromUs) {
  const TempDirectory directory;
  const TempDirectory elsewhere;
  for (const std::string& path : {directory.path() + "/1.txt", elsewhere.path() + "/1.key"})
    std::ofstream(path) << "x";
  std::ofstream(directory.path() + "/long.key") << std::string(4097, 'x');
  ASSERT_EQ(
      symlink((elsewhere.path() + "/1.key").c_str(), (directory.path() + "/link.key").c_str()), 0);
  const std::string up = elsewhere.path().substr(elsewhere.path().rfind('/') + 1);
  for (const std::string& realm :
       {directory.path() + "/1.txt", elsewhere.path() + "/1.key",
        directory.path() + "/../" + up + "/1.key", directory.path() + "/long.key",
        directory.path() + "/link.key", directory.path() + "/none.key", std::string()}) {
    ArcFixture f(directory);
    f.Challenge(realm);
    const auto token = f.source->Fetch({});
    ASSERT_FALSE(token) << realm;
    EXPECT_EQ(token.error().code, ErrorCode::kUnauthenticated) << realm;
    EXPECT_EQ(f.transport.sent_count(), 1U) << realm;
  }
}

}  // namespace
}  // namespace skybridge::azure
