// No secret reaches a log or an error: every kind of credential at work, with success and with
// every kind of failure, logged at debug. What counts as secret is seen on the wire itself.
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backends/azure/azure_cli.h"
#include "backends/azure/managed_identity.h"
#include "backends/azure/oauth.h"
#include "backends/azure/open_store.h"
#include "backends/azure/rotating_secret.h"
#include "backends/azure/sas.h"
#include "backends/azure/shared_key.h"
#include "backends/oci/delegation.h"
#include "backends/oci/instance_principal.h"
#include "backends/oci/oci_store.h"
#include "backends/oci/resource_principal.h"
#include "backends/oci/vault.h"
#include "backends/oci/workload_identity.h"
#include "core/encoding.h"
#include "core/environment.h"
#include "core/log.h"
#include "core/mutex.h"
#include "tests/faults/faulty_cloud.h"
#include "tests/localcloud/azure_service.h"
#include "tests/localcloud/oci_service.h"
#include "tests/support/machine_clock.h"
#include "tests/support/seen_secrets.h"
#include "tests/support/self_signed.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/backends/oci_token_fixture.h"

namespace skybridge::testing {
namespace {

using localcloud::Fault;

// Passes everything on and remembers what is secret in it.
class Eavesdropper final : public HttpTransport {
 public:
  explicit Eavesdropper(HttpTransport& transport) : transport_(transport) {}

  Result<HttpResponse> Send(const HttpRequest& request, const CallContext& context) override {
    const std::string body(reinterpret_cast<const char*>(request.body.data()), request.body.size());
    Note(SecretsOfRequest(request.headers, request.url, body));
    auto response = transport_.Send(request, context);
    if (response) Note(SecretsOfAnswer(response->body));
    return response;
  }

  void Note(std::set<std::string> secrets) {
    MutexLock lock(mutex_);
    secrets_.merge(std::move(secrets));
  }
  std::set<std::string> secrets() const {
    MutexLock lock(mutex_);
    return secrets_;
  }

 private:
  HttpTransport& transport_;
  mutable Mutex mutex_;
  std::set<std::string> secrets_ GUARDED_BY(mutex_);
};

class SecretsInLogs : public ::testing::Test {
 protected:
  SecretsInLogs() {
    std::ofstream(files_.Sub("arc.key")) << "arc proof of the machine";
    std::ofstream(files_.Sub("federated")) << "federated token of a pod\n";
    std::ofstream(files_.Sub("service-account")) << "service account of a pod\n";
    std::ofstream(files_.Sub("delegation")) << "delegation token of a user\n";
    std::ofstream(files_.Sub("key.pem")) << oci::testing::kPkcs8;
    localcloud::AzureOptions azure{.accounts = {{.name = kAccount,
                                                 .key = localcloud::kAzureEmulatorKey,
                                                 .hierarchical = true,
                                                 .containers = {"lake"}}}};
    azure.tokens.principals = {{.tenant_id = "tenant",
                                .client_id = "client",
                                .client_secret = kClientSecret,
                                .object_id = "object",
                                .certificate_pem = certificate_.certificate_pem,
                                .federated_token = "federated token of a pod"}};
    azure.tokens.managed_client_id = "client";
    azure.tokens.managed_object_id = "object";
    azure.tokens.app_service_secret = "app service secret";
    azure.tokens.arc_file = files_.Sub("arc.key");
    azure.tokens.arc_proof = "arc proof of the machine";
    azure_service_ = Must(localcloud::AzureService::Make(azure, *azure_storage_, clock_));
    azure_server_ = Must(localcloud::Server::Start(*azure_service_, clock_));
    oci_service_ = Must(localcloud::OciService::Create(
        *oci_storage_, clock_,
        {.buckets = {"lake"},
         .identities = {{KeyId(), std::string(oci::testing::kPkcs8)}},
         .secrets = {{.id = kSecretId,
                      .vault_id = "ocid1.vault.oc1.iad.v",
                      .name = "azure",
                      .content = kClientSecret}},
         .issuer = {.pod_token = "service account of a pod"}}));
    oci_server_ = Must(localcloud::Server::Start(*oci_service_, clock_));
    variables_ = {{"OCI_METADATA_BASE_URL", oci_server_->url() + "/opc/v2"},
                  {"OCI_CLI_FEDERATION_ENDPOINT", oci_server_->url()}};
    for (const char* secret :
         {kClientSecret, kWrongSecret, "app service secret", "arc proof of the machine",
          "federated token of a pod", "service account of a pod", "delegation token of a user",
          localcloud::kAzureEmulatorKey, kSasSignature, kCliToken})
      transport_.Note({secret});
    transport_.Note({Base64Encode(AsBytes(kClientSecret))});
    for (const std::string_view key : {oci::testing::kPkcs8, oci::testing::kPkcs8Encrypted,
                                       std::string_view(certificate_.key_pem)})
      transport_.Note(SecretsOfKey(key));
  }

