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

TEST_F(OciConfig, MayComeFromAWindowsEditor) {
  WriteConfig("\xEF\xBB\xBF[DEFAULT]\r\nuser=U\r\n" + Complete());
  const auto profile = Load();
  ASSERT_TRUE(profile) << profile.error().ToString();
  EXPECT_EQ(profile->user, "U");
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

struct KnownRegion {
  const char* id;
  const char* code;
  const char* domain;  // of its realm
};

// As the tables of the official SDKs have them (Go and TypeScript agree on each).
constexpr KnownRegion kKnownRegions[] = {
    {"af-casablanca-1", "lej", "oraclecloud.com"},
    {"af-johannesburg-1", "jnb", "oraclecloud.com"},
    {"ap-batam-1", "hsg", "oraclecloud.com"},
    {"ap-chuncheon-1", "yny", "oraclecloud.com"},
    {"ap-delhi-1", "onm", "oraclecloud.com"},
    {"ap-hyderabad-1", "hyd", "oraclecloud.com"},
    {"ap-kulai-2", "jbp", "oraclecloud.com"},
    {"ap-melbourne-1", "mel", "oraclecloud.com"},
    {"ap-mumbai-1", "bom", "oraclecloud.com"},
    {"ap-osaka-1", "kix", "oraclecloud.com"},
    {"ap-seoul-1", "icn", "oraclecloud.com"},
    {"ap-singapore-1", "sin", "oraclecloud.com"},
    {"ap-singapore-2", "xsp", "oraclecloud.com"},
    {"ap-sydney-1", "syd", "oraclecloud.com"},
    {"ap-tokyo-1", "nrt", "oraclecloud.com"},
    {"ca-montreal-1", "yul", "oraclecloud.com"},
    {"ca-toronto-1", "yyz", "oraclecloud.com"},
    {"eu-amsterdam-1", "ams", "oraclecloud.com"},
    {"eu-frankfurt-1", "fra", "oraclecloud.com"},
    {"eu-madrid-1", "mad", "oraclecloud.com"},
    {"eu-madrid-3", "orf", "oraclecloud.com"},
    {"eu-marseille-1", "mrs", "oraclecloud.com"},
    {"eu-milan-1", "lin", "oraclecloud.com"},
    {"eu-paris-1", "cdg", "oraclecloud.com"},
    {"eu-stockholm-1", "arn", "oraclecloud.com"},
    {"eu-turin-1", "nrq", "oraclecloud.com"},
    {"eu-zurich-1", "zrh", "oraclecloud.com"},
    {"il-jerusalem-1", "mtz", "oraclecloud.com"},
    {"me-abudhabi-1", "auh", "oraclecloud.com"},
    {"me-dubai-1", "dxb", "oraclecloud.com"},
    {"me-jeddah-1", "jed", "oraclecloud.com"},
    {"me-riyadh-1", "ruh", "oraclecloud.com"},
    {"mx-monterrey-1", "mty", "oraclecloud.com"},
    {"mx-queretaro-1", "qro", "oraclecloud.com"},
    {"sa-bogota-1", "bog", "oraclecloud.com"},
    {"sa-santiago-1", "scl", "oraclecloud.com"},
    {"sa-saopaulo-1", "gru", "oraclecloud.com"},
    {"sa-valparaiso-1", "vap", "oraclecloud.com"},
    {"sa-vinhedo-1", "vcp", "oraclecloud.com"},
    {"uk-cardiff-1", "cwl", "oraclecloud.com"},
    {"uk-london-1", "lhr", "oraclecloud.com"},
    {"us-ashburn-1", "iad", "oraclecloud.com"},
    {"us-chicago-1", "ord", "oraclecloud.com"},
    {"us-phoenix-1", "phx", "oraclecloud.com"},
    {"us-saltlake-2", "aga", "oraclecloud.com"},
    {"us-sanjose-1", "sjc", "oraclecloud.com"},
    {"us-langley-1", "lfi", "oraclegovcloud.com"},
    {"us-luke-1", "luf", "oraclegovcloud.com"},
    {"us-gov-ashburn-1", "ric", "oraclegovcloud.com"},
    {"us-gov-chicago-1", "pia", "oraclegovcloud.com"},
    {"us-gov-phoenix-1", "tus", "oraclegovcloud.com"},
    {"uk-gov-london-1", "ltn", "oraclegovcloud.uk"},
    {"uk-gov-cardiff-1", "brs", "oraclegovcloud.uk"},
    {"ap-chiyoda-1", "nja", "oraclecloud8.com"},
    {"ap-ibaraki-1", "ukb", "oraclecloud8.com"},
    {"me-dcc-muscat-1", "mct", "oraclecloud9.com"},
    {"me-ibri-1", "ibr", "oraclecloud9.com"},
    {"ap-dcc-canberra-1", "wga", "oraclecloud10.com"},
    {"eu-dcc-milan-1", "bgy", "oraclecloud14.com"},
    {"eu-dcc-milan-2", "mxp", "oraclecloud14.com"},
    {"eu-dcc-dublin-1", "ork", "oraclecloud14.com"},
    {"eu-dcc-dublin-2", "snn", "oraclecloud14.com"},
    {"eu-dcc-rating-1", "dus", "oraclecloud14.com"},
    {"eu-dcc-rating-2", "dtm", "oraclecloud14.com"},
    {"ap-dcc-gazipur-1", "dac", "oraclecloud15.com"},
    {"eu-jovanovac-1", "beg", "oraclecloud20.com"},
    {"eu-frankfurt-2", "str", "oraclecloud.eu"},
    {"eu-madrid-2", "vll", "oraclecloud.eu"},
    {"me-dcc-doha-1", "doh", "oraclecloud21.com"},
    {"me-alrayyan-1", "vve", "oraclecloud21.com"},
    {"us-somerset-1", "ebb", "oraclecloud23.com"},
    {"us-thames-1", "ebl", "oraclecloud23.com"},
    {"eu-dcc-zurich-1", "avz", "oraclecloud24.com"},
    {"eu-crissier-1", "avf", "oraclecloud24.com"},
    {"me-abudhabi-3", "ahu", "oraclecloud26.com"},
    {"me-alain-1", "rba", "oraclecloud26.com"},
    {"me-abudhabi-2", "rkt", "oraclecloud29.com"},
    {"me-abudhabi-4", "shj", "oraclecloud29.com"},
    {"ap-seoul-2", "dtz", "oraclecloud35.com"},
    {"ap-suwon-1", "dln", "oraclecloud35.com"},
    {"ap-chuncheon-2", "bno", "oraclecloud35.com"},
    {"us-ashburn-2", "yxj", "oraclecloud42.com"},
    {"us-newark-1", "pgc", "oraclecloud42.com"},
    {"eu-budapest-1", "jsk", "oraclecloud51.com"},
    {"sa-riodejaneiro-1", "hnw", "oraclecloud52.com"},
};

TEST(OciRegion, KnowsEachRegionWithItsCodeAndTheDomainOfItsRealm) {
  const Environment none = [](std::string_view) { return std::nullopt; };
  for (const KnownRegion& region : kKnownRegions) {
    const std::string id = region.id;
    std::string upper_code = region.code;
    for (char& c : upper_code) c = static_cast<char>(c - 'a' + 'A');
    EXPECT_TRUE(IsKnownRegion(id, none)) << id;
    for (const std::string& name : {id, std::string(region.code), upper_code}) {
      EXPECT_EQ(RegionId(name, none), id);
      EXPECT_EQ(ObjectStorageEndpoint(name, "ns", none).value(),
                "https://objectstorage." + id + "." + region.domain);
      EXPECT_EQ(AuthEndpoint(name, none).value(), "https://auth." + id + "." + region.domain);
      EXPECT_EQ(VaultEndpoint(name, none).value(),
                "https://secrets.vaults." + id + ".oci." + region.domain);
    }
  }
}

TEST(OciRegion, TranslatesCodesAndFindsTheRealm) {
  const Environment none = [](std::string_view) { return std::nullopt; };
  EXPECT_EQ(ObjectStorageEndpoint("iad", "ns", none).value(),
            "https://objectstorage.us-ashburn-1.oraclecloud.com");
  EXPECT_EQ(ObjectStorageEndpoint("FRA", "ns", none).value(),
            "https://objectstorage.eu-frankfurt-1.oraclecloud.com");
  EXPECT_EQ(ObjectStorageEndpoint("eu-frankfurt-2", "ns", none).value(),
            "https://objectstorage.eu-frankfurt-2.oraclecloud.eu");
  EXPECT_EQ(ObjectStorageEndpoint("us-langley-1", "ns", none).value(),
            "https://objectstorage.us-langley-1.oraclegovcloud.com");
  EXPECT_EQ(ObjectStorageEndpoint("uk-gov-cardiff-1", "ns", none).value(),
            "https://objectstorage.uk-gov-cardiff-1.oraclegovcloud.uk");
  EXPECT_EQ(ObjectStorageEndpoint("xx-new-1", "ns", none).value(),
            "https://objectstorage.xx-new-1.oraclecloud.com");
  EXPECT_EQ(ObjectStorageEndpoint("region.example.com", "ns", none).value(),
            "https://objectstorage.region.example.com");
  const Environment realm = [](std::string_view name) {
    return name == "OCI_DEFAULT_REALM" ? std::optional<std::string>("oraclecloud99.com")
                                       : std::nullopt;
  };
  EXPECT_EQ(ObjectStorageEndpoint("xx-new-1", "ns", realm).value(),
            "https://objectstorage.xx-new-1.oraclecloud99.com");
  EXPECT_EQ(ObjectStorageEndpoint("iad", "ns", realm).value(),
            "https://objectstorage.us-ashburn-1.oraclecloud.com");
}

}  // namespace
}  // namespace skybridge::oci
