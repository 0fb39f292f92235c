// By which names an instance's certificate may sign at the Auth service. Source: the signers of the
// official SDKs: Go and Java name the SHA-256 of the certificate and say so, Python the SHA-1.
#include "tests/localcloud/oci_issuer.h"

#include <memory>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <nlohmann/json.hpp>

#include "backends/oci/certificate.h"
#include "backends/oci/signer.h"
#include "backends/private_key.h"
#include "core/encoding.h"
#include "tests/support/fake_clock.h"

namespace skybridge::localcloud::oci {
namespace {

namespace client = skybridge::oci;
using nlohmann::json;

std::string HexPairs(std::string_view bytes, const EVP_MD* algorithm, const char* pair) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, algorithm, nullptr);
  std::string text;
  for (unsigned int i = 0; i < size; ++i)
    text += (i > 0 ? ":" : "") + fmt::format(fmt::runtime(pair), digest[i]);
  return text;
}

class OciFederation : public ::testing::Test {
 protected:
  OciFederation()
      : leaf_(client::ParseLeafCertificate(Metadata("cert.pem")).value()),
        key_(std::make_shared<const skybridge::PrivateKey>(
            skybridge::PrivateKey::FromPem(Metadata("key.pem"), {}, "of a test").value())),
        der_(Base64Decode(leaf_.body_base64).value()) {}

  // The status of a federation that is signed as `name` by the certificate's key.
  int Federate(const std::string& name, const json& more) {
    json body{{"certificate", leaf_.body_base64},
              {"publicKey", key_->PublicKeyBase64()},
              {"intermediateCertificates", json::array()}};
    body.update(more);
    const std::string text = body.dump();
    HttpRequest signed_request{.operation = "oci.federate",
                               .method = "POST",
                               .url = "http://127.0.0.1:9000/v1/x509",
                               .body = AsBytes(text)};
    const client::Identity signer{options_.tenancy + name, key_};
    EXPECT_TRUE(client::SignRequest(signer, client::SigningProfile::kJsonBody, clock_.WallNow(),
                                    signed_request));
    Request request{.method = "POST", .raw_target = "/v1/x509", .raw_path = "/v1/x509"};
    request.headers = signed_request.headers;
    request.headers.Set("Host", "127.0.0.1:9000");
    request.headers.Set("Content-Length", std::to_string(text.size()));
    request.body = text;
    const auto response = issuer_.Handle(request, clock_.WallNow());
    return response ? response->status : response.error().status;
  }
  std::string LowerSha256() const { return HexPairs(der_, EVP_sha256(), "{:02x}"); }
  std::string UpperSha1() const { return HexPairs(der_, EVP_sha1(), "{:02X}"); }

  const json says_sha256_{{"fingerprintAlgorithm", "SHA256"}};

 private:
  std::string Metadata(const std::string& name) {
    const std::string path = "/opc/v2/identity/" + name;
    Request request{.method = "GET", .raw_target = path, .raw_path = path};
    request.headers.Add("Authorization", "Bearer Oracle");
    return issuer_.Handle(request, clock_.WallNow()).value().body;
  }

  skybridge::testing::FakeClock clock_;
  const IssuerOptions options_;
  OciAuthenticator authenticator_;
  OciIssuer issuer_{options_, authenticator_};
  const client::LeafCertificate leaf_;
  const std::shared_ptr<const skybridge::PrivateKey> key_;
  const std::string der_;
};

TEST_F(OciFederation, TakesTheSha256OfTheCertificateWhereTheRequestSaysSo) {
  EXPECT_EQ(Federate("/fed-x509-sha256/" + LowerSha256(), says_sha256_), 200);
}

TEST_F(OciFederation, TakesTheSha1OfTheCertificateWhereTheRequestSaysNothing) {
  EXPECT_EQ(Federate("/fed-x509/" + UpperSha1(), json::object()), 200);
}

TEST_F(OciFederation, RefusesOneWhereTheOtherWasSaid) {
  EXPECT_EQ(Federate("/fed-x509/" + UpperSha1(), says_sha256_), 401);
  EXPECT_EQ(Federate("/fed-x509-sha256/" + LowerSha256(), json::object()), 401);
  EXPECT_EQ(Federate("/fed-x509/" + LowerSha256(), says_sha256_), 401);
}

}  // namespace
}  // namespace skybridge::localcloud::oci
