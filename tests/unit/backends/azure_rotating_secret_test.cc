#include "backends/azure/rotating_secret.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace skybridge::azure {
namespace {

using namespace std::chrono_literals;
using skybridge::testing::FakeClock;

// An authority that takes one secret, and a vault with versions of it.
class RotatingSecret : public ::testing::Test {
 protected:
  class Source final : public TokenSource {
   public:
    Source(RotatingSecret& world, Secret secret) : world_(world), secret_(std::move(secret)) {}
    Result<AccessToken> Fetch(const CallContext&) override {
      ++world_.asked_;
      if (world_.down_)
        return Fail(Error{.code = ErrorCode::kUnavailable, .message = "down", .retryable = true});
      if (secret_.Reveal() != world_.taken_)
        return Fail(ErrorCode::kUnauthenticated, "invalid client secret");
      return AccessToken{Secret(secret_.Reveal()), world_.clock_.Now() + 1h,
                         world_.clock_.Now() + 55min};
    }

    std::string Describe() const override { return "the test"; }

   private:
    RotatingSecret& world_;
    const Secret secret_;
  };

  RotatingSecretSource::FetchSecret Version(const std::string& stage) {
    return [this, stage](const CallContext&) -> Result<Secret> {
      ++fetched_[stage];
      const auto found = vault_.find(stage);
      if (found == vault_.end()) return Fail(ErrorCode::kNotFound, "no " + stage);
      return Secret(std::string_view(found->second));
    };
  }

  FakeClock clock_;
  std::map<std::string, std::string> vault_{{"CURRENT", "one"}};
  std::string taken_ = "one";
  bool down_ = false;
  int asked_ = 0;
  std::map<std::string, int> fetched_;
  RotatingSecretSource source_{"the test",
                               {Version("CURRENT"), Version("LATEST"), Version("PREVIOUS")},
                               [this](Secret secret) -> Result<std::unique_ptr<TokenSource>> {
                                 return std::make_unique<Source>(*this, std::move(secret));
                               },
                               clock_};
};

TEST_F(RotatingSecret, IsFetchedOnceWhileItIsTaken) {
  EXPECT_TRUE(source_.Fetch({}));
  EXPECT_TRUE(source_.Fetch({}));
  EXPECT_EQ(fetched_["CURRENT"], 1);
}

TEST_F(RotatingSecret, IsFetchedAgainWhenTheAuthorityRefusesTheOldOne) {
  EXPECT_TRUE(source_.Fetch({}));
  vault_["CURRENT"] = "two";
  taken_ = "two";
  EXPECT_EQ(source_.Fetch({})->value.Reveal(), "two");
  EXPECT_EQ(fetched_["LATEST"], 0);
}

TEST_F(RotatingSecret, IsFoundInOtherVersionsWhenTheCurrentOneIsRefused) {
  vault_["PREVIOUS"] = "zero";
  taken_ = "zero";
  EXPECT_EQ(source_.Fetch({})->value.Reveal(), "zero");
  vault_["LATEST"] = "two";
  taken_ = "two";
  EXPECT_EQ(source_.Fetch({})->value.Reveal(), "two");
}

TEST_F(RotatingSecret, ThatIsWrongEverywhereIsNotAskedForWithoutAPause) {
  taken_ = "other";
  EXPECT_EQ(source_.Fetch({}).error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(source_.Fetch({}).error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(fetched_["PREVIOUS"], 1);
  EXPECT_EQ(asked_, 2) << "the same secret is not shown to the authority twice in a round";
  clock_.Advance(RotatingSecretSource::kRoundPause);
  taken_ = "one";
  vault_["CURRENT"] = "one";
  EXPECT_TRUE(source_.Fetch({}));
}

TEST_F(RotatingSecret, AnAuthorityThatIsDownSaysNothingAboutTheSecret) {
  down_ = true;
  EXPECT_EQ(source_.Fetch({}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(fetched_["CURRENT"], 1);
  EXPECT_EQ(fetched_["LATEST"], 0);
}

}  // namespace
}  // namespace skybridge::azure
