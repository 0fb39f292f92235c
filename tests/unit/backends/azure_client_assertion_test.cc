#include "backends/azure/client_assertion.h"

#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "backends/azure/oauth.h"
#include "core/encoding.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/self_signed.h"
#include "tests/support/temp_directory.h"

namespace skybridge::azure {
namespace {

using nlohmann::json;
using testing::FakeClock;
using testing::MakeSelfSigned;
using testing::ScriptedTransport;
using testing::SelfSigned;
using testing::TempDirectory;
using testing::VerifyRs256;

const SelfSigned& TestCertificate() {
  static const SelfSigned certificate = MakeSelfSigned().value();
  return certificate;
}

std::string Decoded(std::string_view part) { return Base64UrlDecode(part).value(); }

struct Jwt {
  json header;
  json claims;
  std::string signed_text;
  std::string signature;
};

Jwt Parse(std::string_view text) {
  const auto first = text.find('.');
  const auto second = text.find('.', first + 1);
  return {.header = json::parse(Decoded(text.substr(0, first))),
          .claims = json::parse(Decoded(text.substr(first + 1, second - first - 1))),
          .signed_text = std::string(text.substr(0, second)),
          .signature = Decoded(text.substr(second + 1))};
}

Jwt MakeJwt(const CertificateOptions& options) {
  const auto assertion = CertificateAssertion::Make(options).value();
  const WallTime now(std::chrono::seconds(1767608430));
  return Parse(
      assertion
          ->Make({.audience = "https://login/t/oauth2/v2.0/token", .client_id = "app", .now = now})
          ->Reveal());
}

TEST(CertificateAssertion, SignsWhatTheAuthorityChecks) {
  const SelfSigned& certificate = TestCertificate();
  const Jwt jwt = MakeJwt({.pem = Secret(certificate.key_pem + certificate.certificate_pem)});
  EXPECT_EQ(jwt.header["alg"], "RS256");
  EXPECT_EQ(jwt.header["typ"], "JWT");
  EXPECT_EQ(HexDecode(jwt.header["kid"].get<std::string>()).value(),
            Decoded(jwt.header["x5t"].get<std::string>()));
  EXPECT_EQ(jwt.header["kid"].get<std::string>().size(), 40U);
  EXPECT_FALSE(jwt.header.contains("x5c"));
  EXPECT_EQ(jwt.claims["aud"], "https://login/t/oauth2/v2.0/token");
  EXPECT_EQ(jwt.claims["iss"], "app");
  EXPECT_EQ(jwt.claims["sub"], "app");
  EXPECT_EQ(jwt.claims["nbf"], 1767608430);
  EXPECT_EQ(jwt.claims["exp"], 1767608430 + 600);
  EXPECT_TRUE(VerifyRs256(certificate.certificate_pem, jwt.signed_text, jwt.signature));
}

TEST(CertificateAssertion, IsAnotherEachTime) {
  const SelfSigned& certificate = TestCertificate();
  const CertificateOptions options{.pem =
                                       Secret(certificate.key_pem + certificate.certificate_pem)};
  EXPECT_NE(MakeJwt(options).claims["jti"], MakeJwt(options).claims["jti"]);
}

TEST(CertificateAssertion, TakesKeyAndCertificatesInAnyOrder) {
  const SelfSigned& certificate = TestCertificate();
  const std::string issuer = MakeSelfSigned({.name = "issuer"}).value().certificate_pem;
  const Jwt jwt =
      MakeJwt({.pem = Secret(issuer + certificate.certificate_pem + certificate.key_pem),
               .send_chain = true});
  EXPECT_TRUE(VerifyRs256(certificate.certificate_pem, jwt.signed_text, jwt.signature));
  ASSERT_EQ(jwt.header["x5c"].size(), 2U);
  std::string expected = certificate.certificate_pem;
  std::erase(expected, '\n');
  EXPECT_EQ(expected.find(jwt.header["x5c"][0].get<std::string>()),
            std::string("-----BEGIN CERTIFICATE-----").size());
}

TEST(CertificateAssertion, OpensAnEncryptedKeyWithItsPassPhraseOnly) {
  const SelfSigned& certificate = TestCertificate();
  const std::string pem = certificate.encrypted_key_pem + certificate.certificate_pem;
  EXPECT_TRUE(CertificateAssertion::Make({.pem = Secret(std::string_view(pem)),
                                          .pass_phrase = Secret(std::string_view("open sesame"))}));
  for (const std::string_view wrong : {"", "open barley"}) {
    const auto refused = CertificateAssertion::Make(
        {.pem = Secret(std::string_view(pem)), .pass_phrase = Secret(wrong)});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(refused.error().message.find("barley"), std::string::npos);
  }
}

TEST(CertificateAssertion, SaysWhatIsWrongWithThePem) {
  const SelfSigned& certificate = TestCertificate();
  const SelfSigned other = MakeSelfSigned().value();
  const SelfSigned elliptic = MakeSelfSigned({.elliptic = true}).value();
  const auto reason = [](const std::string& pem) {
    const auto result = CertificateAssertion::Make({.pem = Secret(std::string_view(pem))});
    return result ? std::string() : result.error().message;
  };
  EXPECT_NE(reason("").find("not a PEM private key"), std::string::npos);
  EXPECT_NE(reason("/etc/app.pem").find("file:PATH"), std::string::npos);
  EXPECT_NE(reason(certificate.certificate_pem).find("not a PEM private key"), std::string::npos);
  EXPECT_NE(reason(certificate.key_pem).find("no certificate"), std::string::npos);
  EXPECT_NE(reason(certificate.key_pem + other.certificate_pem).find("not of its private key"),
            std::string::npos);
  EXPECT_NE(reason(elliptic.key_pem + elliptic.certificate_pem).find("RSA"), std::string::npos);
}

TEST(CertificateAssertion, IsPostedInsteadOfASecret) {
  const SelfSigned& certificate = TestCertificate();
  FakeClock clock;
  ScriptedTransport transport;
  transport.Answer(200, {}, R"({"access_token":"t1","expires_in":3600})");
  auto assertion = CertificateAssertion::Make(
      {.pem = Secret(certificate.key_pem + certificate.certificate_pem)});
  auto source = ServicePrincipalSource::Make(
      {.tenant_id = "tenant", .client_id = "app", .assertion = *std::move(assertion)}, transport,
      clock);
  ASSERT_TRUE(source);
  ASSERT_TRUE((*source)->Fetch({}));
  const std::string body = transport.sent(0).body;
  const std::string before =
      "grant_type=client_credentials&client_id=app&client_assertion_type="
      "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=";
  ASSERT_TRUE(body.starts_with(before)) << body;
  EXPECT_EQ(body.find("client_secret"), std::string::npos);
  const Jwt jwt = Parse(body.substr(before.size(), body.find("&scope=") - before.size()));
  EXPECT_EQ(jwt.claims["aud"], "https://login.microsoftonline.com/tenant/oauth2/v2.0/token");
  EXPECT_TRUE(VerifyRs256(certificate.certificate_pem, jwt.signed_text, jwt.signature));
}

TEST(FederatedToken, IsReadAnewForEachRequestWithoutItsNewline) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/token";
  FederatedTokenFile assertion(path);
  std::ofstream(path) << "first\r\n";
  EXPECT_EQ(assertion.Make({})->Reveal(), "first");
  std::ofstream(path) << "second \n";
  EXPECT_EQ(assertion.Make({})->Reveal(), "second");
}

TEST(FederatedToken, NamesTheFileThatIsMissingOrEmpty) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/token";
  FederatedTokenFile assertion(path);
  const auto missing = assertion.Make({});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find(path), std::string::npos);
  std::ofstream(path) << "\n";
  const auto empty = assertion.Make({});
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, ErrorCode::kUnauthenticated);
  EXPECT_NE(FederatedTokenFile(directory.path())
                .Make({})
                .error()
                .message.find("federated token file " + directory.path()),
            std::string::npos);
}

}  // namespace
}  // namespace skybridge::azure
