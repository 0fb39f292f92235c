// Identities as a configuration names them, over the wire.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/cli/cloud_bench.h"
#include "tests/localcloud/azure_service.h"

namespace skybridge::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Identity : public CloudBench {
 protected:
  std::string InstancePrincipal() {
    return fmt::format(R"({{"type": "instance_principal", "federation_endpoint": "{}"}})",
                       server().url());
  }
  // The URL of one for the bucket "lake".
  std::string MakePreAuthenticatedRequest(const std::string& access_type) {
    const auto path =
        service().MakePreAuthenticatedRequest({.bucket = "lake", .access_type = access_type});
    return server().url() + path.value();
  }
};

TEST_F(Identity, AnInstanceNeedsNoKeyInItsConfiguration) {
  Configure(
      {fmt::format(R"("vm": {{"uri": "oci://lake@localnamespace/", "endpoint": "{}", "auth": {}}})",
                   server().url(), InstancePrincipal())});
  Write("tree/a", "text");
  const Invocation up = Run({"sync", Path("tree"), "vm:up"});
  ASSERT_EQ(up.exit_code, ExitCode::kOk) << up.err;
  EXPECT_EQ(Run({"cat", "vm:up/a"}).out, "text");
  EXPECT_THAT(Run({"ls", "vm:up"}).out, HasSubstr("a"));
}

TEST_F(Identity, DoctorTellsWhoItWasAtOci) {
  const std::string delegation = Write("delegation", "token-of-a-user");
  Configure({fmt::format(R"("vm": {{"uri": "oci://lake@localnamespace/", "endpoint": "{0}",
                              "auth": {{"type": "instance_principal", "federation_endpoint": "{0}",
                                        "delegation_token_file": "{1}"}}}})",
                         server().url(), delegation)});
  EXPECT_THAT(Run({"doctor", "oci"}).out, HasSubstr("oci credentials: are accepted: API key "));
  const Invocation delegated = Run({"doctor", "vm"});
  EXPECT_THAT(delegated.out, HasSubstr("vm credentials: are accepted: instance principal, on "
                                       "behalf of the user of " +
                                       delegation));
  EXPECT_THAT(delegated.out, Not(HasSubstr("token-of-a-user")));
}

TEST_F(Identity, TheVaultsSecretOpensTheLakeAndIsNeverShown) {
  const auto storage = localcloud::MakeMemoryStorage();
  const SystemClock clock;
  const std::string account = localcloud::kAzureEmulatorAccount;
  localcloud::AzureOptions options{.accounts = {{.name = account,
                                                 .key = localcloud::kAzureEmulatorKey,
                                                 .hierarchical = true,
                                                 .containers = {"raw"}}}};
  options.tokens.principals = {{.tenant_id = "tenant",
                                .client_id = "client",
                                .client_secret = kVaultSecret,
                                .object_id = "o"}};
  const auto azure = localcloud::AzureService::Make(options, *storage, clock).value();
  const auto azure_server = localcloud::Server::Start(*azure, clock).value();
  const auto configure = [&](const std::string& secret) {
    Write("config.json",
          fmt::format(
              R"({{"vault": {{"auth": {0}, "endpoint": "{1}"}},
                   "remotes": {{"azure": {{"uri": "abfss://raw@{2}.dfs.core.windows.net/",
                     "endpoint": "{3}/{2}",
                     "auth": {{"type": "service_principal", "tenant_id": "tenant", "client_id": "client",
                               "authority_host": "{3}", "client_secret": "ocivault:{4}"}}}}}}}})",
              InstancePrincipal(), server().url(), account, azure_server->url(), secret));
  };
  configure(kVaultSecretId);
  Write("tree/a", "text");
  const Invocation up = Run({"sync", Path("tree"), "azure:up"});
  ASSERT_EQ(up.exit_code, ExitCode::kOk) << up.err;
  const Invocation shown = Run({"--debug", "cat", "azure:up/a"});
  EXPECT_EQ(shown.out, "text") << shown.err;
  EXPECT_THAT(shown.err, Not(HasSubstr(kVaultSecret)));
  EXPECT_THAT(Run({"doctor", "azure"}).out,
              HasSubstr(std::string("service principal client with ocivault:") + kVaultSecretId));

  configure("ocid1.vaultsecret.oc1.iad.none");
  const Invocation missing = Run({"ls", "azure:"});
  EXPECT_NE(missing.exit_code, ExitCode::kOk);
  EXPECT_THAT(missing.err, HasSubstr("read secret-bundles"));
}

TEST_F(Identity, AProfileMayNameTheInstanceInsteadOfAKey) {
  const std::string file =
      Write("oci_config", "[VM]\nregion=us-ashburn-1\nauthentication_type=instance_principal\n");
  Configure({fmt::format(
      R"("vm": {{"uri": "oci://lake@localnamespace/", "endpoint": "{0}",
                 "auth": {{"type": "config_file", "config_file": "{1}", "profile": "VM", "federation_endpoint": "{0}"}}}})",
      server().url(), file)});
  Write("tree/a", "text");
  const Invocation up = Run({"sync", Path("tree"), "vm:up"});
  ASSERT_EQ(up.exit_code, ExitCode::kOk) << up.err;
  EXPECT_EQ(Run({"cat", "vm:up/a"}).out, "text");
}

TEST_F(Identity, APreAuthenticatedRequestIsEnoughToSyncAndIsNeverShown) {
  const std::string url = MakePreAuthenticatedRequest("AnyObjectReadWrite");
  Write("par", url + "\n");
  Configure({fmt::format(
      R"("drop": {{"uri": "oci://lake@localnamespace/", "auth": {{"type": "pre_authenticated_request", "url": "file:{}"}}}})",
      Path("par"))});
  Write("tree/a", "text");
  const Invocation up = Run({"--debug", "sync", Path("tree"), "drop:in"});
  ASSERT_EQ(up.exit_code, ExitCode::kOk) << up.err;
  EXPECT_EQ(Run({"cat", "drop:in/a"}).out, "text");
  const Invocation doctor = Run({"--debug", "doctor", "drop"});
  EXPECT_THAT(doctor.out, HasSubstr("never delete or rename"));
  EXPECT_THAT(doctor.out, HasSubstr("drop write: not tried"));
  const std::string secret = url.substr(url.find("/p/") + 3, 64);
  for (const std::string& text : {up.out, up.err, doctor.out, doctor.err})
    EXPECT_THAT(text, Not(HasSubstr(secret)));
}

TEST_F(Identity, APreAuthenticatedRequestOfAnotherBucketIsRefused) {
  Write("par", MakePreAuthenticatedRequest("AnyObjectRead"));
  Configure({fmt::format(
      R"("drop": {{"uri": "oci://copy@localnamespace/", "auth": {{"type": "pre_authenticated_request", "url": "file:{}"}}}})",
      Path("par"))});
  const Invocation listed = Run({"ls", "drop:"});
  EXPECT_EQ(listed.exit_code, ExitCode::kConfiguration);
  EXPECT_THAT(listed.err, HasSubstr("is for oci://lake@localnamespace/"));
}

}  // namespace
}  // namespace skybridge::cli
