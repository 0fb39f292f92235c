// What goes wrong in the field must end in seconds, with the documented exit code and one clear
// line.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "cache/cache_directory.h"
#include "tests/cli/cloud_bench.h"

namespace skybridge::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class BadInput : public CloudBench {
 protected:
  // Fails the test unless skybridge ends soon, with this code and one line.
  std::string LineOf(const std::vector<std::string>& arguments, ExitCode expected) {
    const Invocation run = Run(arguments);
    EXPECT_EQ(run.exit_code, expected) << run.err;
    EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
    EXPECT_TRUE(run.err.starts_with("skybridge: ")) << run.err;
    EXPECT_LT(run.elapsed, std::chrono::seconds(20));
    return run.err;
  }
  std::string AzureRemote(const std::string& auth) const {
    return R"("azure": {"uri": "abfss://raw@contoso.dfs.core.windows.net/", "endpoint": "http://127.0.0.1:1/contoso", "auth": )" +
           auth + "}";
  }
};

TEST_F(BadInput, WrongUri) {
  EXPECT_THAT(LineOf({"ls", "abfs://raw/x"}, ExitCode::kUsage),
              HasSubstr("lacks the file system before '@'"));
}

TEST_F(BadInput, UnknownRemote) {
  EXPECT_THAT(LineOf({"ls", "elsewhere:x"}, ExitCode::kNotFound),
              HasSubstr("configured are copy, oci"));
}

TEST_F(BadInput, MissingCredentials) {
  EXPECT_THAT(
      LineOf({"ls", "abfss://raw@contoso.dfs.core.windows.net/"}, ExitCode::kAuthentication),
      AllOf(HasSubstr("no identity was found; account key or SAS (AZURE_STORAGE_KEY and"),
            HasSubstr("client secret (AZURE_TENANT_ID"), HasSubstr("managed identity ("),
            HasSubstr("Azure CLI (")));
}

TEST_F(BadInput, WrongCredentials) {
  std::filesystem::create_directory(Path("stranger"));
  const auto stranger = localcloud::PrepareOciLogin(Path("stranger"), "us-ashburn-1");
  ASSERT_TRUE(stranger);
  Configure({OciRemote("stranger", "lake", server().url(), stranger->config_file)});
  EXPECT_THAT(LineOf({"ls", "stranger:"}, ExitCode::kAuthentication),
              HasSubstr("remote stranger: "));
}

TEST_F(BadInput, ExpiredCredentials) {
  Configure({AzureRemote(
      R"({"type": "sas", "sas_token": "sv=2023-11-03&sp=rl&sr=c&se=2020-01-01T00:00:00Z&sig=c2VjcmV0"})")});
  EXPECT_THAT(LineOf({"ls", "azure:"}, ExitCode::kAuthentication),
              AllOf(HasSubstr("expired"), Not(HasSubstr("c2VjcmV0"))));
}

TEST_F(BadInput, UnreachableHost) {
  Configure({OciRemote("down", "lake", "http://127.0.0.1:1", login())});
  EXPECT_THAT(LineOf({"ls", "down:"}, ExitCode::kNetwork),
              HasSubstr("check the endpoint's name, the network and the proxy"));
}

TEST_F(BadInput, NoSuchContainer) {
  Configure({OciRemote("gone", "nobucket", server().url(), login())});
  EXPECT_THAT(LineOf({"ls", "gone:"}, ExitCode::kNotFound), HasSubstr("nobucket"));
}

TEST_F(BadInput, ClockOffByAnHour) {
  server().rules().Add({.clock_skew = std::chrono::hours(1)});
  EXPECT_THAT(LineOf({"ls", "oci:"}, ExitCode::kAuthentication), HasSubstr("clock"));
}

TEST_F(BadInput, WorldReadableSecretFile) {
  const std::string path = Write("key", "c2VjcmV0\n", 0644);
  Configure({AzureRemote(R"({"type": "shared_key", "account_key": "file:)" + path + R"("})")});
  EXPECT_THAT(LineOf({"ls", "azure:"}, ExitCode::kConfiguration),
              AllOf(HasSubstr("chmod 600 " + path), Not(HasSubstr("c2VjcmV0"))));
}

TEST_F(BadInput, MissingSecretFile) {
  Configure({AzureRemote(R"({"type": "shared_key", "account_key": "file:/nonexistent/key"})")});
  EXPECT_THAT(LineOf({"ls", "azure:"}, ExitCode::kConfiguration),
              HasSubstr("file:/nonexistent/key: No such file"));
}

