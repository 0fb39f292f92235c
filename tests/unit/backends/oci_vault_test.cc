#include "backends/oci/vault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/scripted_transport.h"
#include "tests/unit/backends/oci_test_key.h"

namespace skybridge::oci {
namespace {

using skybridge::testing::FakeClock;
using skybridge::testing::ScriptedTransport;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Bundle(std::string_view secret) {
  return R"({"secretId":"x","versionNumber":3,"secretBundleContent":{"contentType":"BASE64","content":")" +
         Base64Encode(AsBytes(secret)) + R"("},"stages":["CURRENT"]})";
}

class OciVault : public ::testing::Test {
 protected:
  OciVault() { clock_.AdvanceBySleeping(true); }

  Result<Secret> Fetch(std::string_view reference) {
    auto key = std::make_shared<const PrivateKey>(
        PrivateKey::FromPem(testing::kPkcs8, "", "of the test").value());
    Vault vault("https://vault.example", transport_,
                MakeFixedIdentity({.key_id = "T/U/F", .key = std::move(key)}), clock_);
    return vault.Fetch(ParseVaultSecret(reference).value(),
                       {.deadline = clock_.Now() + std::chrono::minutes(1)});
  }

  FakeClock clock_;
  ScriptedTransport transport_;
};

TEST_F(OciVault, ReadsTheCurrentVersionByOcid) {
  transport_.Answer(200, {}, Bundle("s3cr3t\r\n"));
  EXPECT_EQ(Fetch("ocid1.vaultsecret.oc1..x")->Reveal(), "s3cr3t")
      << "the console's line end is none of it";
  EXPECT_EQ(transport_.sent(0).method, "GET");
  EXPECT_EQ(transport_.sent(0).url,
            "https://vault.example/20190301/secretbundles/ocid1.vaultsecret.oc1..x?stage=CURRENT");
}

TEST_F(OciVault, ReadsByNameWithASignedEmptyBody) {
  transport_.Answer(200, {}, Bundle("s3cr3t"));
  EXPECT_TRUE(Fetch("name/ocid1.vault.oc1..v/client-secret?version=3"));
  EXPECT_EQ(transport_.sent(0).method, "POST");
  EXPECT_EQ(
      transport_.sent(0).url,
      "https://vault.example/20190301/secretbundles/actions/getByName?secretName=client-secret&"
      "vaultId=ocid1.vault.oc1..v&versionNumber=3");
  EXPECT_EQ(transport_.sent(0).headers.Get("x-content-sha256"),
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

TEST_F(OciVault, TriesAgainWhatMayPass) {
  transport_.Answer(503).Answer(429, {{"retry-after", "2"}}).Answer(200, {}, Bundle("s3cr3t"));
  EXPECT_EQ(Fetch("ocid1.vaultsecret.oc1..x")->Reveal(), "s3cr3t");
}

TEST_F(OciVault, AMissingSecretAndAMissingPolicyLookTheSameAndAreExplained) {
  transport_.Answer(404, {}, R"({"code":"NotAuthorizedOrNotFound","message":"no"})");
  const auto secret = Fetch("ocid1.vaultsecret.oc1..x?stage=PREVIOUS");
  EXPECT_EQ(secret.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(secret.error().message,
              HasSubstr("ocivault:ocid1.vaultsecret.oc1..x?stage=PREVIOUS"));
  EXPECT_THAT(secret.error().message, HasSubstr("read secret-bundles"));
}

// Whoever tries other versions of a secret passes over those that do not exist, and no others.
TEST_F(OciVault, AnIdentityThatFailsIsNotAMissingSecret) {
  class LostIdentity final : public IdentityProvider {
   public:
    Result<std::shared_ptr<const Identity>> Current(const CallContext& /*context*/) override {
      return Fail(Error{.code = ErrorCode::kNotFound,
                        .message = "federate",
                        .remote = {.http_status = 404, .service_code = "NotFound"}});
    }
    bool Renew(const Identity& /*refused*/) override { return false; }
  };
  Vault vault("https://vault.example", transport_, std::make_unique<LostIdentity>(), clock_);
  const auto secret = vault.Fetch(ParseVaultSecret("ocid1.vaultsecret.oc1..x").value(),
                                  {.deadline = clock_.Now() + std::chrono::minutes(1)});
  EXPECT_EQ(secret.error().code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(secret.error().message, Not(HasSubstr("read secret-bundles")));
}

TEST_F(OciVault, ABrokenAnswerIsNamedWithoutItsText) {
  for (const std::string body : {"s3cr3t", R"({"secretBundleContent":"s3cr3t"})",
                                 R"({"secretBundleContent":{"content":"s3cr3t!"}})",
                                 R"({"secretBundleContent":{"content":""}})"}) {
    transport_.Answer(200, {}, body);
    const auto secret = Fetch("ocid1.vaultsecret.oc1..x");
    ASSERT_FALSE(secret) << body;
    EXPECT_EQ(secret.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(secret.error().message, Not(HasSubstr("s3cr3t")));
  }
}

}  // namespace
}  // namespace skybridge::oci
