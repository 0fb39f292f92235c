#include "cli/mount_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skybridge::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;

Config MakeConfig() {
  auto config = ParseConfig(R"({
      "remotes": {"azure": {"uri": "abfss://raw@contoso.dfs.core.windows.net/"}, "oci": {"uri": "oci://lake@ns/top"}},
      "mounts": {"/mnt/sky": {"remotes": ["azure", "oci"], "ttl": "9s", "cache_dir": "/var/cache/sky"},
                 "/mnt/one": {"remotes": ["oci"]}}})",
                            {.file = "config.json"});
  EXPECT_TRUE(config) << config.error().message;
  return *std::move(config);
}

Outcome<MountPlan> Plan(const MountArguments& arguments) {
  auto options = ParseMountOptions(arguments.options);
  if (!options) return tl::unexpected<Failure>(options.error());
  return PlanMount(arguments, *options, MakeConfig(), MapEnvironment{{"HOME", "/home/a"}});
}

TEST(ParseMountOptions, TakesOursAndDropsThoseOfTheSystem) {
  const auto parsed = ParseMountOptions(
      {"ro,_netdev,nofail,x-systemd.automount,allow_other", "ttl=5s,config=/c,debug,log_file=/l"});
  ASSERT_TRUE(parsed);
  EXPECT_THAT(parsed->settings, ElementsAre(Pair("read_only", "true"), Pair("allow_other", "true"),
                                            Pair("ttl", "5s")));
  EXPECT_EQ(parsed->config_file, "/c");
  EXPECT_EQ(parsed->log_file, "/l");
  EXPECT_TRUE(parsed->debug);
}

TEST(PlanMount, ARemotesTreeIsTheMount) {
  const auto plan = Plan({.source = "azure:dir", .directory = "/mnt/x/"});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->directory, "/mnt/x");
  EXPECT_FALSE(plan->as_directories);
  EXPECT_EQ(plan->source, "abfss://raw@contoso.dfs.core.windows.net/dir");
  ASSERT_EQ(plan->places.size(), 1u);
  EXPECT_EQ(plan->places[0].remote.name, "azure");
}

TEST(PlanMount, ABareWordIsARemote) {
  EXPECT_EQ(Plan({.source = "oci", .directory = "/m"})->source, "oci://lake@ns/top");
}

TEST(PlanMount, AllMountsEachRemoteAsADirectory) {
  const auto plan = Plan({.all = true, .directory = "/mnt/x"});
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->as_directories);
  EXPECT_THAT(plan->names, ElementsAre("azure", "oci"));
}

TEST(PlanMount, ADirectoryOfTheConfigurationNeedsNoSource) {
  const auto several = Plan({.directory = "/mnt/sky"});
  ASSERT_TRUE(several);
  EXPECT_TRUE(several->as_directories);
  EXPECT_EQ(several->settings.cache_dir, "/var/cache/sky");
  EXPECT_FALSE(Plan({.directory = "/mnt/one"})->as_directories);
  const auto unknown = Plan({.directory = "/mnt/other"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().exit_code, ExitCode::kConfiguration);
}

TEST(PlanMount, TheCommandLineWinsOverOptionsWhichWinOverTheConfiguration) {
  EXPECT_EQ(Plan({.directory = "/mnt/sky"})->settings.ttl, std::chrono::seconds(9));
  EXPECT_EQ(Plan({.directory = "/mnt/sky", .options = {"ttl=3s"}})->settings.ttl,
            std::chrono::seconds(3));
  const auto plan = Plan({.directory = "/mnt/sky",
                          .options = {"cache_size=1GiB"},
                          .settings = {{"cache_size", "2GiB"}}});
  EXPECT_EQ(plan->settings.cache_size_bytes, std::uint64_t{2} << 30);
}

TEST(PlanMount, AWrongOptionIsAUsageErrorThatNamesIt) {
  const auto value = Plan({.source = "oci", .directory = "/m", .options = {"ttl=soon"}});
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().exit_code, ExitCode::kUsage);
  EXPECT_THAT(value.error().message, StartsWith("option ttl: 'soon' is not a duration"));
  EXPECT_THAT(Plan({.source = "oci", .directory = "/m", .options = {"bogus"}}).error().message,
              StartsWith("unknown option 'bogus'; allowed are cache_dir"));
  EXPECT_THAT(Plan({.source = "oci", .directory = "/m", .options = {"noexec"}}).error().message,
              HasSubstr("unknown option 'noexec'"));
  EXPECT_THAT(Plan({.source = "oci", .directory = "/m", .options = {"remount"}}).error().message,
              HasSubstr("remount"));
}

TEST(PlanMount, EachMountHasACacheOfItsOwn) {
  const auto cache = [](const char* source, const char* directory) {
    return Plan({.source = source, .directory = directory})->settings.cache_dir;
  };
  EXPECT_NE(cache("oci", "/a"), cache("oci", "/b"));
  EXPECT_NE(cache("oci", "/a"), cache("azure", "/a"));
  EXPECT_EQ(cache("oci", "/a"), cache("oci", "/a/"));
}

TEST(PlanMount, ARelativeCacheDirectoryIsMadeAbsolute) {
  const auto plan = Plan({.source = "oci", .directory = "/m", .settings = {{"cache_dir", "here"}}});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_THAT(plan->settings.cache_dir, StartsWith("/"));
}

}  // namespace
}  // namespace skybridge::cli
