#include "core/config.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config_environment.h"
#include "tests/support/deep_nesting.h"
#include "tests/support/temp_directory.h"

namespace skybridge {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Config Parse(std::string_view text) {
  auto config = ParseConfig(text, {.file = "config.json", .literals_allowed = true});
  EXPECT_TRUE(config) << config.error().message;
  return config ? *std::move(config) : Config{};
}

std::string ErrorOf(std::string_view text) {
  const auto config = ParseConfig(text, {.file = "config.json", .literals_allowed = true});
  EXPECT_FALSE(config) << text << " was accepted";
  return config ? "" : config.error().message;
}

// A configuration with one Azure remote that has `members` besides its URI.
std::string AzureRemote(const std::string& members) {
  return R"({"remotes": {"azure": {"uri": "abfss://raw@contoso.dfs.core.windows.net/", )" +
         members + "}}}";
}

std::string Mount(const std::string& members) {
  return R"({"remotes": {"here": {"uri": "file:///srv"}}, "mounts": {"/mnt/sky": {"remotes": ["here"], )" +
         members + "}}}";
}

constexpr const char* kWhole = R"({
  // Comments are allowed.
  "remotes": {
    "azure": { "uri": "abfss://raw@contoso.dfs.core.windows.net/top",
               "auth": { "type": "service_principal", "tenant_id": "t", "client_id": "c",
                         "client_secret": "env:AZURE_SECRET" } },
    "oci":   { "uri": "oci://lake@ns/", "region": "us-ashburn-1",
               "auth": { "type": "config_file", "profile": "LAKE" } } },
  "mounts":  { "/mnt/sky": { "remotes": ["azure", "oci"], "cache_dir": "/var/cache/skybridge", "cache_size": "50GiB",
                             "ttl": "2s", "read_only": true, "uid": 1000, "file_mode": "0640" } },
  "mirrors": { "lake": { "from": "azure:/", "to": "oci:/", "delete": "trash" } } })";

TEST(Config, ReadsAllSections) {
  const Config config = Parse(kWhole);
  const RemoteConfig& azure = config.remotes.at("azure");
  EXPECT_EQ(azure.name, "azure");
  EXPECT_EQ(std::get<AzureUri>(azure.uri).path.path, "top");
  EXPECT_EQ(azure.auth.type, AuthType::kServicePrincipal);
  EXPECT_EQ(azure.auth.client_secret.Describe(), "env:AZURE_SECRET");
  EXPECT_EQ(config.remotes.at("oci").region, "us-ashburn-1");
  EXPECT_EQ(config.remotes.at("oci").auth.profile, "LAKE");
  const MountConfig& mount = config.mounts.at("/mnt/sky");
  EXPECT_THAT(mount.remotes, ElementsAre("azure", "oci"));
  EXPECT_EQ(mount.settings.cache_size_bytes, std::uint64_t{50} << 30);
  EXPECT_EQ(mount.settings.ttl, std::chrono::seconds(2));
  EXPECT_TRUE(mount.settings.read_only);
  EXPECT_EQ(mount.settings.uid, 1000u);
  EXPECT_EQ(mount.settings.file_mode, 0640u);
  EXPECT_EQ(config.mirrors.at("lake").delete_policy, DeletePolicy::kTrash);
  EXPECT_EQ(config.mirrors.at("lake").from, Location(RemotePath{"azure", ObjectKey()}));
}

