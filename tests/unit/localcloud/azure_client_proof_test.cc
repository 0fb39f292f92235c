// What the token endpoint takes for a proof, and when.
#include "tests/localcloud/azure_client_proof.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "backends/azure/client_assertion.h"
#include "core/encoding.h"
#include "tests/support/self_signed.h"

namespace skybridge::localcloud::azure {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr char kTokenPath[] = "/tenant/oauth2/v2.0/token";
constexpr int kOutOfTime = 700024;  // AADSTS

class CertificateProof : public ::testing::Test {
 protected:
  static const skybridge::testing::SelfSigned& Application() {
    static const auto made = skybridge::testing::MakeSelfSigned().value();
    return made;
  }

  // The number of the refusal of a statement made at `made`; 0: it is accepted.
  int RefusalAt(WallTime made, WallTime now) const {
    const auto assertion = skybridge::azure::CertificateAssertion::Make(
        {.pem = Secret(Application().key_pem + Application().certificate_pem)});
    const Secret jwt = (*assertion)
                           ->Make({.audience = "https://login.example.com/tenant/oauth2/v2.0/token",
                                   .client_id = "client",
                                   .now = made})
                           .value();
    const Query form("client_assertion_type=" +
                     PercentEncode("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") +
                     "&client_assertion=" + std::string(jwt.Reveal()));
    const auto refusal = CheckClientProof(form,
                                          {.tenant_id = "tenant",
                                           .client_id = "client",
                                           .certificate_pem = Application().certificate_pem},
                                          kTokenPath, now);
    return refusal ? refusal->number : 0;
  }

  const WallTime now_{seconds(1767608430)};
};

TEST_F(CertificateProof, IsTakenFromAClockUpToFiveMinutesAhead) {
  EXPECT_EQ(RefusalAt(now_, now_), 0);
  EXPECT_EQ(RefusalAt(now_ + minutes(5), now_), 0);
  EXPECT_EQ(RefusalAt(now_ + minutes(5) + seconds(1), now_), kOutOfTime);
}

TEST_F(CertificateProof, IsTakenFromAClockBehindUntilItsEnd) {
  EXPECT_EQ(RefusalAt(now_ - minutes(10) + seconds(1), now_), 0);
  EXPECT_EQ(RefusalAt(now_ - minutes(10), now_), kOutOfTime);
}

}  // namespace
}  // namespace skybridge::localcloud::azure