  static std::string KeyId() {
    return std::string(oci::testing::kTenancy) + "/" + std::string(oci::testing::kUser) + "/" +
           std::string(oci::testing::kFingerprint);
  }

  // ---- Stores with each credential ----

  std::unique_ptr<ObjectStore> Azure(std::shared_ptr<azure::Credential> credential) {
    const std::string endpoint = azure_server_->url() + "/" + kAccount;
    return Must(azure::OpenStore({.account = kAccount,
                                  .container = "lake",
                                  .dfs_endpoint = endpoint,
                                  .blob_endpoint = endpoint,
                                  .hierarchical = true,
                                  .credential = std::move(credential)},
                                 transport_, clock_, {}));
  }
  std::unique_ptr<ObjectStore> Azure(std::unique_ptr<azure::TokenSource> source) {
    return Azure(std::make_shared<azure::BearerCredential>(std::move(source), clock_));
  }
  std::unique_ptr<azure::TokenSource> Principal(std::string_view secret,
                                                std::shared_ptr<azure::ClientAssertion> assertion) {
    return Must(azure::ServicePrincipalSource::Make({.authority = azure_server_->url(),
                                                     .tenant_id = "tenant",
                                                     .client_id = "client",
                                                     .client_secret = Secret(secret),
                                                     .assertion = std::move(assertion)},
                                                    transport_, clock_));
  }
  std::unique_ptr<azure::TokenSource> Managed(const azure::ManagedIdentityService& service) {
    return Must(azure::ManagedIdentitySource::Make(
        {.service = service, .arc_token_directory = files_.path()}, transport_, clock_));
  }
  std::unique_ptr<azure::TokenSource> Cli() {
    const auto run = [](const ProgramCall&, const Clock&,
                        std::stop_token) -> Result<ProgramResult> {
      return ProgramResult{.exit_code = 0,
                           .output = std::string(R"({"accessToken":")") + kCliToken +
                                     R"(","expires_on":4102444800})"};
    };
    return Must(azure::AzureCliSource::Make({.run = run}, clock_));
  }
  std::unique_ptr<azure::TokenSource> FromVault() {
    vault_ =
        std::make_unique<oci::Vault>(oci_server_->url(), transport_, InstancePrincipal(), clock_);
    return std::make_unique<azure::RotatingSecretSource>(
        "the vault's secret",
        std::vector<azure::RotatingSecretSource::FetchSecret>{[this](const CallContext& context) {
          return vault_->Fetch({.secret_id = kSecretId}, context);
        }},
        [this](Secret secret) -> Result<std::unique_ptr<azure::TokenSource>> {
          return Principal(secret.Reveal(), nullptr);
        },
        clock_);
  }