TEST_F(BadInput, BrokenConfiguration) {
  Write("config.json", R"({"remotes": {"oci": {"uri": "oci://lake@ns/", "regoin": "x"}}})");
  EXPECT_THAT(LineOf({"ls", "oci:"}, ExitCode::kConfiguration),
              HasSubstr("remotes.oci.regoin: unknown key"));
}

TEST_F(BadInput, MissingMountPoint) {
  EXPECT_THAT(LineOf({"mount", "-f", "oci", Path("none")}, ExitCode::kLocalResource),
              HasSubstr("does not exist"));
}

TEST_F(BadInput, MountPointIsNotADirectory) {
  EXPECT_THAT(LineOf({"mount", "-f", "oci", Write("file", "x")}, ExitCode::kLocalResource),
              HasSubstr("is not a directory"));
}

TEST_F(BadInput, MountPointHasEntries) {
  Write("full/file", "x");
  EXPECT_THAT(LineOf({"mount", "-f", "oci", Path("full")}, ExitCode::kLocalResource),
              HasSubstr("nonempty"));
}

TEST_F(BadInput, MountOfAnUnreachableRemote) {
  std::filesystem::create_directory(Path("mnt"));
  Configure({OciRemote("down", "lake", "http://127.0.0.1:1", login())});
  LineOf({"mount", "-f", "--cache-dir", Path("cache"), "down", Path("mnt")}, ExitCode::kNetwork);
}

TEST_F(BadInput, MountOfADirectoryThatIsNotThere) {
  std::filesystem::create_directory(Path("mnt"));
  EXPECT_THAT(LineOf({"mount", "-f", "--cache-dir", Path("cache"), "oci:mistyped", Path("mnt")},
                     ExitCode::kNotFound),
              HasSubstr("'oci:mistyped': no such directory"));
}

TEST_F(BadInput, CopyOfADirectoryThatIsNotThere) {
  EXPECT_THAT(LineOf({"sync", "oci:mistyped", Path("copy")}, ExitCode::kNotFound),
              HasSubstr("'oci:mistyped': no such directory"));
}

TEST_F(BadInput, CacheDirectoryInUse) {
  std::filesystem::create_directory(Path("mnt"));
  const auto taken = cache::CacheDirectory::Take({.path = Path("cache")});
  ASSERT_TRUE(taken);
  EXPECT_THAT(LineOf({"mount", "-f", "--cache-dir", Path("cache"), "oci", Path("mnt")},
                     ExitCode::kLocalResource),
              HasSubstr("in use by process"));
}

TEST_F(BadInput, CacheDirectoryIsAFile) {
  std::filesystem::create_directory(Path("mnt"));
  LineOf({"mount", "-f", "--cache-dir", Write("file", "x"), "oci", Path("mnt")},
         ExitCode::kLocalResource);
}

TEST_F(BadInput, CacheDirectoryWithSomebodysFiles) {
  std::filesystem::create_directory(Path("mnt"));
  std::filesystem::create_directories(Path("theirs/blocks/blocks/00"));
  std::ofstream(Path("theirs/blocks/blocks/00/mine")) << "x";
  EXPECT_THAT(LineOf({"mount", "-f", "--cache-dir", Path("theirs"), "oci", Path("mnt")},
                     ExitCode::kLocalResource),
              HasSubstr("holds files that are not skybridge's, such as 'blocks'"));
  EXPECT_TRUE(std::filesystem::exists(Path("theirs/blocks/blocks/00/mine")));
}

TEST_F(BadInput, CacheLargerThanItsDisk) {
  std::filesystem::create_directory(Path("mnt"));
  EXPECT_THAT(LineOf({"mount", "-f", "--cache-dir", Path("cache"), "--cache-size", "1PiB", "oci",
                      Path("mnt")},
                     ExitCode::kLocalResource),
              HasSubstr("cache_size: "));
}

TEST_F(BadInput, ImpossibleMountOption) {
  EXPECT_THAT(
      LineOf({"mount", "-f", "-o", "cache_size=lots", "oci", Path("mnt")}, ExitCode::kUsage),
      HasSubstr("option cache_size: 'lots' is not a size"));
}

TEST_F(BadInput, LogFileThatCannotBeWritten) {
  std::filesystem::create_directory(Path("mnt"));
  const std::string path = Write("file", "x") + "/log";
  EXPECT_THAT(
      LineOf({"mount", "-f", "--log-file", path, "oci", Path("mnt")}, ExitCode::kLocalResource),
      HasSubstr(path));
}

}  // namespace
}  // namespace skybridge::cli
