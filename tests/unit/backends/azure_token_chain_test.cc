#include "backends/azure/token_chain.h"

#include <gtest/gtest.h>

#include "backends/azure/clouds.h"
#include "tests/support/fake_clock.h"

namespace skybridge::azure {
namespace {

using testing::FakeClock;

// Answers as the test says; counts how often it was asked.
class StubSource final : public TokenSource {
 public:
  StubSource(std::string name, const FakeClock& clock, int& asked)
      : name_(std::move(name)), clock_(clock), asked_(asked) {}
  StubSource(std::string name, const FakeClock& clock, int& asked, ErrorCode code)
      : name_(std::move(name)), clock_(clock), asked_(asked), code_(code) {}

  Result<AccessToken> Fetch(const CallContext& /*context*/) override {
    ++asked_;
    if (code_) return Fail(*code_, name_ + " says no");
    return MakeAccessToken(name_ + "-token", clock_.Now(), std::chrono::hours(1));
  }
  std::string Describe() const override { return name_; }

 private:
  const std::string name_;
  const FakeClock& clock_;
  int& asked_;
  const std::optional<ErrorCode> code_;
};

struct Fixture {
  FakeClock clock;
  int first = 0;
  int second = 0;
  int third = 0;

  TokenChain Chain(ErrorCode code_of_second) {
    std::vector<ChainLink> links;
    links.push_back({"environment", nullptr, "AZURE_CLIENT_ID is not set"});
    links.push_back(
        {"machine", std::make_unique<StubSource>("imds", clock, second, code_of_second), ""});
    links.push_back({"cli", std::make_unique<StubSource>("az", clock, third), ""});
    links.push_back({"never", std::make_unique<StubSource>("never", clock, first), ""});
    return TokenChain(std::move(links));
  }
};

TEST(TokenChain, TakesTheFirstIdentityThatIsThereAndTellsWhyNotTheOthers) {
  Fixture f;
  TokenChain chain = f.Chain(ErrorCode::kNotFound);
  const auto token = chain.Fetch({});
  ASSERT_TRUE(token);
  EXPECT_EQ(token->value.Reveal(), "az-token");
  EXPECT_EQ(f.first, 0);
  EXPECT_EQ(
      chain.Describe(),
      "cli: az; passed over environment (AZURE_CLIENT_ID is not set), machine (imds says no)");
}

TEST(TokenChain, StaysWithTheIdentityThatItTook) {
  Fixture f;
  TokenChain chain = f.Chain(ErrorCode::kNotFound);
  ASSERT_TRUE(chain.Fetch({}));
  ASSERT_TRUE(chain.Fetch({}));
  EXPECT_EQ(f.second, 1);
  EXPECT_EQ(f.third, 2);
}

TEST(TokenChain, DoesNotActAsSomebodyElseWhereAnIdentityIsRefusedOrOutOfReach) {
  for (const ErrorCode code :
       {ErrorCode::kUnauthenticated, ErrorCode::kUnavailable, ErrorCode::kTimedOut}) {
    Fixture f;
    TokenChain chain = f.Chain(code);
    const auto token = chain.Fetch({});
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().code, code);
    EXPECT_EQ(token.error().message, "machine: imds says no");
    EXPECT_EQ(f.third, 0);
  }
}

TEST(TokenChain, GivesEveryReasonWhereNothingIsThere) {
  Fixture f;
  std::vector<ChainLink> links;
  links.push_back({"environment", nullptr, "AZURE_CLIENT_ID is not set"});
  links.push_back({"machine",
                   std::make_unique<StubSource>("imds", f.clock, f.first, ErrorCode::kNotFound),
                   ""});
  TokenChain chain(std::move(links));
  const auto token = chain.Fetch({});
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(
      token.error().message,
      "no identity was found; environment (AZURE_CLIENT_ID is not set), machine (imds says no)");
}

TEST(Clouds, EachStorageSuffixHasItsAuthority) {
  EXPECT_EQ(AuthorityOf("https://a.dfs.core.windows.net"), "https://login.microsoftonline.com");
  EXPECT_EQ(AuthorityOf("https://a.dfs.core.usgovcloudapi.net"),
            "https://login.microsoftonline.us");
  EXPECT_EQ(AuthorityOf("https://a.blob.core.chinacloudapi.cn"), "https://login.chinacloudapi.cn");
  EXPECT_EQ(AuthorityOf("https://a.dfs.core.cloudapi.de"), "https://login.microsoftonline.de");
  EXPECT_EQ(AuthorityOf("https://a.z11.dfs.storage.azure.net"),
            "https://login.microsoftonline.com");
  EXPECT_EQ(AuthorityOf("http://127.0.0.1:10000/devstoreaccount1"),
            "https://login.microsoftonline.com");
  EXPECT_EQ(AuthorityOf("https://core.usgovcloudapi.net.example.com"),
            "https://login.microsoftonline.com");
}

}  // namespace
}  // namespace skybridge::azure
