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

// What mount(8) makes of "user", "users", "owner" and "group", and what other file systems take.
TEST(ParseMountOptions, TakesTheGenericOptionsOfFstab) {
  const auto parsed = ParseMountOptions({"rw,noexec,nosuid,nodev,user=alice", "sync,strictatime"});
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->settings.empty());
  EXPECT_THAT(parsed->kernel_options, ElementsAre("noexec", "sync"));
  const auto later = ParseMountOptions({"noexec,sync,exec,async,dirsync"});
  EXPECT_THAT(later->kernel_options, ElementsAre("dirsync"));
}

TEST(ParseMountOptions, MasksBecomeModes) {
  EXPECT_THAT(ParseMountOptions({"umask=0027"})->settings,
              ElementsAre(Pair("file_mode", "0640"), Pair("dir_mode", "0750")));
  EXPECT_THAT(ParseMountOptions({"fmask=133,dmask=022"})->settings,
              ElementsAre(Pair("file_mode", "0644"), Pair("dir_mode", "0755")));
  const auto wrong = ParseMountOptions({"umask=8"});
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("option umask: '8' is not allowed"));
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
  EXPECT_THAT(Plan({.source = "oci", .directory = "/m", .options = {"suid"}}).error().message,
              HasSubstr("-o suid is not supported"));
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
