#include "cli/place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skybridge::cli {
namespace {

using ::testing::HasSubstr;

Config MakeConfig() {
  auto config = ParseConfig(R"({"remotes": {
      "azure": {"uri": "abfss://raw@contoso.dfs.core.windows.net/top", "auth": {"type": "sas", "sas_token": "env:SAS"}},
      "oci": {"uri": "oci://lake@ns/", "region": "us-ashburn-1"}}})",
                            {.file = "config.json"});
  EXPECT_TRUE(config) << config.error().message;
  return *std::move(config);
}

Outcome<Place> Resolve(std::string_view text, const Environment& environment = MapEnvironment()) {
  return ResolvePlace(*ParseLocation(text), MakeConfig(), environment);
}

TEST(ResolvePlace, ARemotePathLiesBelowTheRemotesRoot) {
  const auto place = Resolve("azure:a/b");
  ASSERT_TRUE(place);
  EXPECT_EQ(ToString(place->remote.uri), "abfss://raw@contoso.dfs.core.windows.net/top");
  EXPECT_EQ(place->path.path, "a/b");
  EXPECT_EQ(ToString(AsRoot(*place).remote.uri),
            "abfss://raw@contoso.dfs.core.windows.net/top/a/b");
}

TEST(ResolvePlace, AUriUsesTheRemoteThatIsConfiguredForIt) {
  const auto place = Resolve("https://contoso.blob.core.windows.net/raw/top/x");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->remote.name, "azure");
  EXPECT_EQ(place->path.path, "x");
  EXPECT_EQ(Resolve("oci://lake@ns/a")->remote.name, "oci");
}

TEST(ResolvePlace, AUriElsewhereUsesTheEnvironment) {
  const MapEnvironment environment{{"AZURE_STORAGE_KEY", "k"}};
  const auto place = Resolve("abfss://raw@contoso.dfs.core.windows.net/topper/x", environment);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->remote.name, "");
  EXPECT_EQ(place->remote.auth.type, AuthType::kSharedKey);
  EXPECT_EQ(place->path.path, "topper/x");
}

TEST(ResolvePlace, AUriWithoutAccountKeyLooksForAnIdentityOfThisMachine) {
  const auto place = Resolve("abfss://other@contoso.dfs.core.windows.net/");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->remote.auth.type, AuthType::kDefault);
  EXPECT_THAT(place->remote.auth.no_account_key, HasSubstr("AZURE_STORAGE_KEY"));
}

TEST(ResolvePlace, AnUnknownRemoteNamesThoseThatAreConfigured) {
  const auto place = Resolve("azur:x");
  ASSERT_FALSE(place);
  EXPECT_EQ(place.error().exit_code, ExitCode::kNotFound);
  EXPECT_EQ(place.error().message,
            "there is no remote 'azur' in config.json; configured are azure, oci");
}

TEST(ResolvePlace, ARemoteWithoutItsColonIsNotANewDirectory) {
  const auto place = Resolve("azure");
  ASSERT_FALSE(place);
  EXPECT_EQ(place.error().exit_code, ExitCode::kUsage);
  EXPECT_THAT(place.error().message, HasSubstr("write 'azure:' for it"));
  EXPECT_TRUE(Resolve("./azure"));
}

TEST(ResolvePlace, ADirectoryBecomesAbsolute) {
  EXPECT_EQ(ToString(Resolve("/srv/../data/")->remote.uri), "/data/");
  EXPECT_TRUE(ToString(Resolve("relative")->remote.uri).starts_with('/'));
}

}  // namespace
}  // namespace skybridge::cli