  std::unique_ptr<ObjectStore> Oci(std::unique_ptr<oci::IdentityProvider> identities) {
    return Must(
        oci::MakeOciStore({.endpoint = oci_server_->url(), .region = "iad", .bucket = "lake"},
                          transport_, std::move(identities), clock_));
  }
  std::unique_ptr<oci::IdentityProvider> ApiKey(std::string_view pem,
                                                std::string_view pass_phrase) {
    return Must(oci::MakeIdentityProvider(
        {.profile = {.tenancy = std::string(oci::testing::kTenancy),
                     .user = std::string(oci::testing::kUser),
                     .fingerprint = std::string(oci::testing::kFingerprint),
                     .key_content = std::string(pem),
                     .pass_phrase = std::string(pass_phrase)}},
        transport_, clock_));
  }
  std::unique_ptr<oci::IdentityProvider> Session() {
    const std::string pem(oci::testing::kPkcs8);
    const std::string token = Must(oci_service_->issuer().IssueSession(pem, clock_.WallNow()));
    transport_.Note({token});
    std::ofstream(files_.Sub("session")) << token;
    return Must(oci::MakeIdentityProvider(
        {.profile = {.authentication = oci::Authentication::kSecurityToken,
                     .key_content = pem,
                     .security_token_file = files_.Sub("session")},
         .auth_endpoint = oci_server_->url()},
        transport_, clock_));
  }
  std::unique_ptr<oci::IdentityProvider> InstancePrincipal() {
    return oci::MakeInstancePrincipal({.environment = environment_}, transport_, clock_);
  }
  std::unique_ptr<oci::IdentityProvider> ResourcePrincipal() {
    variables_["OCI_RESOURCE_PRINCIPAL_VERSION"] = "1.1";
    variables_["OCI_RESOURCE_PRINCIPAL_RPT_ENDPOINT"] = oci_server_->url();
    variables_["OCI_RESOURCE_PRINCIPAL_RPST_ENDPOINT"] = oci_server_->url();
    return Must(oci::MakeResourcePrincipal({.environment = environment_}, transport_, clock_));
  }
  std::unique_ptr<oci::IdentityProvider> Workload() {
    return Must(oci::MakeWorkloadIdentity({.endpoint = oci_server_->url(),
                                           .token_file = files_.Sub("service-account"),
                                           .environment = environment_},
                                          transport_, clock_));
  }

  // ---- What they do ----

  CallContext Context() const { return {.deadline = clock_.Now() + std::chrono::minutes(5)}; }

  template <class T>
  bool Take(const Result<T>& result) {
    if (!result) told_ += result.error().ToString() + "\n";
    return result.has_value();
  }

  // Works, then fails in every way; `works`: whether the credential is a good one.
  void Use(const std::string& name, ObjectStore& base, bool works = true) {
    SCOPED_TRACE(name);
    EndpointState endpoint;
    RetryingStore store(base, endpoint, clock_);
    const auto put = [&] {
      return Take(
          store.Put({.key = ObjectKey("dir/" + name), .body = AsBytes("content")}, Context()));
    };
    EXPECT_EQ(put(), works) << told_;
    for (localcloud::Server* server : {azure_server_.get(), oci_server_.get()}) {
      for (const Fault fault : {Fault::kResetAfter, Fault::kHalfBody, Fault::kFlipDownload})
        server->rules().Add({.count = 2, .fault = fault});
      for (const int status : {401, 403, 409, 500, 503})
        server->rules().Add({.after = 3, .count = 1, .fault = Fault::kStatus, .status = status});
      server->rules().Add({.after = 6, .count = 3, .expire_tokens = true});
      server->rules().Add({.after = 9, .count = 3, .clock_skew = std::chrono::hours(2)});
    }
    for (int i = 0; i < 4; ++i) put();
    Take(store.Rename({.source = ObjectKey("dir/" + name), .destination = ObjectKey("dir/to")},
                      Context()));
    Take(store.List({.directory = ObjectKey("missing")}, Context()));
    azure_server_->rules().Clear();
    oci_server_->rules().Clear();
  }

  static constexpr const char* kAccount = localcloud::kAzureEmulatorAccount;
  static constexpr const char* kSecretId = "ocid1.vaultsecret.oc1.iad.azure";
  static constexpr const char* kClientSecret = "client~secret.of-the_app";
  static constexpr const char* kWrongSecret = "client~secret.of-yesterday";
  static constexpr const char* kSasSignature = "c2lnbmF0dXJlLW9mLWEtU0FT";
  static constexpr const char* kCliToken = "token-of-the-azure-cli";

