#include "backends/azure/azure_cli.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace skybridge::azure {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::FakeClock;

// The clock of the tests stands at 1767608430.
constexpr const char* kToken =
    R"({"accessToken":"t1","expiresOn":"2001-01-01 00:00:00.000000","expires_on":1767612030})";

struct Fixture {
  FakeClock clock;
  ProgramCall called;
  Result<ProgramResult> result = ProgramResult{.output = kToken};

  Result<AccessToken> Fetch(const std::string& tenant = "", const CallContext& context = {}) {
    const auto run = [this](const ProgramCall& call, const Clock& /*clock*/,
                            std::stop_token /*stop*/) {
      called = call;
      return result;
    };
    auto source = AzureCliSource::Make({.tenant_id = tenant, .run = run}, clock);
    if (!source) return Fail(source.error());
    return (*source)->Fetch(context);
  }
};

TEST(AzureCli, RunsAzAndTakesItsToken) {
  Fixture f;
  const auto token = f.Fetch();
  ASSERT_TRUE(token);
  EXPECT_EQ(f.called.arguments,
            (std::vector<std::string>{"az", "account", "get-access-token", "--output", "json",
                                      "--scope", "https://storage.azure.com/.default"}));
  EXPECT_EQ(token->value.Reveal(), "t1");
  EXPECT_EQ(token->expires, f.clock.Now() + minutes(60));
  EXPECT_EQ(token->refresh_at, f.clock.Now() + minutes(55));
}

TEST(AzureCli, NamesTheTenant) {
  Fixture f;
  ASSERT_TRUE(f.Fetch("contoso.onmicrosoft.com"));
  EXPECT_EQ(f.called.arguments[7], "--tenant");
  EXPECT_EQ(f.called.arguments[8], "contoso.onmicrosoft.com");
}

TEST(AzureCli, RefusesATenantThatCouldBeSomethingElse) {
  for (const char* tenant : {"--debug", "a b", "a;b", "$(x)", "a\nb", "a/b"}) {
    Fixture f;
    const auto token = f.Fetch(tenant);
    ASSERT_FALSE(token) << tenant;
    EXPECT_EQ(token.error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(f.called.arguments.empty());
  }
}

TEST(AzureCli, TakesNoLongerThanTheCallMay) {
  Fixture f;
  ASSERT_TRUE(f.Fetch("", {.deadline = f.clock.Now() + seconds(3)}));
  EXPECT_EQ(f.called.time_limit, seconds(3));
}

TEST(AzureCli, IsNoIdentityWhereItIsNotInstalledOrNobodyIsLoggedIn) {
  Fixture f;
  f.result = Fail(ErrorCode::kNotFound, "run az");
  auto token = f.Fetch();
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, ErrorCode::kNotFound);
  f.result = ProgramResult{.exit_code = 1,
                           .errors = "ERROR: Please run 'az login' to setup account.\nmore"};
  token = f.Fetch();
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(token.error().message,
            "az gives no token: ERROR: Please run 'az login' to setup account.");
}

TEST(AzureCli, PassesOnThatAzHangs) {
  Fixture f;
  f.result = Fail(
      Error{.code = ErrorCode::kTimedOut, .message = "az did not end in time", .retryable = true});
  const auto token = f.Fetch();
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, ErrorCode::kTimedOut);
}

TEST(AzureCli, ReadsTheLocalTimeOfOlderVersions) {
  FakeClock clock;
  const std::time_t end = 1767612030;
  std::tm local{};
  localtime_r(&end, &local);
  char text[32];
  ASSERT_GT(strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local), 0U);
  const std::string json =
      R"({"accessToken":"t1","expiresOn":")" + std::string(text) + R"(.000000"})";
  const auto token = ParseCliToken(json, clock.Now(), clock.WallNow());
  ASSERT_TRUE(token);
  EXPECT_EQ(token->expires, clock.Now() + minutes(60));
}

TEST(AzureCli, RefusesAnswersWithoutTokenOrWithAnOldOne) {
  FakeClock clock;
  for (const char* json : {"", "[]", "{}", R"({"accessToken":"t"})", R"({"expires_on":1767612030})",
                           R"({"accessToken":"t","expiresOn":"soon"})"}) {
    const auto token = ParseCliToken(json, clock.Now(), clock.WallNow());
    ASSERT_FALSE(token) << json;
    EXPECT_EQ(token.error().code, ErrorCode::kCorrupt) << json;
  }
  const auto old =
      ParseCliToken(R"({"accessToken":"t","expires_on":1767608430})", clock.Now(), clock.WallNow());
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, ErrorCode::kUnauthenticated);
}

}  // namespace
}  // namespace skybridge::azure
