#include "core/secret.h"

#include <sys/stat.h>

#include <fstream>
#include <type_traits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/secret_reference.h"
#include "tests/support/temp_directory.h"

namespace skybridge {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};
static_assert(!Streamable<Secret>);
static_assert(!fmt::is_formattable<Secret>::value);
static_assert(!std::is_convertible_v<Secret, std::string_view>);

class SecretFile : public ::testing::Test {
 protected:
  std::string Write(const std::string& text, mode_t mode) {
    const std::string path = directory_.Sub("secret");
    std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  static Result<Secret> Resolve(const std::string& reference,
                                const Environment& environment = MapEnvironment()) {
    auto parsed = SecretReference::Parse(reference, "remotes.azure.auth.account_key");
    if (!parsed) return Fail(parsed.error());
    return parsed->Resolve(environment);
  }
  skybridge::testing::TempDirectory directory_;
};

TEST(Secret, TakesTheBytesFromTheStringItIsMadeFrom) {
  std::string text = "hunter2";
  const Secret secret(std::move(text));
  EXPECT_EQ(secret.Reveal(), "hunter2");
  EXPECT_TRUE(text.empty());
}

TEST(Secret, CopiesAndMovesKeepTheValue) {
  Secret first(std::string_view("a"));
  Secret copy = first;
  first = Secret(std::string_view("bb"));
  EXPECT_EQ(copy.Reveal(), "a");
  copy = std::move(first);
  EXPECT_EQ(copy.Reveal(), "bb");
  EXPECT_TRUE(first.empty());
}

TEST_F(SecretFile, ReadsAPrivateFileWithoutItsLastNewline) {
  const auto secret = Resolve("file:" + Write("key==\n", 0600));
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(secret->Reveal(), "key==");
  EXPECT_EQ(Resolve("file:" + Write("two\n\n", 0400))->Reveal(), "two\n");
}

TEST_F(SecretFile, RefusesAFileThatOthersMayReadAndSaysHowToFixIt) {
  for (const mode_t mode : {0640, 0604, 0644}) {
    const std::string path = Write("hunter2", mode);
    const auto secret = Resolve("file:" + path);
    ASSERT_FALSE(secret);
    EXPECT_EQ(secret.error().code, ErrorCode::kPermissionDenied);
    EXPECT_THAT(secret.error().message, HasSubstr("chmod 600 " + path));
    EXPECT_THAT(secret.error().message, HasSubstr("remotes.azure.auth.account_key"));
    EXPECT_THAT(secret.error().message, Not(HasSubstr("hunter2")));
  }
}

TEST_F(SecretFile, NamesWhatIsMissing) {
  const auto missing = Resolve("file:" + directory_.Sub("none"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("file:" + directory_.Sub("none")));
  EXPECT_EQ(Resolve("file:" + directory_.path()).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Resolve("file:" + Write("\n", 0600)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Resolve("file:" + Write(std::string(70'000, 'x'), 0600)).error().code,
            ErrorCode::kTooLarge);
}

TEST_F(SecretFile, ReadsEnvironmentVariables) {
  EXPECT_EQ(Resolve("env:KEY", MapEnvironment{{"KEY", "v"}})->Reveal(), "v");
  const auto unset = Resolve("env:KEY");
  ASSERT_FALSE(unset);
  EXPECT_EQ(unset.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(unset.error().message, HasSubstr("env:KEY: the environment variable is not set"));
}

TEST_F(SecretFile, ReadsSystemdCredentials) {
  Write("from systemd\n",
        0440);  // systemd grants the service's user by ACL, which shows as group bits
  EXPECT_EQ(
      Resolve("credential:secret", MapEnvironment{{"CREDENTIALS_DIRECTORY", directory_.path()}})
          ->Reveal(),
      "from systemd");
  EXPECT_THAT(Resolve("credential:secret").error().message,
              HasSubstr("LoadCredential=secret:PATH"));
  EXPECT_FALSE(Resolve("credential:../secret"));
}

TEST(SecretReference, ALiteralIsNeverDescribedByItsValue) {
  const auto literal = SecretReference::Parse("hunter2", "remotes.azure.auth.account_key");
  ASSERT_TRUE(literal);
  EXPECT_EQ(literal->kind(), SecretReference::Kind::kLiteral);
  EXPECT_EQ(literal->Describe(), "the value of remotes.azure.auth.account_key");
  EXPECT_EQ(literal->Resolve(MapEnvironment())->Reveal(), "hunter2");
}

TEST(SecretReference, RefusesEmptyAndUnknownReferences) {
  EXPECT_FALSE(SecretReference::Parse("", "k"));
  EXPECT_FALSE(SecretReference::Parse("env:", "k"));
  const auto vault = SecretReference::Parse("ocivault:elsewhere", "k");
  ASSERT_FALSE(vault);
  EXPECT_THAT(vault.error().message, HasSubstr("must be a secret's OCID or name/VAULT_OCID/NAME"));
}

TEST(VaultSecret, IsNamedByOcidOrByNameWithAStageOrAVersion) {
  const auto by_id = ParseVaultSecret("ocid1.vaultsecret.oc1..x");
  ASSERT_TRUE(by_id);
  EXPECT_EQ(by_id->secret_id, "ocid1.vaultsecret.oc1..x");
  EXPECT_EQ(by_id->Describe(), "ocivault:ocid1.vaultsecret.oc1..x");
  const auto by_name =
      ParseVaultSecret("name/ocid1.vault.oc1..v/azure-client-secret?stage=PREVIOUS");
  ASSERT_TRUE(by_name);
  EXPECT_EQ(by_name->vault_id, "ocid1.vault.oc1..v");
  EXPECT_EQ(by_name->name, "azure-client-secret");
  EXPECT_EQ(by_name->stage, "PREVIOUS");
  EXPECT_EQ(ParseVaultSecret("ocid1.vaultsecret.oc1..x?version=3")->version, "3");
}

TEST(VaultSecret, RefusesWhatNamesNoSecret) {
  for (const std::string_view text :
       {"", "x", "ocid1.a/b", "name/", "name/ocid1.vault.oc1..v", "name/ocid1.vault.oc1..v/",
        "name/v/n", "name/ocid1.v/a/b", "ocid1.x?", "ocid1.x?stage=NEXT", "ocid1.x?version=0",
        "ocid1.x?version=1x", "ocid1.x?stage=CURRENT&version=1", "ocid1.x?other=1"}) {
    EXPECT_EQ(ParseVaultSecret(text).error().code, ErrorCode::kInvalidArgument) << text;
  }
}

class OneSecretVault final : public SecretVault {
 public:
  Result<Secret> Fetch(const VaultSecret& secret, const CallContext&) override {
    if (secret.secret_id == "ocid1.vaultsecret.oc1..x")
      return Secret(std::string_view("from the vault"));
    return Fail(ErrorCode::kNotFound, secret.Describe() + ": it does not exist");
  }
};

TEST(SecretReference, OfAVaultIsFetchedThereAndNowhereElse) {
  OneSecretVault vault;
  const auto reference = SecretReference::Parse("ocivault:ocid1.vaultsecret.oc1..x", "k").value();
  EXPECT_EQ(reference.kind(), SecretReference::Kind::kVault);
  EXPECT_EQ(reference.Resolve(MapEnvironment(), &vault, {})->Reveal(), "from the vault");
  EXPECT_THAT(reference.Resolve(MapEnvironment(), nullptr, {}).error().message,
              HasSubstr("has no \"vault\""));
  const auto missing = SecretReference::Parse("ocivault:ocid1.vaultsecret.oc1..y", "k").value();
  EXPECT_EQ(missing.Resolve(MapEnvironment(), &vault, {}).error().message,
            "k: ocivault:ocid1.vaultsecret.oc1..y: it does not exist");
}

}  // namespace
}  // namespace skybridge