  SleeplessClock clock_;
  TempDirectory files_;
  const SelfSigned certificate_ = MakeSelfSigned().value();
  std::unique_ptr<localcloud::Storage> azure_storage_ = localcloud::MakeMemoryStorage();
  std::unique_ptr<localcloud::Storage> oci_storage_ = localcloud::MakeMemoryStorage();
  std::unique_ptr<localcloud::AzureService> azure_service_;
  std::unique_ptr<localcloud::OciService> oci_service_;
  std::unique_ptr<localcloud::Server> azure_server_;
  std::unique_ptr<localcloud::Server> oci_server_;
  std::map<std::string, std::string> variables_;
  const oci::Environment environment_ = oci::testing::EnvironmentOf(variables_);
  CurlTransport curl_{skybridge::testing::MachineClock()};
  Eavesdropper transport_{curl_};
  std::unique_ptr<oci::Vault> vault_;
  std::string told_;  // every error that a caller got
};

TEST_F(SecretsInLogs, NoneOfAnyCredentialAppearsInADebugLogOrAnError) {
  ASSERT_TRUE(SetLogFile(files_.Sub("log")));
  SetLogLevel(LogLevel::kDebug);
  const std::string url = azure_server_->url();

  Use("shared-key", *Azure(std::shared_ptr(Must(azure::SharedKeyCredential::Make(
                        kAccount, localcloud::kAzureEmulatorKey)))));
  Use("sas",
      *Azure(std::shared_ptr(Must(azure::SasCredential::Make(
          std::string("sv=2023-11-03&sp=rwdl&se=2090-01-01T00:00:00Z&sr=c&sig=") + kSasSignature,
          clock_)))),
      /*works=*/false);
  Use("client-secret", *Azure(Principal(kClientSecret, nullptr)));
  Use("wrong-client-secret", *Azure(Principal(kWrongSecret, nullptr)), /*works=*/false);
  Use("certificate",
      *Azure(Principal(
          "", Must(azure::CertificateAssertion::Make(
                  {.pem = Secret(certificate_.key_pem + certificate_.certificate_pem)})))));
  Use("workload",
      *Azure(Principal("", std::make_shared<azure::FederatedTokenFile>(files_.Sub("federated")))));
  Use("imds", *Azure(Managed(azure::FindManagedIdentity(
                  MapEnvironment{{"AZURE_POD_IDENTITY_AUTHORITY_HOST", url}}))));
  Use("app-service",
      *Azure(Managed(azure::FindManagedIdentity(MapEnvironment{
          {"IDENTITY_ENDPOINT", url + "/msi/token"}, {"IDENTITY_HEADER", "app service secret"}}))));
  Use("arc", *Azure(Managed(azure::FindManagedIdentity(
                 MapEnvironment{{"IDENTITY_ENDPOINT", url + "/metadata/identity/oauth2/token"},
                                {"IMDS_ENDPOINT", url}}))));
  Use("cli", *Azure(Cli()), /*works=*/false);
  Use("vault", *Azure(FromVault()));

  Use("api-key", *Oci(ApiKey(oci::testing::kPkcs8, "")));
  Use("encrypted-api-key", *Oci(ApiKey(oci::testing::kPkcs8Encrypted, oci::testing::kPassPhrase)));
  Use("session", *Oci(Session()));
  Use("instance-principal", *Oci(InstancePrincipal()));
  Use("resource-principal", *Oci(ResourcePrincipal()));
  Use("pod", *Oci(Workload()));
  Use("delegation",
      *Oci(oci::MakeDelegatedIdentity(InstancePrincipal(), files_.Sub("delegation"))));

  SetLogLevel(LogLevel::kInfo);
  Log(LogLevel::kInfo, "the end");  // flushes
  std::stringstream log;
  log << std::ifstream(files_.Sub("log")).rdbuf();
  const std::string text = log.str() + told_;
  // The run has made the noise that it is about.
  EXPECT_GT(log.str().size(), 4'000U);
  EXPECT_GT(told_.size(), 1'000U);
  EXPECT_GT(transport_.secrets().size(), 50U);
  for (const std::string& secret : transport_.secrets())
    EXPECT_EQ(text.find(secret), std::string::npos) << "a secret of " << secret.size() << " bytes";
}

}  // namespace
}  // namespace skybridge::testing
