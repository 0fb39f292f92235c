#include "cli/azure_identity.h"

#include <sys/stat.h>

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config_environment.h"
#include "core/encoding.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/self_signed.h"
#include "tests/support/temp_directory.h"

namespace skybridge::cli {
namespace {

using testing::FakeClock;
using ::testing::HasSubstr;
using testing::MakeSelfSigned;
using ::testing::Not;
using testing::ScriptedTransport;
using testing::TempDirectory;

constexpr const char* kToken = R"({"access_token":"t1","expires_in":3600})";

// One remote of the account contoso, and what its first request says of who it is.
struct Fixture {
  AzureUri uri{.account = "contoso",
               .container = "raw",
               .dfs_endpoint = "https://contoso.dfs.core.usgovcloudapi.net",
               .blob_endpoint = "https://contoso.blob.core.usgovcloudapi.net"};
  std::string account_endpoint;
  FakeClock clock;
  ScriptedTransport transport;
  TempDirectory directory;

  Result<std::shared_ptr<azure::Credential>> Make(const AuthConfig& auth,
                                                  const MapEnvironment& environment) {
    return MakeAzureCredential({.auth = auth,
                                .uri = uri,
                                .account_endpoint = account_endpoint,
                                .transport = transport,
                                .clock = clock,
                                .environment = environment});
  }
  // Authorizes one request, and tells as whom.
  std::string Take(const AuthConfig& auth, const MapEnvironment& environment) {
    auto credential = Make(auth, environment);
    if (!credential) return "not made: " + credential.error().message;
    HttpRequest request{.method = "GET", .url = uri.dfs_endpoint + "/raw"};
    const Status status = (*credential)->Authorize(request, {});
    return status ? (*credential)->Describe() : "refused: " + status.error().message;
  }
  std::string Write(const std::string& name, const std::string& content) {
    const std::string path = directory.Sub(name);
    std::ofstream(path) << content;
    chmod(path.c_str(), 0600);
    return path;
  }
};

const AuthConfig kDefaultChain{.type = AuthType::kDefault};

TEST(AzureIdentity, DefaultTakesTheClientSecretOfTheEnvironmentFirst) {
  Fixture f;
  f.transport.Answer(200, {}, kToken);
  EXPECT_EQ(f.Take(kDefaultChain, {{"AZURE_TENANT_ID", "t"},
                                   {"AZURE_CLIENT_ID", "c"},
                                   {"AZURE_CLIENT_SECRET", "s"},
                                   {"AZURE_CLIENT_CERTIFICATE_PATH", "/none"},
                                   {"AZURE_FEDERATED_TOKEN_FILE", "/none"}}),
            "client secret: service principal c with client secret");
}

TEST(AzureIdentity, DefaultTakesTheCertificateNext) {
  Fixture f;
  f.transport.Answer(200, {}, kToken);
  const auto made = MakeSelfSigned().value();
  const std::string path = f.Write("app.pem", made.encrypted_key_pem + made.certificate_pem);
  const std::string taken =
      f.Take(kDefaultChain, {{"AZURE_TENANT_ID", "t"},
                             {"AZURE_CLIENT_ID", "c"},
                             {"AZURE_CLIENT_CERTIFICATE_PATH", path},
                             {"AZURE_CLIENT_CERTIFICATE_PASSWORD", "open sesame"}});
  EXPECT_THAT(taken, HasSubstr("client certificate: service principal c with certificate "));
  EXPECT_THAT(taken, HasSubstr("; passed over client secret (AZURE_CLIENT_SECRET is not set)"));
  EXPECT_THAT(f.transport.sent(0).body, HasSubstr("client_assertion="));
}

TEST(AzureIdentity, DefaultTakesTheWorkloadIdentityNext) {
  Fixture f;
  f.transport.Answer(200, {}, kToken);
  const std::string path = f.Write("token", "federated");
  EXPECT_THAT(f.Take(kDefaultChain, {{"AZURE_TENANT_ID", "t"},
                                     {"AZURE_CLIENT_ID", "c"},
                                     {"AZURE_FEDERATED_TOKEN_FILE", path}}),
              HasSubstr("workload identity: service principal c with federated token " + path));
  EXPECT_THAT(f.transport.sent(0).body, HasSubstr("client_assertion=federated&"));
}

TEST(AzureIdentity, DefaultTakesTheMachineNextAndTellsWhyNotTheOthers) {
  Fixture f;
  f.transport.Answer(400).Answer(200, {}, kToken);
  EXPECT_EQ(
      f.Take(kDefaultChain, {{"AZURE_CLIENT_ID", "c"}}),
      "managed identity: managed identity c (instance metadata service); passed over client secret "
      "(AZURE_TENANT_ID and AZURE_CLIENT_SECRET are not set), client certificate (AZURE_TENANT_ID "
      "and "
      "AZURE_CLIENT_CERTIFICATE_PATH are not set), workload identity (AZURE_TENANT_ID and "
      "AZURE_FEDERATED_TOKEN_FILE are not set)");
}

TEST(AzureIdentity, WithoutConfigurationTheChainTellsWhyTheAccountKeyWasNotTaken) {
  Fixture f;
  f.transport.Answer(400).Answer(200, {}, kToken);
  const MapEnvironment environment;
  const AuthConfig automatic = AuthFromEnvironment(f.uri, environment).value();
  EXPECT_THAT(f.Take(automatic, environment),
              HasSubstr("passed over account key or SAS (AZURE_STORAGE_KEY and "
                        "AZURE_STORAGE_SAS_TOKEN are not set)"));
}

TEST(AzureIdentity, BrokenCertificateOfTheEnvironmentIsAnErrorAndNotPassedOver) {
  Fixture f;
  const MapEnvironment environment{
      {"AZURE_TENANT_ID", "t"},
      {"AZURE_CLIENT_ID", "c"},
      {"AZURE_CLIENT_CERTIFICATE_PATH", f.Write("app.pem", "nothing")}};
  const auto credential = f.Make(kDefaultChain, environment);
  ASSERT_FALSE(credential);
  EXPECT_EQ(credential.error().message.find("client certificate: "), 0U);
}

TEST(AzureIdentity, AuthorityIsTheConfiguredOneThenTheEnvironmentsThenTheCloudOfTheEndpoint) {
  const auto authority = [](const std::string& configured, MapEnvironment environment) {
    Fixture f;
    f.transport.Answer(200, {}, kToken);
    f.Take({.type = AuthType::kDefault, .authority_host = configured}, environment);
    const std::string url = f.transport.sent(0).url;
    return url.substr(0, url.find("/t/oauth2"));
  };
  const MapEnvironment plain{
      {"AZURE_TENANT_ID", "t"}, {"AZURE_CLIENT_ID", "c"}, {"AZURE_CLIENT_SECRET", "s"}};
  const MapEnvironment named{{"AZURE_TENANT_ID", "t"},
                             {"AZURE_CLIENT_ID", "c"},
                             {"AZURE_CLIENT_SECRET", "s"},
                             {"AZURE_AUTHORITY_HOST", "login.example.com"}};
  EXPECT_EQ(authority("https://adfs.example.com", named), "https://adfs.example.com");
  EXPECT_EQ(authority("", named), "https://login.example.com");
  EXPECT_EQ(authority("", plain), "https://login.microsoftonline.us");
}

TEST(AzureIdentity, APrincipalOfTheConfigurationAsksNothingOfTheEnvironment) {
  Fixture f;
  f.transport.Answer(200, {}, kToken);
  AuthConfig auth{.type = AuthType::kServicePrincipal, .tenant_id = "t", .client_id = "c"};
  auth.client_secret = SecretReference::Parse("s", "key").value();
  f.Take(auth, {{"AZURE_AUTHORITY_HOST", "login.example.com"}, {"AZURE_TENANT_ID", "other"}});
  EXPECT_EQ(f.transport.sent(0).url, "https://login.microsoftonline.us/t/oauth2/v2.0/token");
}

TEST(AzureIdentity, TheEnvironmentsCertificateMayGoWithItsChain) {
  const auto made = MakeSelfSigned().value();
  for (const char* chain : {"1", "true", "0"}) {
    Fixture f;
    f.transport.Answer(200, {}, kToken);
    f.Take({.type = AuthType::kDefault}, {{"AZURE_TENANT_ID", "t"},
                                          {"AZURE_CLIENT_ID", "c"},
                                          {"AZURE_CLIENT_CERTIFICATE_PATH",
                                           f.Write("app.pem", made.key_pem + made.certificate_pem)},
                                          {"AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", chain}});
    const std::string body = f.transport.sent(0).body;
    const auto begin =
        body.find("client_assertion=") + std::string_view("client_assertion=").size();
    const auto header = Base64UrlDecode(body.substr(begin, body.find('.', begin) - begin));
    ASSERT_TRUE(header) << body;
    EXPECT_EQ(header->find("x5c") != std::string::npos, std::string_view(chain) != "0") << *header;
  }
}

TEST(AzureIdentity, APrivateEndpointsAuthorityIsThatOfTheCloudThatTheUriNames) {
  const auto authority = [](const std::string& endpoint) {
    Fixture f;
    f.transport.Answer(200, {}, kToken);
    f.account_endpoint = "https://contoso.dfs.core.usgovcloudapi.net";
    f.uri.dfs_endpoint = endpoint;
    f.Take({.type = AuthType::kDefault},
           {{"AZURE_TENANT_ID", "t"}, {"AZURE_CLIENT_ID", "c"}, {"AZURE_CLIENT_SECRET", "s"}});
    const std::string url = f.transport.sent(0).url;
    return url.substr(0, url.find("/t/oauth2"));
  };
  EXPECT_EQ(authority("https://lake.corp.example"), "https://login.microsoftonline.us");
  EXPECT_EQ(authority("https://contoso.dfs.core.chinacloudapi.cn"),
            "https://login.chinacloudapi.cn");
}

TEST(AzureIdentity, ConfiguredPrincipalReadsItsCertificateFromAFile) {
  Fixture f;
  f.transport.Answer(200, {}, kToken);
  const auto made = MakeSelfSigned().value();
  const std::string path = f.Write("app.pem", made.key_pem + made.certificate_pem);
  AuthConfig auth{.type = AuthType::kServicePrincipal, .tenant_id = "t", .client_id = "c"};
  auth.client_certificate = SecretReference::Parse("file:" + path, "key").value();
  EXPECT_THAT(f.Take(auth, {}), HasSubstr("service principal c with certificate "));
}

TEST(AzureIdentity, WorkloadIdentityThatLacksItsFileSaysWhatIsNeeded) {
  Fixture f;
  EXPECT_THAT(
      f.Take({.type = AuthType::kWorkloadIdentity}, {{"AZURE_TENANT_ID", "t"}}),
      HasSubstr("not made: workload identity needs tenant_id, client_id and federated_token_file"));
}

TEST(AzureIdentity, ManagedIdentityAsConfiguredDoesNotProbe) {
  Fixture f;
  f.transport.Answer(200, {}, kToken);
  EXPECT_EQ(f.Take({.type = AuthType::kManagedIdentity, .object_id = "o"}, {}),
            "managed identity o (instance metadata service)");
  EXPECT_EQ(f.transport.operations(), std::vector<std::string>{"azure.managed_identity"});
}

TEST(AzureIdentity, DescriptionsAndErrorsHoldNoSecret) {
  const std::string secret = "hunter2";
  Fixture f;
  f.transport.Answer(
      401, {},
      R"({"error":"invalid_client","error_description":"AADSTS7000215: Invalid secret."})");
  const MapEnvironment environment{
      {"AZURE_TENANT_ID", "t"}, {"AZURE_CLIENT_ID", "c"}, {"AZURE_CLIENT_SECRET", secret}};
  EXPECT_THAT(f.Take(kDefaultChain, environment), Not(HasSubstr(secret)));
}

}  // namespace
}  // namespace skybridge::cli
