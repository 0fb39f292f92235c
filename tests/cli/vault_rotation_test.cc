// A client secret of Azure that OCI Vault keeps, replaced while skybridge runs: which versions are
// tried, from the configuration as a user writes it to the read of a file.
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cli/store_factory.h"
#include "core/config.h"
#include "tests/cli/cloud_bench.h"
#include "tests/localcloud/azure_service.h"

namespace skybridge::cli {
namespace {

class VaultRotation : public CloudBench {
 protected:
  void SetUp() override {
    CloudBench::SetUp();
    DirectoryTakes(kVaultSecret);
    environment_ = MapEnvironment{{"OCI_METADATA_BASE_URL", server().url() + "/opc/v2"}};
  }

  // The directory takes this secret and no other from now on, and no token that it gave before.
  void DirectoryTakes(const std::string& secret) {
    const std::uint16_t port = azure_server_ == nullptr ? std::uint16_t{0} : azure_server_->port();
    azure_server_.reset();
    localcloud::AzureOptions options{.accounts = {{.name = account_,
                                                   .key = localcloud::kAzureEmulatorKey,
                                                   .hierarchical = true,
                                                   .containers = {"raw"}}}};
    options.tokens.principals = {{.tenant_id = "tenant",
                                  .client_id = "client",
                                  .client_secret = secret,
                                  .object_id = "object"}};
    azure_ = localcloud::AzureService::Make(options, *storage_, clock_).value();
    azure_server_ = localcloud::Server::Start(*azure_, clock_, {.port = port}).value();
  }

  // `reference` stands behind "ocivault:". Null where the remote cannot be opened.
  std::unique_ptr<OpenStore> Open(const std::string& reference) {
    const Config config =
        ParseConfig(
            fmt::format(
                R"({{"vault": {{"auth": {{"type": "instance_principal", "federation_endpoint": "{0}"}},
                               "endpoint": "{0}"}},
                    "remotes": {{"azure": {{"uri": "abfss://raw@{1}.dfs.core.windows.net/",
                      "endpoint": "{2}/{1}",
                      "auth": {{"type": "service_principal", "tenant_id": "tenant",
                                "client_id": "client", "authority_host": "{2}",
                                "client_secret": "ocivault:{3}"}}}}}}}})",
                server().url(), account_, azure_server_->url(), reference),
            {.file = "config.json"})
            .value();
    auto store = stores_.Open(config.remotes.at("azure"), Context());
    if (store) return *std::move(store);
    EXPECT_EQ(store.error().exit_code, ExitCode::kAuthentication) << store.error().message;
    return nullptr;
  }
  // The code that a read ends with; nothing if it succeeds.
  std::optional<ErrorCode> ReadFails(OpenStore& remote) {
    const auto page = remote.store().List({}, Context());
    if (page) return std::nullopt;
    return page.error().code;
  }
  std::uint64_t SecretsFetched() {
    return server().traffic().All()["oci.get_secret_bundle"].requests;
  }
  CallContext Context() const { return {.deadline = clock_.Now() + std::chrono::seconds(60)}; }

  const std::string account_ = localcloud::kAzureEmulatorAccount;
  SystemClock clock_;
  MapEnvironment environment_;
  StoreFactory stores_{environment_, clock_};
  std::unique_ptr<localcloud::Storage> storage_ = localcloud::MakeMemoryStorage();
  std::unique_ptr<localcloud::AzureService> azure_;
  std::unique_ptr<localcloud::Server> azure_server_;
};

constexpr char kNext[] = "the next secret";

TEST_F(VaultRotation, TheCurrentVersionIsFetchedAgainOnceTheOldSecretIsRefused) {
  const auto remote = Open(kVaultSecretId);
  ASSERT_NE(remote, nullptr);
  EXPECT_EQ(ReadFails(*remote), std::nullopt);
  EXPECT_EQ(SecretsFetched(), 1U) << "one for all requests";
  ASSERT_TRUE(service().ReplaceSecret(kVaultSecretId, kNext));
  DirectoryTakes(kNext);
  EXPECT_EQ(ReadFails(*remote), std::nullopt);
  EXPECT_EQ(SecretsFetched(), 2U);
}

TEST_F(VaultRotation, TheLatestVersionIsTriedWhereItIsNotTheCurrentOneYet) {
  const auto remote = Open(kVaultSecretId);
  ASSERT_NE(remote, nullptr);
  ASSERT_TRUE(service().AddPendingSecret(kVaultSecretId, kNext));
  DirectoryTakes(kNext);
  EXPECT_EQ(ReadFails(*remote), std::nullopt);
  EXPECT_EQ(SecretsFetched(), 3U) << "current, current again, latest";
}

TEST_F(VaultRotation, ThePreviousVersionIsTriedWhereTheVaultIsAheadOfTheDirectory) {
  ASSERT_TRUE(service().ReplaceSecret(kVaultSecretId, kNext));
  const auto remote = Open(std::string(kVaultSecretId) + "?stage=CURRENT");
  ASSERT_NE(remote, nullptr);
  EXPECT_EQ(ReadFails(*remote), std::nullopt);
  EXPECT_EQ(SecretsFetched(), 4U) << "current, current again, latest, previous";
}

TEST_F(VaultRotation, AVersionThatIsPinnedStays) {
  const auto remote = Open(std::string(kVaultSecretId) + "?version=1");
  ASSERT_NE(remote, nullptr);
  ASSERT_TRUE(service().ReplaceSecret(kVaultSecretId, kNext));
  DirectoryTakes(kNext);
  EXPECT_EQ(ReadFails(*remote), ErrorCode::kUnauthenticated);
  EXPECT_EQ(Open(std::string(kVaultSecretId) + "?stage=PREVIOUS"), nullptr);
  EXPECT_NE(Open(std::string(kVaultSecretId) + "?version=2"), nullptr);
}

}  // namespace
}  // namespace skybridge::cli
