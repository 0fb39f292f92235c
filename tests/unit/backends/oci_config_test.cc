#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "backends/oci/identity.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/backends/oci_test_key.h"

namespace skybridge::oci {
namespace {

using skybridge::testing::FakeClock;
using skybridge::testing::ScriptedTransport;
using skybridge::testing::TempDirectory;

class OciConfig : public ::testing::Test {
 protected:
  OciConfig() { variables_["HOME"] = home_.path(); }

  std::string Write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const auto path = std::filesystem::path(home_.Sub(name));
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path.string();
  }
  void WriteConfig(const std::string& text) { Write(".oci/config", text); }
  Result<Profile> Load(const std::string& profile = {}, const std::string& file = {}) {
    return LoadProfile(
        {.file = file, .profile = profile, .environment = [this](std::string_view name) {
           const auto found = variables_.find(std::string(name));
           return found == variables_.end() ? std::nullopt
                                            : std::optional<std::string>(found->second);
         }});
  }
  Result<std::unique_ptr<IdentityProvider>> Identities(
      const Profile& profile, KeyFilePolicy policy = KeyFilePolicy::kRefuseIfOthersMayRead) {
    return MakeIdentityProvider({.profile = profile, .policy = policy}, transport_, clock_);
  }
  static std::string Complete(const std::string& extra = {}) {
    return "user=U\ntenancy=T\nkey_file=~/key.pem\nregion=iad\nfingerprint=" +
           std::string(testing::kFingerprint) + "\n" + extra;
  }

  TempDirectory home_;
  FakeClock clock_;
  ScriptedTransport transport_;
  std::map<std::string, std::string> variables_;
};

TEST_F(OciConfig, ReadsTheDefaultProfile) {
  WriteConfig("# a comment\n\n[DEFAULT]\n" + Complete("  Pass_Phrase =  secret with spaces \n"));
  const auto profile = Load();
  ASSERT_TRUE(profile) << profile.error().ToString();
  EXPECT_EQ(profile->user, "U");
  EXPECT_EQ(profile->tenancy, "T");
  EXPECT_EQ(profile->region, "us-ashburn-1");
  EXPECT_EQ(profile->key_file, variables_["HOME"] + "/key.pem");
  EXPECT_EQ(profile->pass_phrase, "secret with spaces");
}

TEST_F(OciConfig, ProfilesInheritFromDefault) {
  WriteConfig("[DEFAULT]\n" + Complete() + "[PROD]\nuser=P\n");
  const auto profile = Load("PROD");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->user, "P");
  EXPECT_EQ(profile->tenancy, "T");
}

TEST_F(OciConfig, EnvironmentOverridesTheFile) {
  WriteConfig("[DEFAULT]\n" + Complete() + "[OTHER]\nuser=O\n");
  variables_["OCI_CLI_PROFILE"] = "OTHER";
  variables_["OCI_CLI_TENANCY"] = "T2";
  variables_["OCI_CLI_REGION"] = "eu-frankfurt-1";
  const auto profile = Load();
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->user, "O");
  EXPECT_EQ(profile->tenancy, "T2");
  EXPECT_EQ(profile->region, "eu-frankfurt-1");
}

TEST_F(OciConfig, WorksFromTheEnvironmentAlone) {
  variables_["OCI_CLI_USER"] = "U";
  variables_["OCI_CLI_TENANCY"] = "T";
  variables_["OCI_CLI_FINGERPRINT"] = testing::kFingerprint;
  variables_["OCI_CLI_KEY_CONTENT"] = testing::kPkcs8;
  variables_["OCI_REGION"] = "PHX";
  const auto profile = Load();
  ASSERT_TRUE(profile) << profile.error().ToString();
  EXPECT_EQ(profile->region, "us-phoenix-1");
  const auto identity = Identities(*profile);
  ASSERT_TRUE(identity);
  EXPECT_EQ((*identity)->Current({}).value()->key_id, "T/U/" + std::string(testing::kFingerprint));
}

