// The chain that the Spark job of many an installation goes: this machine's OCI identity opens the
// Vault, the Vault holds Azure's client secret, the secret gives a token, the token reads the lake.
// Every link over the wire.
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backends/azure/oauth.h"
#include "backends/azure/open_store.h"
#include "backends/azure/rotating_secret.h"
#include "backends/http/curl_transport.h"
#include "backends/oci/delegation.h"
#include "backends/oci/instance_principal.h"
#include "backends/oci/oci_store.h"
#include "backends/oci/resource_principal.h"
#include "backends/oci/vault.h"
#include "backends/oci/workload_identity.h"
#include "tests/localcloud/azure_service.h"
#include "tests/localcloud/oci_service.h"
#include "tests/localcloud/server.h"
#include "tests/support/machine_clock.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/backends/oci_token_fixture.h"

namespace skybridge::testing {
namespace {

constexpr std::string_view kSecretId = "ocid1.vaultsecret.oc1.iad.azure";
constexpr std::string_view kVaultId = "ocid1.vault.oc1.iad.v";

class IdentityChain : public ::testing::Test {
 protected:
  IdentityChain() {
    oci_service_ = localcloud::OciService::Create(*storage_, clock_,
                                                  {.buckets = {"lake"},
                                                   .secrets = {{.id = std::string(kSecretId),
                                                                .vault_id = std::string(kVaultId),
                                                                .name = "azure-client-secret",
                                                                .content = "first secret\n"}},
                                                   .issuer = {.pod_token = "pod token"}})
                       .value();
    oci_server_ = localcloud::Server::Start(*oci_service_, clock_).value();
    StartAzure("first secret");
    variables_ = {{"OCI_METADATA_BASE_URL", oci_server_->url() + "/opc/v2"},
                  {"OCI_CLI_FEDERATION_ENDPOINT", oci_server_->url()}};
  }

  // The directory takes this secret and no other; earlier tokens and files are gone, the address
  // stays.
  void StartAzure(const std::string& secret) {
    const std::uint16_t port = azure_server_ == nullptr ? std::uint16_t{0} : azure_server_->port();
    azure_server_.reset();
    const std::string account = localcloud::kAzureEmulatorAccount;
    localcloud::AzureOptions options{.accounts = {{.name = account,
                                                   .key = localcloud::kAzureEmulatorKey,
                                                   .hierarchical = true,
                                                   .containers = {"raw"}}}};
    options.tokens.principals = {{.tenant_id = "tenant",
                                  .client_id = "client",
                                  .client_secret = secret,
                                  .object_id = "object"}};
    azure_service_ = localcloud::AzureService::Make(options, *azure_storage_, clock_).value();
    azure_server_ = localcloud::Server::Start(*azure_service_, clock_, {.port = port}).value();
  }

  std::unique_ptr<oci::IdentityProvider> InstancePrincipal() {
    return oci::MakeInstancePrincipal({.environment = environment_}, transport_, clock_);
  }
  std::unique_ptr<ObjectStore> OciStore(std::unique_ptr<oci::IdentityProvider> identities) {
    return oci::MakeOciStore({.endpoint = oci_server_->url(), .region = "iad", .bucket = "lake"},
                             transport_, std::move(identities), clock_)
        .value();
  }
  azure::RotatingSecretSource::FetchSecret Version(oci::Vault& vault, std::string_view stage) {
    return [&vault, stage](const CallContext& context) {
      return vault.Fetch({.secret_id = std::string(kSecretId), .stage = std::string(stage)},
                         context);
    };
  }
  std::shared_ptr<azure::Credential> AzureCredential(oci::Vault& vault) {
    auto source = std::make_unique<azure::RotatingSecretSource>(
        "the vault's secret",
        std::vector{Version(vault, "CURRENT"), Version(vault, "LATEST"),
                    Version(vault, "PREVIOUS")},
        [this](Secret secret) -> Result<std::unique_ptr<azure::TokenSource>> {
          auto made = azure::ServicePrincipalSource::Make({.authority = azure_server_->url(),
                                                           .tenant_id = "tenant",
                                                           .client_id = "client",
                                                           .client_secret = std::move(secret)},
                                                          transport_, clock_);
          if (!made) return Fail(std::move(made).error());
          return *std::move(made);
        },
        clock_);
    return std::make_shared<azure::BearerCredential>(std::move(source), clock_);
  }
  std::unique_ptr<ObjectStore> AzureStore(std::shared_ptr<azure::Credential> credential) {
    const std::string endpoint = azure_server_->url() + "/" + localcloud::kAzureEmulatorAccount;
    return azure::OpenStore({.account = localcloud::kAzureEmulatorAccount,
                             .container = "raw",
                             .dfs_endpoint = endpoint,
                             .blob_endpoint = endpoint,
                             .credential = std::move(credential)},
                            transport_, clock_, Context())
        .value();
  }

