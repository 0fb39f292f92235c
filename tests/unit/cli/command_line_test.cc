#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skybridge::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

template <class T>
T Parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "skybridge");
  auto line = ParseCommandLine(arguments);
  EXPECT_TRUE(line) << line.error().message;
  if (!line || !std::holds_alternative<T>(line->command)) {
    ADD_FAILURE() << "another command than expected";
    return T{};
  }
  return std::get<T>(line->command);
}

std::string ErrorOf(std::vector<std::string> arguments, const std::string& program = "skybridge") {
  arguments.insert(arguments.begin(), program);
  const auto line = ParseCommandLine(arguments);
  EXPECT_FALSE(line);
  if (line) return "";
  EXPECT_EQ(line.error().exit_code, ExitCode::kUsage);
  EXPECT_EQ(line.error().message.find('\n'), std::string::npos);
  return line.error().message;
}

TEST(CommandLine, ReadsListStatAndCat) {
  const auto list = Parse<ListOptions>({"ls", "-l", "-R", "--json", "azure:x"});
  EXPECT_EQ(list.path, "azure:x");
  EXPECT_TRUE(list.details && list.recursive && list.json);
  EXPECT_EQ(Parse<StatOptions>({"stat", "azure:x"}).path, "azure:x");
  EXPECT_EQ(Parse<CatOptions>({"cat", "azure:x"}).path, "azure:x");
}

TEST(CommandLine, ReadsMount) {
  const auto mount =
      Parse<MountArguments>({"mount", "-f", "-o", "ro,ttl=5s", "-o", "nofail", "--cache-dir", "/c",
                             "--cache-size=1GiB", "--read-only", "azure", "/mnt/x"});
  EXPECT_EQ(mount.source, "azure");
  EXPECT_EQ(mount.directory, "/mnt/x");
  EXPECT_TRUE(mount.foreground);
  EXPECT_THAT(mount.options, ElementsAre("ro,ttl=5s", "nofail"));
  EXPECT_THAT(mount.settings,
              UnorderedElementsAre(Pair("cache_dir", "/c"), Pair("cache_size", "1GiB"),
                                   Pair("read_only", "true")));
}

TEST(CommandLine, MountAllAndConfiguredMountsTakeTheDirectoryAlone) {
  const auto all = Parse<MountArguments>({"mount", "--all", "/mnt/x"});
  EXPECT_TRUE(all.all);
  EXPECT_EQ(all.directory, "/mnt/x");
  EXPECT_EQ(Parse<MountArguments>({"mount", "/mnt/x"}).source, "");
  EXPECT_THAT(ErrorOf({"mount", "--all", "azure", "/mnt/x"}), HasSubstr("takes DIR alone"));
}

TEST(CommandLine, GlobalOptionsStandBeforeOrAfterTheCommand) {
  EXPECT_EQ(ParseCommandLine({"skybridge", "--config", "/c", "ls", "x"})->config_file, "/c");
  EXPECT_EQ(ParseCommandLine({"skybridge", "ls", "x", "--config=/c"})->config_file, "/c");
  EXPECT_TRUE(ParseCommandLine({"skybridge", "mount", "--debug", "a", "/m"})->debug);
}

TEST(CommandLine, ReadsSyncVerifyAndDoctor) {
  EXPECT_EQ(Parse<SyncArguments>({"sync", "--tier", "default", "a:", "o:"}).tier, "default");
  const auto sync = Parse<SyncArguments>({"sync", "-n", "--jobs", "8", "azure:", "oci:"});
  EXPECT_EQ(sync.source, "azure:");
  EXPECT_EQ(sync.destination, "oci:");
  EXPECT_TRUE(sync.dry_run);
  EXPECT_EQ(sync.jobs, 8u);
  EXPECT_TRUE(Parse<VerifyArguments>({"verify", "a:", "b:", "--read-all"}).read_all);
  EXPECT_TRUE(Parse<DoctorOptions>({"doctor", "--read-only"}).read_only);
}

TEST(CommandLine, PrintsHelpAndVersion) {
  EXPECT_THAT(Parse<PrintText>({"--help"}).text, HasSubstr("Exit codes: 0 done"));
  EXPECT_THAT(Parse<PrintText>({"mount", "--help"}).text, HasSubstr("--cache-dir"));
  EXPECT_THAT(Parse<PrintText>({"mount", "--help"}).text, HasSubstr("Usage: skybridge mount"));
  EXPECT_EQ(Parse<PrintText>({"version"}).text, "skybridge " SKYBRIDGE_VERSION "\n");
  EXPECT_EQ(Parse<PrintText>({"--version"}).text, "skybridge " SKYBRIDGE_VERSION "\n");
}

TEST(CommandLine, AMistakeIsOneLineThatPointsToTheHelp) {
  EXPECT_THAT(ErrorOf({}), HasSubstr("see skybridge --help"));
  EXPECT_THAT(ErrorOf({"fly"}), HasSubstr("there is no command 'fly'; see skybridge --help"));
  EXPECT_THAT(ErrorOf({"ls"}), HasSubstr("PATH is required; see skybridge ls --help"));
  EXPECT_THAT(ErrorOf({"sync", "a:", "b:", "--jobs", "0"}), HasSubstr("--jobs"));
  EXPECT_THAT(ErrorOf({"ls", "x", "--frobnicate"}), HasSubstr("--frobnicate"));
}

TEST(MountHelper, TakesWhatMountGivesIt) {
  const auto line =
      ParseCommandLine({"/sbin/mount.skybridge", "azure", "/mnt/x", "-n", "-t", "skybridge", "-o",
                        "rw,_netdev,ttl=5s,config=/etc/other.json"});
  ASSERT_TRUE(line) << line.error().message;
  const auto& mount = std::get<MountArguments>(line->command);
  EXPECT_EQ(mount.source, "azure");
  EXPECT_EQ(mount.directory, "/mnt/x");
  EXPECT_EQ(line->config_file, "/etc/other.json");
  EXPECT_FALSE(mount.foreground);
}

TEST(MountHelper, TheSourceConfigMeansTheMountOfTheConfiguration) {
  const auto line = ParseCommandLine({"mount.skybridge", "config", "/mnt/sky", "-o", "rw"});
  EXPECT_EQ(std::get<MountArguments>(line->command).source, "");
}

TEST(MountHelper, AFakeMountDoesNothing) {
  const auto line = ParseCommandLine({"mount.skybridge", "azure", "/mnt/x", "-fv"});
  EXPECT_TRUE(std::holds_alternative<PrintText>(line->command));
}

TEST(MountHelper, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(ErrorOf({"azure"}, "mount.skybridge"), HasSubstr("usage: mount.skybridge"));
  EXPECT_THAT(ErrorOf({"azure", "/m", "-z"}, "mount.skybridge"), HasSubstr("unknown option -z"));
}

}  // namespace
}  // namespace skybridge::cli