TEST_F(OciConfig, OciConfigFileCountsOnlyWithoutTheUsualFile) {
  variables_["OCI_CONFIG_FILE"] =
      Write("elsewhere", "[DEFAULT]\n" + Complete() + "[A]\nuser=elsewhere\n");
  EXPECT_EQ(Load("A")->user, "elsewhere");
  WriteConfig("[DEFAULT]\n" + Complete() + "[A]\nuser=usual\n");
  EXPECT_EQ(Load("A")->user, "usual");
  variables_["OCI_CLI_CONFIG_FILE"] = variables_["OCI_CONFIG_FILE"];
  EXPECT_EQ(Load("A")->user, "elsewhere");
}

TEST_F(OciConfig, NamesEveryMissingField) {
  WriteConfig("[DEFAULT]\nregion=iad\nuser=U\n");
  const auto profile = Load();
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(
      profile.error().message.ends_with("[DEFAULT]: missing tenancy, fingerprint, key_file"))
      << profile.error().message;
}

TEST_F(OciConfig, RefusesWhatItCannotUnderstand) {
  WriteConfig("[DEFAULT]\n" + Complete() + "nonsense\n");
  ASSERT_FALSE(Load());
  EXPECT_NE(Load().error().message.find(":7: expected [PROFILE] or key=value"), std::string::npos)
      << Load().error().message;
  WriteConfig("[DEFAULT]\n" + Complete());
  EXPECT_EQ(Load("NOPE").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Load("", "/no/such/file").error().code, ErrorCode::kNotFound);
  variables_["OCI_CLI_FINGERPRINT"] = "95:58";
  EXPECT_NE(Load().error().message.find("fingerprint must be"), std::string::npos);
  variables_["OCI_CLI_AUTH"] = "carrier_pigeon";
  EXPECT_EQ(Load().error().code, ErrorCode::kNotSupported);
}

TEST_F(OciConfig, RefusesAKeyThatOthersMayRead) {
  Write("key.pem", std::string(testing::kPkcs8), 0644);
  WriteConfig("[DEFAULT]\n" + Complete());
  const auto refused = Identities(Load().value());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  EXPECT_NE(refused.error().message.find("chmod 600"), std::string::npos);
  EXPECT_TRUE(Identities(Load().value(), KeyFilePolicy::kWarnIfOthersMayRead));
}

TEST_F(OciConfig, RefusesAKeyThatIsNotTheNamedOne) {
  Write("key.pem", std::string(testing::kPkcs8));
  WriteConfig("[DEFAULT]\n" + Complete());
  variables_["OCI_CLI_FINGERPRINT"] = "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00";
  const auto identity = Identities(Load().value());
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().code, ErrorCode::kUnauthenticated);
}

TEST_F(OciConfig, IgnoresAPassPhraseThatTheKeyDoesNotNeed) {
  Write("key.pem", std::string(testing::kPkcs8));
  WriteConfig("[DEFAULT]\n" + Complete("pass_phrase=inherited by mistake\n"));
  EXPECT_TRUE(Identities(Load().value()));
}