TEST(Config, ReadsTheTablesOfAccountPermissions) {
  const Config config = Parse(AzureRemote(
      R"("permissions": "account", "users": {"u-1": 1001, "$superuser": 0}, "groups": {"g": 50})"));
  const RemoteConfig& remote = config.remotes.at("azure");
  EXPECT_TRUE(remote.account_permissions);
  EXPECT_EQ(remote.users.at("u-1"), 1001U);
  EXPECT_EQ(remote.users.at("$superuser"), 0U);
  EXPECT_EQ(remote.groups.at("g"), 50U);
  EXPECT_THAT(ErrorOf(AzureRemote(R"("users": {"u-1": 1001})")),
              HasSubstr("users and groups need \"permissions\": \"account\""));
  EXPECT_THAT(ErrorOf(AzureRemote(R"("permissions": "account", "users": {"u-1": -1})")),
              HasSubstr("remotes.azure.users.u-1: must be 0 to"));
  EXPECT_THAT(ErrorOf(AzureRemote(R"("permissions": "posix")")),
              HasSubstr("'posix' is not allowed; allowed are metadata, account"));
  EXPECT_THAT(ErrorOf(AzureRemote(R"("permissions": "account", "namespace": "flat")")),
              HasSubstr("is for hierarchical namespaces"));
}

TEST(Config, NamesAnUnknownKeyAndWhatIsAllowed) {
  EXPECT_THAT(ErrorOf(R"({"remote": {}})"), AllOf(StartsWith("config.json: remote: unknown key"),
                                                  HasSubstr("remotes, mounts, mirrors")));
  EXPECT_THAT(ErrorOf(AzureRemote(R"("regoin": "x")")),
              HasSubstr("remotes.azure.regoin: unknown key; allowed are uri"));
  EXPECT_THAT(
      ErrorOf(AzureRemote(R"("auth": {"type": "sas", "sas_token": "x", "account_key": "y"})")),
      HasSubstr("remotes.azure.auth.account_key: unknown key; allowed are type, sas_token"));
  EXPECT_THAT(ErrorOf(Mount(R"("cache": 1)")),
              HasSubstr("mounts./mnt/sky.cache: unknown option 'cache'; allowed are cache_dir"));
}

TEST(Config, NamesAWrongType) {
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("config.json: must be an object, not a list"));
  EXPECT_THAT(ErrorOf(R"({"remotes": {"a": 1}})"),
              HasSubstr("remotes.a: must be an object, not a number"));
  EXPECT_THAT(ErrorOf(AzureRemote(R"("allow_http": "yes")")),
              HasSubstr("remotes.azure.allow_http: must be true or false, not a string"));
  EXPECT_THAT(ErrorOf(AzureRemote(R"("ca_file": 1)")),
              HasSubstr("remotes.azure.ca_file: must be a string, not a number"));
  EXPECT_THAT(ErrorOf(Mount(R"("read_only": "true")")),
              HasSubstr("read_only: must be true or false, not a string"));
  EXPECT_THAT(ErrorOf(Mount(R"("uid": "me")")),
              HasSubstr("uid: must be a whole number, not a string"));
}

TEST(Config, NamesAMissingField) {
  EXPECT_THAT(ErrorOf(R"({"remotes": {"a": {}}})"), HasSubstr("remotes.a: lacks 'uri'"));
  EXPECT_THAT(ErrorOf(AzureRemote(R"("auth": {})")), HasSubstr("remotes.azure.auth: lacks 'type'"));
  EXPECT_THAT(ErrorOf(AzureRemote(
                  R"("auth": {"type": "service_principal", "tenant_id": "t", "client_id": "c"})")),
              HasSubstr("remotes.azure.auth: lacks 'client_secret'"));
}

TEST(Config, ReadsEveryAzureIdentity) {
  const auto auth = [](const std::string& text) {
    return Parse(AzureRemote("\"auth\": " + text)).remotes.at("azure").auth;
  };
  const AuthConfig certificate =
      auth(R"({"type": "service_principal", "tenant_id": "t", "client_id": "c",
               "client_certificate": "file:/etc/app.pem", "pass_phrase": "env:PHRASE", "send_certificate_chain": true})");
  EXPECT_EQ(certificate.client_certificate.Describe(), "file:/etc/app.pem");
  EXPECT_EQ(certificate.pass_phrase.Describe(), "env:PHRASE");
  EXPECT_TRUE(certificate.send_certificate_chain);
  const AuthConfig workload =
      auth(R"({"type": "workload_identity", "federated_token_file": "/var/token"})");
  EXPECT_EQ(workload.type, AuthType::kWorkloadIdentity);
  EXPECT_EQ(workload.federated_token_file, "/var/token");
  const AuthConfig machine =
      auth(R"({"type": "managed_identity", "resource_id": "/subscriptions/x"})");
  EXPECT_EQ(machine.type, AuthType::kManagedIdentity);
  EXPECT_EQ(machine.resource_id, "/subscriptions/x");
  EXPECT_EQ(auth(R"({"type": "azure_cli", "tenant_id": "t"})").type, AuthType::kAzureCli);
  EXPECT_EQ(auth(R"({"type": "default"})").type, AuthType::kDefault);
}

