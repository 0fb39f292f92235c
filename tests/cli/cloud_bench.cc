#include "tests/cli/cloud_bench.h"

#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/run.h"
#include "cli/store_factory.h"

namespace skybridge::cli {

void CloudBench::SetUp() {
  const auto login = localcloud::PrepareOciLogin(directory_.path(), "us-ashburn-1");
  ASSERT_TRUE(login) << login.error().message;
  login_ = login->config_file;
  storage_ = localcloud::MakeMemoryStorage();
  auto service = localcloud::OciService::Create(
      *storage_, clock_,
      {.buckets = {"lake", "copy"},
       .identities = {login->identity},
       .secrets = {{.id = kVaultSecretId, .name = "azure", .content = kVaultSecret}}});
  ASSERT_TRUE(service) << service.error().message;
  service_ = *std::move(service);
  auto server = localcloud::Server::Start(*service_, clock_);
  ASSERT_TRUE(server) << server.error().message;
  server_ = *std::move(server);
  Configure();
}

std::string CloudBench::Write(const std::string& name, const std::string& text, int mode) const {
  std::string path = Path(name);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
  EXPECT_EQ(chmod(path.c_str(), static_cast<mode_t>(mode)), 0);
  return path;
}

std::string CloudBench::OciRemote(const std::string& name, const std::string& bucket,
                                  const std::string& endpoint,
                                  const std::string& config_file) const {
  return fmt::format(
      R"("{}": {{"uri": "oci://{}@localnamespace/", "region": "us-ashburn-1", "endpoint": "{}",
                      "auth": {{"type": "config_file", "config_file": "{}"}}}})",
      name, bucket, endpoint, config_file);
}

void CloudBench::Configure(const std::vector<std::string>& more) {
  std::vector<std::string> remotes = more;
  remotes.push_back(OciRemote("oci", "lake", server_->url(), login_));
  remotes.push_back(OciRemote("copy", "copy", server_->url(), login_));
  Write("config.json", fmt::format(R"({{"remotes": {{{}}}}})", fmt::join(remotes, ",\n")));
}

Invocation CloudBench::Run(std::vector<std::string> arguments) {
  // The machine's own identities are none of a test's business: nothing listens at port 1.
  const MapEnvironment environment{{"HOME", directory_.path()},
                                   {"XDG_STATE_HOME", directory_.Sub("state")},
                                   {"AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1"},
                                   {"SKYBRIDGE_CONFIG", Path("config.json")},
                                   {"OCI_METADATA_BASE_URL", server_->url() + "/opc/v2"}};
  StoreFactory stores(environment, clock_);
  std::ostringstream out;
  std::ostringstream err;
  arguments.insert(arguments.begin(), "skybridge");
  const MonotonicTime begun = clock_.Now();
  Invocation run;
  run.exit_code = cli::Run(
      arguments,
      {.out = out, .err = err, .environment = environment, .clock = clock_, .stores = stores});
  run.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.Now() - begun);
  run.out = out.str();
  run.err = err.str();
  return run;
}

}  // namespace skybridge::cli
