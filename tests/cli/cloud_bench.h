// CloudBench: a local cloud with one bucket, a configuration for it, and skybridge itself run in
// this process.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cli/exit_codes.h"
#include "core/clock.h"
#include "tests/localcloud/oci_service.h"
#include "tests/localcloud/oci_setup.h"
#include "tests/localcloud/server.h"
#include "tests/support/temp_directory.h"

namespace skybridge::cli {

struct Invocation {
  ExitCode exit_code = ExitCode::kInternal;
  std::string out;
  std::string err;
  std::chrono::milliseconds elapsed{0};
};

// A secret that the local cloud's Vault holds.
inline constexpr char kVaultSecretId[] = "ocid1.vaultsecret.oc1.iad.azure";
inline constexpr char kVaultSecret[] = "secret-of-the-vault";

class CloudBench : public ::testing::Test {
 protected:
  void SetUp() override;

  // Runs `skybridge ARGUMENTS...` with the configuration below.
  Invocation Run(std::vector<std::string> arguments);
  // A file or directory below the test's own directory.
  std::string Path(const std::string& name) const { return directory_.Sub(name); }
  std::string Write(const std::string& name, const std::string& text, int mode = 0600) const;
  // The configuration: remote "oci" is the bucket "lake"; `more` are further remotes (`"name":
  // {...}`).
  void Configure(const std::vector<std::string>& more = {});
  // A remote like "oci", with these members in place of its own.
  std::string OciRemote(const std::string& name, const std::string& bucket,
                        const std::string& endpoint, const std::string& config_file) const;
  localcloud::Server& server() { return *server_; }
  localcloud::OciService& service() { return *service_; }
  const std::string& login() const { return login_; }

 private:
  testing::TempDirectory directory_;
  SystemClock clock_;
  std::unique_ptr<localcloud::Storage> storage_;
  std::unique_ptr<localcloud::OciService> service_;
  std::unique_ptr<localcloud::Server> server_;
  std::string login_;
};

}  // namespace skybridge::cli