  void WriteReadAndList(ObjectStore& store) {
    const auto written =
        store.Put({.key = ObjectKey("d/file"), .body = AsBytes("content")}, Context());
    ASSERT_TRUE(written) << written.error().ToString();
    EXPECT_EQ(Read(store, "d/file"), "content");
    const auto page = store.List({.directory = ObjectKey("d")}, Context());
    ASSERT_TRUE(page) << page.error().ToString();
    EXPECT_EQ(page->entries.size(), 1U);
  }
  std::string Read(ObjectStore& store, const std::string& path) {
    std::string text(100, '\0');
    const auto reply = store.Get({.key = ObjectKey(path), .range = {0, text.size()}},
                                 std::as_writable_bytes(std::span(text)), Context());
    if (!reply) return reply.error().ToString();
    return text.substr(0, reply->bytes_received);
  }
  std::uint64_t Requests(const std::string& operation) {
    return oci_server_->traffic().All()[operation].requests;
  }
  CallContext Context() const { return {.deadline = clock_.Now() + std::chrono::seconds(30)}; }

  SystemClock clock_;
  std::unique_ptr<localcloud::Storage> storage_ = localcloud::MakeMemoryStorage();
  std::unique_ptr<localcloud::Storage> azure_storage_ = localcloud::MakeMemoryStorage();
  std::unique_ptr<localcloud::OciService> oci_service_;
  std::unique_ptr<localcloud::Server> oci_server_;
  std::unique_ptr<localcloud::AzureService> azure_service_;
  std::unique_ptr<localcloud::Server> azure_server_;
  std::map<std::string, std::string> variables_;
  const oci::Environment environment_ = oci::testing::EnvironmentOf(variables_);
  TempDirectory files_;
  CurlTransport transport_{skybridge::testing::MachineClock()};
};

TEST_F(IdentityChain, AnInstanceOpensTheVaultWhoseSecretReadsTheLakeAlsoAfterTheSecretWasReplaced) {
  oci::Vault vault(oci_server_->url(), transport_, InstancePrincipal(), clock_);
  const auto credential = AzureCredential(vault);
  const auto store = AzureStore(credential);
  WriteReadAndList(*store);
  EXPECT_EQ(Requests("oci.federate"), 1U);
  EXPECT_EQ(Requests("oci.get_secret_bundle"), 1U) << "one secret for every request";

  // The secret is replaced in the directory and in the Vault; who knows the old one fetches the new
  // one.
  ASSERT_TRUE(oci_service_->ReplaceSecret(kSecretId, "second secret"));
  StartAzure("second secret");
  WriteReadAndList(*store);
  EXPECT_EQ(Requests("oci.get_secret_bundle"), 2U);
  EXPECT_EQ(Requests("oci.federate"), 1U);

  // The Vault has a newer version already, and the directory still takes the one before it.
  ASSERT_TRUE(oci_service_->ReplaceSecret(kSecretId, "third secret"));
  WriteReadAndList(*AzureStore(AzureCredential(vault)));
}

TEST_F(IdentityChain, ASecretIsReadByNameAndByVersion) {
  oci::Vault vault(oci_server_->url(), transport_, InstancePrincipal(), clock_);
  ASSERT_TRUE(oci_service_->ReplaceSecret(kSecretId, "second secret"));
  const auto fetch = [&](const std::string& selector) {
    const std::string text = "name/" + std::string(kVaultId) + "/azure-client-secret" + selector;
    const auto secret = vault.Fetch(ParseVaultSecret(text).value(), Context());
    return secret ? std::string(secret->Reveal()) : std::string(ErrorCodeName(secret.error().code));
  };
  EXPECT_EQ(fetch(""), "second secret");
  EXPECT_EQ(fetch("?stage=PREVIOUS"), "first secret");
  EXPECT_EQ(fetch("?version=1"), "first secret");
  EXPECT_EQ(fetch("?version=3"), "not_found");
}

TEST_F(IdentityChain, AnInstancePrincipalListsReadsAndWritesAndFollowsItsCertificate) {
  const auto store = OciStore(InstancePrincipal());
  WriteReadAndList(*store);
  EXPECT_EQ(Requests("oci.federate"), 1U);
  // Tokens end before their time, and the certificate is another one: the next request renews both,
  // and succeeds.
  oci_service_->issuer().RotateCertificate();
  oci_service_->issuer().ExpireTokens();
  EXPECT_EQ(Read(*store, "d/file"), "content");
  EXPECT_EQ(Requests("oci.federate"), 2U);
}

TEST_F(IdentityChain, ASessionTokenListsReadsAndWritesAndIsRefreshed) {
  const std::string pem(oci::testing::kPkcs8);
  const std::string token = oci_service_->issuer().IssueSession(pem, clock_.WallNow()).value();
  std::ofstream(files_.Sub("token")) << token << "\n";
  auto identities =
      oci::MakeIdentityProvider({.profile = {.authentication = oci::Authentication::kSecurityToken,
                                             .key_content = pem,
                                             .security_token_file = files_.Sub("token")},
                                 .auth_endpoint = oci_server_->url()},
                                transport_, clock_)
          .value();
  oci::IdentityProvider& provider = *identities;
  const auto store = OciStore(std::move(identities));
  WriteReadAndList(*store);
  const auto before = provider.Current(Context()).value();
  ASSERT_TRUE(provider.Renew(*before));
  EXPECT_EQ(Read(*store, "d/file"), "content");
  EXPECT_NE(provider.Current(Context()).value()->key_id, before->key_id);
  EXPECT_EQ(Requests("oci.refresh_session"), 1U);
}

TEST_F(IdentityChain, AResourcePrincipalOfFilesListsReadsAndWrites) {
  const std::string pem(oci::testing::kPkcs8);
  std::ofstream(files_.Sub("rpst"))
      << oci_service_->issuer().IssueSession(pem, clock_.WallNow()).value();
  std::ofstream(files_.Sub("pem")) << pem;
  variables_["OCI_RESOURCE_PRINCIPAL_VERSION"] = "2.2";
  variables_["OCI_RESOURCE_PRINCIPAL_RPST"] = files_.Sub("rpst");
  variables_["OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM"] = files_.Sub("pem");
  WriteReadAndList(*OciStore(
      oci::MakeResourcePrincipal({.environment = environment_}, transport_, clock_).value()));
}

TEST_F(IdentityChain, AnOlderResourcePrincipalListsReadsAndWrites) {
  variables_["OCI_RESOURCE_PRINCIPAL_VERSION"] = "1.1";
  variables_["OCI_RESOURCE_PRINCIPAL_RPT_ENDPOINT"] = oci_server_->url();
  variables_["OCI_RESOURCE_PRINCIPAL_RPST_ENDPOINT"] = oci_server_->url();
  WriteReadAndList(*OciStore(
      oci::MakeResourcePrincipal({.environment = environment_}, transport_, clock_).value()));
}

TEST_F(IdentityChain, APodListsReadsAndWrites) {
  std::ofstream(files_.Sub("sa")) << "pod token\n";
  WriteReadAndList(*OciStore(oci::MakeWorkloadIdentity({.endpoint = oci_server_->url(),
                                                        .token_file = files_.Sub("sa"),
                                                        .environment = environment_},
                                                       transport_, clock_)
                                 .value()));
}

// As in a cluster: https, with a certificate that only the cluster's own CA file vouches for.
TEST_F(IdentityChain, APodTrustsItsClustersCertificateAndNoOther) {
  std::ofstream(files_.Sub("sa")) << "pod token\n";
  const auto cluster = localcloud::MakeTlsIdentity().value();
  const auto other = localcloud::MakeTlsIdentity().value();
  const auto server = localcloud::Server::Start(*oci_service_, clock_, {.tls = cluster}).value();
  const auto identity_trusting = [&](const std::string& certificate_pem, CurlTransport& transport) {
    std::ofstream(files_.Sub("ca.crt")) << certificate_pem;
    return oci::MakeWorkloadIdentity({.endpoint = server->url(),
                                      .token_file = files_.Sub("sa"),
                                      .environment = environment_},
                                     transport, clock_)
        .value();
  };
  variables_["OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH"] = files_.Sub("ca.crt");
  CurlTransport trusting(skybridge::testing::MachineClock(),
                         {.ca_file = oci::WorkloadCaFile(environment_)});
  WriteReadAndList(*OciStore(identity_trusting(cluster.certificate_pem, trusting)));
  CurlTransport wary(skybridge::testing::MachineClock(),
                     {.ca_file = oci::WorkloadCaFile(environment_)});
  const auto refused = identity_trusting(other.certificate_pem, wary)->Current(Context());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthenticated);
}

// A store whose identity is lost must not look like an empty one: copies would count every file as
// vanished, and deletes as done.
TEST_F(IdentityChain, AnIdentityThatIsLostIsNeverAMissingObject) {
  const auto expect_refused = [&](ObjectStore& store) {
    const ObjectKey key("d/file");
    EXPECT_EQ(store.Head(key, Context()).error().code, ErrorCode::kUnauthenticated);
    const Status deleted = store.Delete({.key = key}, Context());
    ASSERT_FALSE(deleted);
    EXPECT_EQ(deleted.error().code, ErrorCode::kUnauthenticated);
    EXPECT_EQ(store.List({.directory = ObjectKey("d")}, Context()).error().code,
              ErrorCode::kUnauthenticated);
  };
  const auto pod_store = [&] {
    return OciStore(oci::MakeWorkloadIdentity({.endpoint = oci_server_->url(),
                                               .token_file = files_.Sub("sa"),
                                               .environment = environment_},
                                              transport_, clock_)
                        .value());
  };
  std::ofstream(files_.Sub("sa")) << "pod token\n";
  const auto store = pod_store();
  WriteReadAndList(*store);
  std::filesystem::remove(files_.Sub("sa"));
  oci_service_->issuer().ExpireTokens();
  expect_refused(*store);

  // A session whose files are gone, and whose issuer is not where it should be.
  const std::string pem(oci::testing::kPkcs8);
  std::ofstream(files_.Sub("key")) << pem;
  std::filesystem::permissions(files_.Sub("key"), std::filesystem::perms::owner_read);
  std::ofstream(files_.Sub("token"))
      << oci_service_->issuer().IssueSession(pem, clock_.WallNow()).value();
  const auto session = OciStore(
      oci::MakeIdentityProvider({.profile = {.authentication = oci::Authentication::kSecurityToken,
                                             .key_file = files_.Sub("key"),
                                             .security_token_file = files_.Sub("token")},
                                 .auth_endpoint = oci_server_->url() + "/n/nowhere"},
                                transport_, clock_)
          .value());
  WriteReadAndList(*session);
  std::filesystem::remove(files_.Sub("token"));
  std::filesystem::remove(files_.Sub("key"));
  oci_service_->issuer().ExpireTokens();
  expect_refused(*session);
  // A new token beside a key that is not there.
  std::ofstream(files_.Sub("token"))
      << oci_service_->issuer().IssueSession(pem, clock_.WallNow()).value();
  expect_refused(*session);
}

TEST_F(IdentityChain, ADelegationTokenListsReadsAndWritesWhereItIsRequired) {
  oci_service_->authenticator().RequireDelegation("user token");
  EXPECT_EQ(OciStore(InstancePrincipal())->Probe(Context()).error().code,
            ErrorCode::kUnauthenticated);
  std::ofstream(files_.Sub("obo")) << "user token\n";
  WriteReadAndList(*OciStore(oci::MakeDelegatedIdentity(InstancePrincipal(), files_.Sub("obo"))));
}

}  // namespace
}  // namespace skybridge::testing