TEST_F(OciConfig, AProfileMayNameAPrincipalInsteadOfAKey) {
  WriteConfig(
      "[DEFAULT]\nregion=iad\n[VM]\nauthentication_type=instance_principal\n"
      "[SHELL]\nauthentication_type=instance_obo_user\ndelegation_token_file=~/obo\n"
      "[FN]\nauthentication_type=resource_principal\n"
      "[POD]\nauthentication_type=oke_workload_identity\n"
      "[TOKEN]\nauthentication_type=security_token\n" +
      Complete("security_token_file=~/token\n"));
  EXPECT_EQ(Load("VM")->authentication, Authentication::kInstancePrincipal);
  EXPECT_EQ(Load("VM")->region, "us-ashburn-1");
  EXPECT_EQ(Load("SHELL")->authentication, Authentication::kInstancePrincipal);
  EXPECT_EQ(Load("SHELL")->delegation_token_file, home_.path() + "/obo");
  EXPECT_EQ(Load("FN")->authentication, Authentication::kResourcePrincipal);
  EXPECT_EQ(Load("POD")->authentication, Authentication::kWorkloadIdentity);
  EXPECT_EQ(Load("TOKEN")->authentication, Authentication::kSecurityToken);
  variables_["OCI_CLI_AUTH"] = "resource_principal";
  EXPECT_EQ(Load("VM")->authentication, Authentication::kResourcePrincipal);
  EXPECT_EQ(Identities(Load("VM").value()).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(OciConfig, AProfileThatNamesNoKnownWayOrHalfOfOneIsRefused) {
  WriteConfig("[DEFAULT]\nauthentication_type=carrier_pigeon\n" + Complete());
  const auto unknown = Load();
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotSupported);
  EXPECT_NE(unknown.error().message.find("oke_workload_identity"), std::string::npos);
  WriteConfig("[DEFAULT]\nauthentication_type=instance_obo_user\n");
  EXPECT_NE(Load().error().message.find("missing delegation_token_file"), std::string::npos);
}

TEST_F(OciConfig, SignsWithASessionTokenOnlyWhenToldTo) {
  Write("key.pem", std::string(testing::kPkcs8));
  const std::string token = Write("token", "jwt-1\n");
  WriteConfig("[DEFAULT]\n" + Complete("security_token_file=" + token + "\n"));
  EXPECT_EQ(Load()->authentication, Authentication::kApiKey);
  variables_["OCI_CLI_AUTH"] = "security_token";
  const auto identities = Identities(Load().value());
  ASSERT_TRUE(identities);
  const auto first = (*identities)->Current({}).value();
  EXPECT_EQ(first->key_id, "ST$jwt-1");
  Write("token", "jwt-2\n");
  EXPECT_TRUE((*identities)->Renew(*first));
  EXPECT_EQ((*identities)->Current({}).value()->key_id, "ST$jwt-2");
}

TEST(OciRegion, TranslatesCodesAndFindsTheRealm) {
  const Environment none = [](std::string_view) { return std::nullopt; };
  EXPECT_EQ(ObjectStorageEndpoint("iad", "ns", none),
            "https://objectstorage.us-ashburn-1.oraclecloud.com");
  EXPECT_EQ(ObjectStorageEndpoint("FRA", "ns", none),
            "https://objectstorage.eu-frankfurt-1.oraclecloud.com");
  EXPECT_EQ(ObjectStorageEndpoint("eu-frankfurt-2", "ns", none),
            "https://objectstorage.eu-frankfurt-2.oraclecloud.eu");
  EXPECT_EQ(ObjectStorageEndpoint("us-langley-1", "ns", none),
            "https://objectstorage.us-langley-1.oraclegovcloud.com");
  EXPECT_EQ(ObjectStorageEndpoint("uk-gov-cardiff-1", "ns", none),
            "https://objectstorage.uk-gov-cardiff-1.oraclegovcloud.uk");
  EXPECT_EQ(ObjectStorageEndpoint("xx-new-1", "ns", none),
            "https://objectstorage.xx-new-1.oraclecloud.com");
  EXPECT_EQ(ObjectStorageEndpoint("region.example.com", "ns", none),
            "https://objectstorage.region.example.com");
  const Environment realm = [](std::string_view name) {
    return name == "OCI_DEFAULT_REALM" ? std::optional<std::string>("oraclecloud99.com")
                                       : std::nullopt;
  };
  EXPECT_EQ(ObjectStorageEndpoint("xx-new-1", "ns", realm),
            "https://objectstorage.xx-new-1.oraclecloud99.com");
  EXPECT_EQ(ObjectStorageEndpoint("iad", "ns", realm),
            "https://objectstorage.us-ashburn-1.oraclecloud.com");
}

}  // namespace
}  // namespace skybridge::oci