TEST(Config, RefusesTwoProofsOrTwoIdsOfOneIdentity) {
  EXPECT_THAT(ErrorOf(AzureRemote(
                  R"("auth": {"type": "service_principal", "tenant_id": "t", "client_id": "c",
                              "client_secret": "env:S", "client_certificate": "file:/x"})")),
              HasSubstr("remotes.azure.auth: takes client_secret or client_certificate, not both"));
  EXPECT_THAT(ErrorOf(AzureRemote(
                  R"("auth": {"type": "managed_identity", "client_id": "c", "object_id": "o"})")),
              HasSubstr("remotes.azure.auth: takes one of client_id, object_id and resource_id"));
}

TEST(Config, NamesAnImpossibleValue) {
  EXPECT_THAT(ErrorOf(AzureRemote(R"("auth": {"type": "password"})")),
              HasSubstr("remotes.azure.auth.type: 'password' is not allowed; allowed are "
                        "shared_key, sas, service_principal"));
  EXPECT_THAT(ErrorOf(R"({"remotes": {"o": {"uri": "oci://b@n/", "auth": {"type": "sas"}}}})"),
              HasSubstr("remotes.o.auth.type: 'sas' is not allowed; allowed are config_file"));
  EXPECT_THAT(ErrorOf(R"({"remotes": {"a": {"uri": "s3://b/"}}})"),
              HasSubstr("remotes.a.uri: 's3://b/': 's3' is not a scheme"));
  EXPECT_THAT(ErrorOf(AzureRemote(R"("max_requests": 0)")),
              HasSubstr("remotes.azure.max_requests: must be 1 to 1024"));
  EXPECT_THAT(ErrorOf(AzureRemote(R"("unreachable_after": "1ms")")),
              HasSubstr("remotes.azure.unreachable_after: must be 1s to 1h"));
  EXPECT_THAT(ErrorOf(Mount(R"("cache_size": "50 sheep")")),
              HasSubstr("cache_size: '50 sheep' is not a size"));
  EXPECT_THAT(ErrorOf(Mount(R"("cache_size": "1MiB")")),
              HasSubstr("cache_size: 1MiB is out of range: 64.0 MiB to"));
  EXPECT_THAT(ErrorOf(Mount(R"("cache_dir": "cache")")),
              HasSubstr("'cache' is not an absolute path"));
  EXPECT_THAT(ErrorOf(Mount(R"("file_mode": "0999")")),
              HasSubstr("file_mode: '0999' is not allowed: octal"));
}

TEST(Config, NamesAnUnknownRemote) {
  EXPECT_THAT(
      ErrorOf(
          R"({"remotes": {"here": {"uri": "file:///srv"}}, "mounts": {"/m": {"remotes": ["there"]}}})"),
      HasSubstr("mounts./m.remotes: there is no remote 'there'; configured are here"));
  EXPECT_THAT(ErrorOf(R"({"mirrors": {"m": {"from": "a:", "to": "b:"}}})"),
              HasSubstr("mirrors.m.from: there is no remote 'a'; configured are none"));
}

TEST(Config, SyntaxErrorsNameThePlaceButNeverTheText) {
  const std::string message = ErrorOf("{\n  \"remotes\": {\"a\": hunter2}}");
  EXPECT_THAT(message, AllOf(StartsWith("config.json: line 2, column 20: is not valid JSON"),
                             Not(HasSubstr("hunter2"))));
}

TEST(Config, RefusesAKeyThatComesTwice) {
  EXPECT_THAT(ErrorOf(R"({"remotes": {}, "remotes": {}})"), HasSubstr("'remotes' comes twice"));
}

TEST(Config, WhatNestsDeeplyIsAWrongTypeOrAnUnknownKey) {
  const std::string lists = testing::DeepNesting("[", "]");
  EXPECT_THAT(ErrorOf(lists), HasSubstr("must be an object, not a list"));
  EXPECT_THAT(ErrorOf(R"({"remotes": {"a": {"uri": )" + lists + "}}}"),
              HasSubstr("remotes.a.uri: must be a string, not a list"));
  EXPECT_THAT(ErrorOf("{" + testing::DeepNesting(R"("remotes": {)", "}") + "}"),
              HasSubstr("remotes.remotes: "));
}

TEST(Config, EndpointsReplaceThoseOfTheUri) {
  const Config both = Parse(AzureRemote(R"("endpoint": "http://127.0.0.1:10000/contoso/")"));
  const auto& uri = std::get<AzureUri>(both.remotes.at("azure").uri);
  EXPECT_EQ(uri.dfs_endpoint, "http://127.0.0.1:10000/contoso");
  EXPECT_EQ(uri.blob_endpoint, "http://127.0.0.1:10000/contoso");
  EXPECT_EQ(both.remotes.at("azure").account_endpoint, "https://contoso.dfs.core.windows.net");
  const Config one = Parse(AzureRemote(R"("blob_endpoint": "https://private.example")"));
  EXPECT_EQ(std::get<AzureUri>(one.remotes.at("azure").uri).dfs_endpoint,
            "https://contoso.dfs.core.windows.net");
  EXPECT_EQ(std::get<AzureUri>(one.remotes.at("azure").uri).blob_endpoint,
            "https://private.example");
}

TEST(Config, PlainHttpToAnotherHostMustBeAskedForByName) {
  EXPECT_THAT(ErrorOf(AzureRemote(R"("endpoint": "http://10.0.0.1/contoso")")),
              HasSubstr("\"allow_http\": true"));
  Parse(AzureRemote(R"("endpoint": "http://10.0.0.1/contoso", "allow_http": true)"));
  EXPECT_THAT(ErrorOf(R"({"remotes": {"a": {"uri": "http://10.0.0.1/contoso/raw"}}})"),
              HasSubstr("plain http"));
}

TEST(Config, ReadsTheIdentitiesOfOci) {
  const auto remote = [](const std::string& auth) {
    return Parse(R"({"remotes": {"oci": {"uri": "oci://lake@ns/", "auth": {)" + auth + "}}}}")
        .remotes.at("oci")
        .auth;
  };
  const AuthConfig instance = remote(
      R"("type": "instance_principal", "delegation_token_file": "/t", "federation_endpoint": "https://a.example")");
  EXPECT_EQ(instance.type, AuthType::kInstancePrincipal);
  EXPECT_EQ(instance.delegation_token_file, "/t");
  EXPECT_EQ(instance.federation_endpoint, "https://a.example");
  EXPECT_EQ(remote(R"("type": "resource_principal")").type, AuthType::kResourcePrincipal);
  EXPECT_EQ(remote(R"("type": "oke_workload_identity")").type, AuthType::kOkeWorkloadIdentity);
  const AuthConfig through = remote(R"("type": "pre_authenticated_request", "url": "env:PAR")");
  EXPECT_EQ(through.type, AuthType::kPreAuthenticatedRequest);
  EXPECT_EQ(through.url.Describe(), "env:PAR");
  EXPECT_EQ(remote(R"("type": "none")").type, AuthType::kNone);
  const AuthConfig session = remote(R"("type": "session_token", "profile": "P")");
  EXPECT_EQ(session.type, AuthType::kSessionToken);
  EXPECT_EQ(session.profile, "P");
}

TEST(Config, TheVaultHasAnIdentityOfOciThatItCannotItselfHold) {
  const Config config = Parse(
      R"({"vault": {"auth": {"type": "instance_principal"}, "region": "iad"},
          "remotes": {"azure": {"uri": "abfss://raw@contoso.dfs.core.windows.net/",
                                "auth": {"type": "shared_key", "account_key": "ocivault:ocid1.vaultsecret.oc1..x"}}}})");
  ASSERT_TRUE(config.vault);
  EXPECT_EQ(config.vault->region, "iad");
  ASSERT_TRUE(config.remotes.at("azure").vault);
  EXPECT_EQ(config.remotes.at("azure").vault->auth.type, AuthType::kInstancePrincipal);
  EXPECT_THAT(ErrorOf(R"({"vault": {"region": "iad"}})"), HasSubstr("vault: lacks 'auth'"));
  EXPECT_THAT(ErrorOf(R"({"vault": {"auth": {"type": "shared_key"}}})"),
              HasSubstr("is not allowed"));
  EXPECT_THAT(
      ErrorOf(
          R"({"vault": {"auth": {"type": "config_file", "pass_phrase": "ocivault:ocid1.vaultsecret.oc1..x"}}})"),
      HasSubstr("cannot be in it"));
}

TEST(Config, ALiteralSecretNeedsAPrivateFile) {
  const std::string text =
      AzureRemote(R"("auth": {"type": "shared_key", "account_key": "hunter2"})");
  EXPECT_EQ(Parse(text).remotes.at("azure").auth.account_key.kind(),
            SecretReference::Kind::kLiteral);
  const auto open = ParseConfig(text, {.file = "config.json", .literals_allowed = false});
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(open.error().message,
              AllOf(StartsWith("config.json: remotes.azure.auth.account_key: "),
                    HasSubstr("chmod 600 config.json"), Not(HasSubstr("hunter2"))));
}

class ConfigLookup : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& remote, mode_t mode = 0644) {
    const std::string path = home_.Sub(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << R"({"remotes": {")" << remote << R"(": {"uri": "file:///srv"}}})";
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  skybridge::testing::TempDirectory home_;
};

TEST_F(ConfigLookup, TakesTheOptionThenTheVariableThenTheHomeDirectory) {
  const std::string option = Write("option.json", "by-option");
  const std::string variable = Write("variable.json", "by-variable");
  Write(".config/skybridge/config.json", "by-home");
  const MapEnvironment all{{"SKYBRIDGE_CONFIG", variable}, {"HOME", home_.path()}};
  EXPECT_TRUE(LoadConfig(option, all)->remotes.contains("by-option"));
  EXPECT_TRUE(LoadConfig("", all)->remotes.contains("by-variable"));
  EXPECT_TRUE(LoadConfig("", MapEnvironment{{"HOME", home_.path()}})->remotes.contains("by-home"));
}

TEST_F(ConfigLookup, AFileThatIsAskedForByNameMustExist) {
  const auto by_option = LoadConfig(home_.Sub("none.json"), MapEnvironment());
  ASSERT_FALSE(by_option);
  EXPECT_EQ(by_option.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(by_option.error().message, HasSubstr(home_.Sub("none.json")));
  EXPECT_FALSE(LoadConfig("", MapEnvironment{{"SKYBRIDGE_CONFIG", home_.Sub("none.json")}}));
}

TEST_F(ConfigLookup, ADirectoryIsNoConfiguration) {
  EXPECT_THAT(LoadConfig(home_.path(), MapEnvironment()).error().message,
              HasSubstr("is not a regular file"));
}

const Uri kAzure = AzureUri{.account = "contoso", .container = "raw"};

TEST(AuthFromEnvironment, FindsWhatTheAzureToolsFind) {
  EXPECT_EQ(AuthFromEnvironment(kAzure, MapEnvironment{{"AZURE_STORAGE_KEY", "k"}})->type,
            AuthType::kSharedKey);
  EXPECT_EQ(AuthFromEnvironment(kAzure, MapEnvironment{{"AZURE_STORAGE_SAS_TOKEN", "s"}})->type,
            AuthType::kSas);
  EXPECT_EQ(AuthFromEnvironment(kAzure, MapEnvironment())->type, AuthType::kDefault);
}

TEST(AuthFromEnvironment, AKeyOfAnotherAccountIsNotSent) {
  const MapEnvironment other{{"AZURE_STORAGE_ACCOUNT", "fabrikam"}, {"AZURE_STORAGE_KEY", "k"}};
  const auto auth = AuthFromEnvironment(kAzure, other);
  ASSERT_TRUE(auth);
  EXPECT_EQ(auth->type, AuthType::kDefault);
  EXPECT_FALSE(auth->account_key.has_value());
  EXPECT_EQ(auth->no_account_key, "AZURE_STORAGE_ACCOUNT is 'fabrikam', not 'contoso'");
}

TEST(AuthorityFromEnvironment, TakesAHostWithAndWithoutScheme) {
  const auto authority = [](const std::string& text) {
    return AuthorityFromEnvironment(MapEnvironment{{"AZURE_AUTHORITY_HOST", text}});
  };
  EXPECT_EQ(authority(""), "");
  EXPECT_EQ(authority("login.microsoftonline.us"), "https://login.microsoftonline.us");
  EXPECT_EQ(authority("https://login.microsoftonline.us/"), "https://login.microsoftonline.us");
  EXPECT_THAT(authority("http://login.example").error().message, HasSubstr("plain http"));
}

TEST(RemoteFromEnvironment, FillsInOciFromItsVariables) {
  const Uri uri = OciUri{.bucket = "lake", .name_space = "ns"};
  const auto remote =
      RemoteFromEnvironment(uri, MapEnvironment{{"OCI_CLI_REGION", "us-phoenix-1"},
                                                {"OCI_REGION", "us-ashburn-1"},
                                                {"OCI_CLI_PROFILE", "LAKE"},
                                                {"OCI_CONFIG_FILE", "/x/config"},
                                                {"OCI_CLI_ENDPOINT", "http://127.0.0.1:9"}});
  ASSERT_TRUE(remote);
  EXPECT_EQ(remote->region, "us-phoenix-1");
  EXPECT_EQ(remote->endpoint, "http://127.0.0.1:9");
  EXPECT_EQ(remote->auth.config_file, "/x/config");
  EXPECT_EQ(remote->auth.profile, "LAKE");
  EXPECT_EQ(remote->Label(), "oci://lake@ns/");
}

TEST(Config, WhereOnlyDfsCanBeReachedNoBlobEndpointIsUsed) {
  const auto uri =
      std::get<AzureUri>(Parse(AzureRemote(R"("dfs_only": true)")).remotes.at("azure").uri);
  EXPECT_EQ(uri.blob_endpoint, "");
  EXPECT_EQ(uri.dfs_endpoint, "https://contoso.dfs.core.windows.net");
  EXPECT_THAT(ErrorOf(AzureRemote(R"("dfs_only": true, "blob_endpoint": "https://x.example")")),
              HasSubstr("not both"));
  EXPECT_THAT(ErrorOf(AzureRemote(R"("dfs_only": true, "namespace": "flat")")),
              HasSubstr("hierarchical"));
}

TEST(Config, APreAuthenticatedRequestOpensABucketButNoVault) {
  EXPECT_THAT(
      ErrorOf(
          R"({"remotes": {"oci": {"uri": "oci://lake@ns/", "auth": {"type": "pre_authenticated_request"}}}})"),
      HasSubstr("lacks 'url'"));
  EXPECT_THAT(
      ErrorOf(R"({"vault": {"auth": {"type": "pre_authenticated_request", "url": "env:PAR"}}})"),
      AllOf(HasSubstr("vault.auth"), HasSubstr("cannot open a vault")));
}

}  // namespace
}  // namespace skybridge
