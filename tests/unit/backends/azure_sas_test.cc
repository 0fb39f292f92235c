#include "backends/azure/sas.h"

#include <gtest/gtest.h>

#include "core/time_text.h"
#include "tests/support/fake_clock.h"

namespace skybridge::azure {
namespace {

// Made up for this test; signed with nothing.
constexpr std::string_view kSas =
    "sv=2023-11-03&se=2026-01-05T11%3A00%3A00Z&sr=c&sp=rl&sig=a%2Fb%3D";

TEST(Sas, IsAppendedVerbatimToTheQuery) {
  testing::FakeClock clock;
  const auto credential = SasCredential::Make("?" + std::string(kSas), clock);
  ASSERT_TRUE(credential);
  HttpRequest request{.method = "GET", .url = "https://a.blob.core.windows.net/c?comp=list"};
  ASSERT_TRUE((*credential)->Authorize(request, {}));
  EXPECT_EQ(request.url, "https://a.blob.core.windows.net/c?comp=list&" + std::string(kSas));
  EXPECT_EQ(request.headers.Find("Authorization"), nullptr);
}

TEST(Sas, AlsoCoversTheSourceOfARenameAndOfACopy) {
  testing::FakeClock clock;
  const auto credential = SasCredential::Make(kSas, clock);
  ASSERT_TRUE(credential);
  HttpRequest request{.method = "PUT", .url = "https://a.dfs.core.windows.net/c/new"};
  request.headers.Add("x-ms-rename-source", "/c/old");
  request.headers.Add("x-ms-copy-source", "https://a.blob.core.windows.net/c/old");
  ASSERT_TRUE((*credential)->Authorize(request, {}));
  EXPECT_EQ(request.url, "https://a.dfs.core.windows.net/c/new?" + std::string(kSas));
  EXPECT_EQ(request.headers.Get("x-ms-rename-source"), "/c/old?" + std::string(kSas));
  EXPECT_EQ(request.headers.Get("x-ms-copy-source"),
            "https://a.blob.core.windows.net/c/old?" + std::string(kSas));
}

TEST(Sas, ExpiryIsTheEarlierOfTokenAndDelegationKey) {
  const auto at = [](std::string_view text) { return *ParseRfc3339(text); };
  EXPECT_EQ(SasExpiry("se=2026-01-05T11%3A00%3A00Z"), at("2026-01-05T11:00:00Z"));
  EXPECT_EQ(SasExpiry("se=2026-01-07&ske=2026-01-06T08%3A30Z"), at("2026-01-06T08:30:00Z"));
  EXPECT_EQ(SasExpiry("si=policy&sig=x"), std::nullopt);
}

TEST(Sas, FailsOnceExpiredWithoutShowingTheToken) {
  testing::FakeClock clock;
  const auto credential = SasCredential::Make(kSas, clock);
  ASSERT_TRUE(credential);
  clock.SetWall(*ParseRfc3339("2026-01-05T11:00:00Z"));
  HttpRequest request{.method = "GET", .url = "https://a.blob.core.windows.net/c"};
  const Status status = (*credential)->Authorize(request, {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(status.error().message.find("sig="), std::string::npos);
}

TEST(Sas, WarnsAWeekBeforeItsEndWithoutShowingTheToken) {
  testing::FakeClock clock;
  clock.SetWall(*ParseRfc3339("2025-12-29T10:59:59Z"));
  const auto credential = SasCredential::Make(kSas, clock);
  ASSERT_TRUE(credential);
  EXPECT_EQ((*credential)->Warning(), "");
  clock.Advance(std::chrono::seconds(1));
  EXPECT_EQ((*credential)->Warning(),
            "the service SAS expires at 2026-01-05T11:00:00Z; have a new one made");
}

TEST(Sas, IsDescribedByItsKindAndExpiry) {
  testing::FakeClock clock;
  const auto describe = [&](std::string_view sas) {
    return SasCredential::Make(sas, clock).value()->Describe();
  };
  EXPECT_EQ(describe("ss=b&srt=sco&se=2027-01-01&sig=x"),
            "account SAS, valid until 2027-01-01T00:00:00Z");
  EXPECT_EQ(describe("sr=c&si=policy&sig=x"), "service SAS, its expiry is not in the token");
  EXPECT_EQ(describe("sr=c&skoid=o&se=2027-01-01&ske=2026-12-31&sig=x"),
            "user delegation SAS, valid until 2026-12-31T00:00:00Z");
}

TEST(Sas, SaysThatItHasExpiredOrDoesNotHoldYet) {
  testing::FakeClock clock;
  const auto credential = SasCredential::Make(
      "sv=2023-11-03&st=2026-01-05T10%3A00%3A00Z&se=2026-01-05T11%3A00%3A00Z&sr=c&sig=x", clock);
  ASSERT_TRUE(credential);
  const auto said_at = [&](std::string_view now) {
    clock.SetWall(*ParseRfc3339(now));
    HttpRequest request{.method = "GET", .url = "https://a.blob.core.windows.net/c"};
    const Status status = (*credential)->Authorize(request, {});
    return status ? std::string() : status.error().message;
  };
  EXPECT_EQ(said_at("2026-01-05T09:44:59Z"),
            "the SAS token holds from 2026-01-05T10:00:00Z on; wait, or set this machine's clock");
  EXPECT_EQ(said_at("2026-01-05T09:45:00Z"), "") << "the service's clock may be ahead";
  EXPECT_EQ(said_at("2026-01-05T10:59:59Z"), "");
  EXPECT_EQ(said_at("2026-01-05T11:00:00Z"),
            "the SAS token expired at 2026-01-05T11:00:00Z; have a new one made");
  EXPECT_EQ((*credential)->Warning(),
            "the service SAS expired at 2026-01-05T11:00:00Z; have a new one made");
}

TEST(Sas, NeedsASignature) {
  testing::FakeClock clock;
  EXPECT_FALSE(SasCredential::Make("sv=2023-11-03&sp=r", clock));
}

TEST(Sas, IsAQueryAndNothingElse) {
  testing::FakeClock clock;
  const std::string sas(kSas);
  for (const std::string& text :
       {"https://a.blob.core.windows.net/c?" + sas, "BlobEndpoint=x;SharedAccessSignature=" + sas,
        sas + "\n", " " + sas, sas + "#", "\xEF\xBB\xBF" + sas}) {
    const auto made = SasCredential::Make(text, clock);
    ASSERT_FALSE(made) << text;
    EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(made.error().message.find("what follows the '?'"), std::string::npos);
    EXPECT_EQ(made.error().message.find("a%2Fb"), std::string::npos);
  }
}

}  // namespace
}  // namespace skybridge::azure
