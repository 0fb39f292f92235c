// Every way to have an OCI identity, over prepared answers and a clock that moves only when told
// to.
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "backends/oci/client.h"
#include "backends/oci/delegation.h"
#include "backends/oci/instance_metadata.h"
#include "backends/oci/instance_principal.h"
#include "backends/oci/refreshing_identity.h"
#include "backends/oci/resource_principal.h"
#include "backends/oci/workload_identity.h"
#include "core/digest.h"
#include "core/encoding.h"
#include "tests/support/deep_nesting.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/backends/oci_token_fixture.h"

namespace skybridge::oci {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using skybridge::testing::DeepNesting;
using skybridge::testing::FakeClock;
using skybridge::testing::ScriptedTransport;
using skybridge::testing::TempDirectory;
using testing::EnvironmentOf;
using ::testing::HasSubstr;
using testing::MakeInstanceCertificate;
using testing::MakeToken;
using ::testing::Not;

class OciIdentity : public ::testing::Test {
 protected:
  OciIdentity() { clock_.AdvanceBySleeping(true); }

  std::string Token(std::string_view name, std::chrono::seconds life = 1h) {
    return MakeToken(name, clock_.WallNow() + life);
  }
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = files_.Sub(name);
    std::ofstream(path, std::ios::trunc) << text;
    std::filesystem::permissions(
        path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    // Each write is seen as one, however coarse the file system's clock is.
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type(std::chrono::seconds(++writes_)));
    return path;
  }
  void AnswerInstanceMetadata() {
    transport_.Answer(200, {}, MakeInstanceCertificate("opc-tenant:ocid1.tenancy.oc1..t"))
        .Answer(200, {}, std::string(testing::kPkcs8))
        .Answer(200, {}, MakeInstanceCertificate("intermediate"));
  }
  void AnswerToken(const std::string& token) {
    transport_.Answer(200, {}, json{{"token", token}}.dump());
  }
  Result<InstancePlace> Place(std::string_view region) {
    return InstanceMetadata(transport_, clock_, environment_).Place(region, Context());
  }
  CallContext Context() const { return {.deadline = clock_.Now() + 1h}; }
  // What the callers of a store are told where nothing but the identity fails.
  Error FailureOfACall(std::unique_ptr<IdentityProvider> identities) {
    Client client(transport_, std::move(identities), clock_);
    Call call;
    call.http = {.operation = "oci.head_object", .method = "HEAD", .url = "https://host/n/b/o/x"};
    const auto response = client.Send(std::move(call), "head 'x'", Context());
    return response ? Error{.message = "the call succeeded"} : response.error();
  }

  std::map<std::string, std::string> variables_;
  const Environment environment_ = EnvironmentOf(variables_);
  TempDirectory files_;
  int writes_ = 0;
  FakeClock clock_;
  ScriptedTransport transport_;
};

// --- Instance principal

TEST_F(OciIdentity, AnInstancePrincipalFederatesItsCertificateAndSignsWithASessionKey) {
  transport_.Answer(200, {}, "iad\n");
  AnswerInstanceMetadata();
  const std::string token = Token("one");
  AnswerToken(token);
  const auto identities = MakeInstancePrincipal({.environment = environment_}, transport_, clock_);
  const auto identity = identities->Current(Context());
  ASSERT_TRUE(identity) << identity.error().ToString();
  EXPECT_EQ((*identity)->key_id, "ST$" + token);

  EXPECT_EQ(transport_.sent(0).url, "http://169.254.169.254/opc/v2/instance/region");
  EXPECT_EQ(transport_.sent(0).headers.Get("authorization"), "Bearer Oracle");
  EXPECT_EQ(transport_.sent(1).url, "http://169.254.169.254/opc/v2/identity/cert.pem");
  const auto federation = transport_.sent(4);
  EXPECT_EQ(federation.url, "https://auth.us-ashburn-1.oraclecloud.com/v1/x509");
  const json body = json::parse(federation.body);
  const auto digest = Sha256(AsBytes(Base64Decode(body["certificate"].get<std::string>()).value()));
  std::string fingerprint = HexEncode(digest);  // of the certificate, in pairs
  for (std::size_t at = 2; at < fingerprint.size(); at += 3) fingerprint.insert(at, ":");
  EXPECT_THAT(std::string(federation.headers.Get("authorization")),
              HasSubstr("keyId=\"ocid1.tenancy.oc1..t/fed-x509-sha256/" + fingerprint + "\""));
  EXPECT_EQ(body["publicKey"], (*identity)->key->PublicKeyBase64());
  EXPECT_NE((*identity)->key->fingerprint(), testing::kFingerprint)
      << "the session's key is not the certificate's";
  EXPECT_EQ(body["fingerprintAlgorithm"], "SHA256");
  EXPECT_EQ(body["intermediateCertificates"].size(), 1U);
  EXPECT_THAT(body["certificate"].get<std::string>(), Not(HasSubstr("BEGIN")));
}

TEST_F(OciIdentity,
       AnInstancePrincipalRenewsAheadOfItsEndWithANewKeyAndTheCertificateOfThatMoment) {
  variables_["OCI_CLI_FEDERATION_ENDPOINT"] = "https://auth.example/v1/x509";
  const auto identities = MakeInstancePrincipal({.environment = environment_}, transport_, clock_);
  AnswerInstanceMetadata();
  AnswerToken(Token("one"));
  const auto first = identities->Current(Context()).value();
  clock_.Advance(54min);
  EXPECT_EQ(identities->Current(Context()).value(), first);
  clock_.Advance(2min);
  AnswerInstanceMetadata();
  AnswerToken(Token("two"));
  const auto second = identities->Current(Context()).value();
  EXPECT_NE(second->key_id, first->key_id);
  EXPECT_NE(second->key->fingerprint(), first->key->fingerprint());
  EXPECT_EQ(transport_.sent(7).url, "https://auth.example/v1/x509");
}

TEST_F(OciIdentity, AnInstancePrincipalStaysInItsTenancy) {
  const auto identities = MakeInstancePrincipal(
      {.federation_endpoint = "https://auth.example", .environment = environment_}, transport_,
      clock_);
  AnswerInstanceMetadata();
  AnswerToken(Token("one"));
  const auto first = identities->Current(Context()).value();
  transport_.Answer(200, {}, MakeInstanceCertificate("opc-tenant:ocid1.tenancy.oc1..other"))
      .Answer(200, {}, std::string(testing::kPkcs8))
      .Answer(200, {}, "");
  ASSERT_TRUE(identities->Renew(*first));
  EXPECT_EQ(identities->Current(Context()).error().code, ErrorCode::kUnauthenticated);
}

TEST_F(OciIdentity, TheMetadataServiceIsAskedAgainAfterItsBadMoments) {
  transport_.Break({.code = ErrorCode::kUnavailable, .message = "refused", .retryable = true})
      .Answer(503)
      .Answer(200, {}, "FRA");
  EXPECT_EQ(Place("").value().region, "eu-frankfurt-1");
}

TEST_F(OciIdentity, AMachineThatIsNoInstanceIsToldSo) {
  for (int i = 0; i < 4; ++i) {
    transport_.Break({.code = ErrorCode::kTimedOut, .message = "no connection", .retryable = true});
  }
  const auto region = Place("");
  EXPECT_EQ(region.error().code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(region.error().message, HasSubstr("is this an OCI instance?"));
}

TEST_F(OciIdentity, ARealmYoungerThanTheTableIsToldByTheMetadataService) {
  transport_.Answer(200, {}, "xx-new-1")
      .Answer(200, {}, R"({"realmDomainComponent":"oraclecloud77.com"})");
  AnswerInstanceMetadata();
  AnswerToken(Token("one"));
  ASSERT_TRUE(
      MakeInstancePrincipal({.environment = environment_}, transport_, clock_)->Current(Context()));
  EXPECT_EQ(transport_.sent(5).url, "https://auth.xx-new-1.oraclecloud77.com/v1/x509");
}

TEST_F(OciIdentity, ARealmYoungerThanTheTableHoldsForStorageAndVaultToo) {
  const char* told = R"({"realmKey":"oc77","REALMDOMAINCOMPONENT":"OracleCloud77.com",
                         "regionKey":"NEW","regionIdentifier":"xx-new-1"})";
  transport_.Answer(200, {}, "new").Answer(200, {}, told);  // its short code is as young
  transport_.Answer(200, {}, told);                         // a region that is configured
  for (const char* configured : {"", "xx-new-1"}) {
    const InstancePlace place = Place(configured).value();
    EXPECT_EQ(place.region, "xx-new-1");
    EXPECT_EQ(ObjectStorageEndpoint(place.region, "ns", place.environment).value(),
              "https://objectstorage.xx-new-1.oraclecloud77.com");
    EXPECT_EQ(VaultEndpoint(place.region, place.environment).value(),
              "https://secrets.vaults.xx-new-1.oci.oraclecloud77.com");
    EXPECT_EQ(AuthEndpoint("iad", place.environment).value(),
              "https://auth.us-ashburn-1.oraclecloud.com");
  }
  EXPECT_EQ(Place("fra").value().region, "eu-frankfurt-1");
  EXPECT_EQ(Place("region.example.com").value().region, "region.example.com");
  EXPECT_EQ(transport_.sent_count(), 3U) << "what is known is not asked for";
}

TEST_F(OciIdentity, ARealmThatIsNoHostNameGetsNoSignedRequest) {
  for (const char* domain :
       {"evil.com/x", "evil.com?", "evil.com#", "me@evil.com", "evil.com:81", "a b", "-evil.com",
        "evil..com", ".", "evil.com.", "[::1]", "evil.com\\n"}) {
    transport_.Answer(200, {}, "xx-new-1")
        .Answer(200, {}, std::string(R"({"realmDomainComponent":")") + domain + "\"}");
    AnswerInstanceMetadata();
    const auto identity = MakeInstancePrincipal({.environment = environment_}, transport_, clock_)
                              ->Current(Context());
    ASSERT_FALSE(identity) << domain;
    EXPECT_EQ(identity.error().code, ErrorCode::kInvalidArgument) << domain;
    EXPECT_THAT(identity.error().message, HasSubstr("is not a host name")) << domain;
    while (transport_.answers_left() > 0) ASSERT_TRUE(transport_.Send({}, {}));
  }
}

TEST_F(OciIdentity, AFederationRefusedIsNotTriedAgainAndAFailingOneIs) {
  const InstancePrincipalOptions options{.federation_endpoint = "https://auth.example",
                                         .environment = environment_};
  AnswerInstanceMetadata();
  transport_.Answer(503).Answer(500);
  AnswerToken(Token("one"));
  EXPECT_TRUE(MakeInstancePrincipal(options, transport_, clock_)->Current(Context()));
  AnswerInstanceMetadata();
  transport_.Answer(401, {}, R"({"code":"NotAuthenticated","message":"unknown certificate"})");
  const auto refused = MakeInstancePrincipal(options, transport_, clock_)->Current(Context());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(transport_.answers_left(), 0U);
}

// --- What an identity fails with is never about an object

TEST_F(OciIdentity, AMissingTokenFileIsARefusalAndNotAMissingObject) {
  const WorkloadIdentityOptions options{.endpoint = "https://cluster.example",
                                        .token_file = files_.Sub("none"),
                                        .environment = environment_};
  const Error error = FailureOfACall(MakeWorkloadIdentity(options, transport_, clock_).value());
  EXPECT_EQ(error.code, ErrorCode::kUnauthenticated) << error.ToString();
  EXPECT_FALSE(error.retryable);
  EXPECT_THAT(error.message, HasSubstr("service account token"));
}

TEST_F(OciIdentity, AMissingDelegationTokenIsARefusalAndNotAMissingObject) {
  const Error error =
      FailureOfACall(MakeDelegatedIdentity(MakeFixedIdentity({}), files_.Sub("none")));
  EXPECT_EQ(error.code, ErrorCode::kUnauthenticated) << error.ToString();
}

TEST_F(OciIdentity, AMissingKeyOfARotatedResourcePrincipalIsARefusalAndNotAMissingObject) {
  variables_ = {{"OCI_RESOURCE_PRINCIPAL_VERSION", "2.2"},
                {"OCI_RESOURCE_PRINCIPAL_RPST", Write("rpst", Token("one"))},
                {"OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM", files_.Sub("none")}};
  const Error error = FailureOfACall(
      MakeResourcePrincipal({.environment = environment_}, transport_, clock_).value());
  EXPECT_EQ(error.code, ErrorCode::kUnauthenticated) << error.ToString();
}

TEST_F(OciIdentity, AMetadataServiceWithoutACertificateYetIsUnavailableAndNoMissingObject) {
  for (int i = 0; i < 4; ++i) transport_.Answer(404);
  const Error error = FailureOfACall(MakeInstancePrincipal(
      {.federation_endpoint = "https://auth.example", .environment = environment_}, transport_,
      clock_));
  EXPECT_EQ(error.code, ErrorCode::kUnavailable) << error.ToString();
  EXPECT_TRUE(error.retryable);
  EXPECT_EQ(transport_.answers_left(), 0U);
}

TEST_F(OciIdentity, AFederationThatKnowsNothingOfUsIsARefusalAndNoMissingObject) {
  const struct {
    int status;
    const char* service_code;
  } rows[] = {{404, "NotAuthorizedOrNotFound"},
              {404, "NotFound"},
              {412, "NoEtagMatch"},
              {409, "BucketAlreadyExists"},
              {405, "NotSupported"},
              {400, "InvalidParameter"},
              {403, "Forbidden"}};
  for (const auto& row : rows) {
    AnswerInstanceMetadata();
    transport_.Answer(row.status, {}, json{{"code", row.service_code}, {"message", "no"}}.dump());
    const Error error = FailureOfACall(MakeInstancePrincipal(
        {.federation_endpoint = "https://auth.example", .environment = environment_}, transport_,
        clock_));
    EXPECT_EQ(error.code, ErrorCode::kUnauthenticated) << error.ToString();
    EXPECT_FALSE(error.retryable) << error.ToString();
    EXPECT_THAT(error.message, HasSubstr("federate")) << error.ToString();
  }
}

// --- Freshness, for every identity that ends

class CountingSource final : public IdentitySource {
 public:
  CountingSource(const Clock& clock, int& fetches, bool& works)
      : clock_(clock), fetches_(fetches), works_(works) {}
  Result<Identity> Fetch(const CallContext&) override {
    ++fetches_;
    if (!works_)
      return Fail(Error{.code = ErrorCode::kUnavailable, .message = "down", .retryable = true});
    return Identity{.key_id = "ST$" + std::to_string(fetches_),
                    .expires = clock_.WallNow() + 10min};
  }

 private:
  const Clock& clock_;
  int& fetches_;
  bool& works_;
};

TEST_F(OciIdentity, AnOldTokenServesWhileItsRenewalFailsAndUntilItReallyEnds) {
  int fetches = 0;
  bool works = true;
  RefreshingIdentity identities(std::make_unique<CountingSource>(clock_, fetches, works), clock_);
  EXPECT_EQ(identities.Current(Context()).value()->key_id, "ST$1");
  works = false;
  clock_.Advance(6min);
  EXPECT_EQ(identities.Current(Context()).value()->key_id, "ST$1");
  EXPECT_EQ(identities.Current(Context()).value()->key_id, "ST$1");
  EXPECT_EQ(fetches, 2) << "a renewal that failed is not tried again at once";
  clock_.Advance(5min);
  EXPECT_EQ(identities.Current(Context()).error().code, ErrorCode::kUnavailable);
  works = true;
  EXPECT_EQ(identities.Current(Context()).value()->key_id, "ST$4");
}

TEST_F(OciIdentity, ManyThreadsFetchOnce) {
  int fetches = 0;
  bool works = true;
  RefreshingIdentity identities(std::make_unique<CountingSource>(clock_, fetches, works), clock_);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { EXPECT_EQ(identities.Current(Context()).value()->key_id, "ST$1"); });
  }
  threads.clear();
  EXPECT_EQ(fetches, 1);
}

TEST_F(OciIdentity, ARefusalOfAnOlderTokenDropsNothing) {
  int fetches = 0;
  bool works = true;
  RefreshingIdentity identities(std::make_unique<CountingSource>(clock_, fetches, works), clock_);
  const auto first = identities.Current(Context()).value();
  EXPECT_TRUE(identities.Renew(*first));
  EXPECT_EQ(identities.Current(Context()).value()->key_id, "ST$2");
  EXPECT_TRUE(identities.Renew(*first));
  EXPECT_EQ(identities.Current(Context()).value()->key_id, "ST$2");
}

// --- Session token

class OciSessionToken : public OciIdentity {
 protected:
  std::unique_ptr<IdentityProvider> Open(std::string auth_endpoint = "https://auth.example") {
    return MakeIdentityProvider({.profile = {.authentication = Authentication::kSecurityToken,
                                             .key_content = std::string(testing::kPkcs8),
                                             .security_token_file = files_.Sub("token")},
                                 .auth_endpoint = std::move(auth_endpoint)},
                                transport_, clock_)
        .value();
  }
};

TEST_F(OciSessionToken, AFileWrittenAnewIsPickedUpAtOnce) {
  const std::string one = Token("one");
  const std::string two = Token("two");
  Write("token", one + "\n");
  const auto identities = Open();
  EXPECT_EQ(identities->Current(Context()).value()->key_id, "ST$" + one);
  Write("token", two + "\n");
  EXPECT_EQ(identities->Current(Context()).value()->key_id, "ST$" + two);
  EXPECT_EQ(transport_.sent_count(), 0U);
}

TEST_F(OciSessionToken, IsExchangedForAFreshOneBeforeItEnds) {
  const std::string one = Token("one");
  Write("token", one);
  const auto identities = Open();
  clock_.Advance(56min);
  const std::string two = Token("two");
  AnswerToken(two);
  const auto fresh = identities->Current(Context()).value();
  EXPECT_EQ(fresh->key_id, "ST$" + two);
  EXPECT_EQ(fresh->key->fingerprint(), testing::kFingerprint) << "the key stays";
  const auto sent = transport_.sent(0);
  EXPECT_EQ(sent.url, "https://auth.example/v1/authentication/refresh");
  EXPECT_EQ(json::parse(sent.body)["currentToken"], one);
  EXPECT_THAT(std::string(sent.headers.Get("authorization")),
              HasSubstr("keyId=\"ST$" + one + "\""));
}

TEST_F(OciSessionToken, ASessionThatCannotBeRenewedSaysHowToLogInAndHidesTheToken) {
  Write("token", Token("one"));
  const auto identities = Open();
  const auto first = identities->Current(Context()).value();
  ASSERT_TRUE(identities->Renew(*first));
  transport_.Answer(401, {}, R"({"code":"NotAuthenticated","message":"expired"})");
  const auto refused = identities->Current(Context());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(refused.error().message, HasSubstr("oci session authenticate"));
  EXPECT_THAT(refused.error().message, Not(HasSubstr(first->key_id.substr(3))));
  EXPECT_EQ(identities->Current(Context()).error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(transport_.sent_count(), 1U) << "not again at each call";
  const std::string two = Token("two");
  Write("token", two);
  EXPECT_EQ(identities->Current(Context()).value()->key_id, "ST$" + two) << "who has logged in is";
}

// --- Resource principal

TEST_F(OciIdentity, AResourcePrincipalOfFilesReadsKeyAndTokenAgainTogether) {
  const std::string one = Token("one");
  variables_ = {{"OCI_RESOURCE_PRINCIPAL_VERSION", "2.2"},
                {"OCI_RESOURCE_PRINCIPAL_RPST", Write("rpst", one + "\n")},
                {"OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM", Write("pem", std::string(testing::kPkcs8))},
                {"OCI_RESOURCE_PRINCIPAL_REGION", "fra"}};
  const auto identities =
      MakeResourcePrincipal({.environment = environment_}, transport_, clock_).value();
  EXPECT_EQ(identities->Current(Context()).value()->key_id, "ST$" + one);
  EXPECT_EQ(identities->Current(Context()).value()->key->fingerprint(), testing::kFingerprint);
  EXPECT_EQ(ResourcePrincipalRegion(environment_), "eu-frankfurt-1");
  Write("pem", "not a key");
  const std::string two = Token("two");
  Write("rpst", two);
  EXPECT_EQ(identities->Current(Context()).value()->key_id, "ST$" + one)
      << "half a rotation: the old pair serves";
  Write("pem", std::string(testing::kPkcs8));
  clock_.Advance(kRefreshPause);
  EXPECT_EQ(identities->Current(Context()).value()->key_id, "ST$" + two);
}

TEST_F(OciIdentity, AResourcePrincipalMayBeGivenAsValues) {
  const std::string one = Token("one");
  variables_ = {{"OCI_RESOURCE_PRINCIPAL_VERSION", "2.2"},
                {"OCI_RESOURCE_PRINCIPAL_RPST", one},
                {"OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM", std::string(testing::kPkcs8)}};
  const auto identities =
      MakeResourcePrincipal({.environment = environment_}, transport_, clock_).value();
  EXPECT_EQ(identities->Current(Context()).value()->key_id, "ST$" + one);
}

TEST_F(OciIdentity, AResourcePrincipalThatIsIncompleteOrUnknownIsNamed) {
  const ResourcePrincipalOptions options{.environment = environment_};
  EXPECT_THAT(MakeResourcePrincipal(options, transport_, clock_).error().message,
              HasSubstr("OCI_RESOURCE_PRINCIPAL_VERSION is not set"));
  variables_["OCI_RESOURCE_PRINCIPAL_VERSION"] = "3.0";
  EXPECT_EQ(MakeResourcePrincipal(options, transport_, clock_).error().code,
            ErrorCode::kNotSupported);
  variables_["OCI_RESOURCE_PRINCIPAL_VERSION"] = "2.2";
  EXPECT_THAT(MakeResourcePrincipal(options, transport_, clock_).error().message,
              HasSubstr("OCI_RESOURCE_PRINCIPAL_RPST is not set"));
}

TEST_F(OciIdentity, AnOlderResourcePrincipalIsAskedForWithTheInstancePrincipal) {
  variables_ = {{"OCI_RESOURCE_PRINCIPAL_VERSION", "1.1"},
                {"OCI_RESOURCE_PRINCIPAL_RPT_ENDPOINT", "https://rpt.example"},
                {"OCI_RESOURCE_PRINCIPAL_RPST_ENDPOINT", "https://rpst.example"}};
  transport_.Answer(200, {}, "ocid1.instance.oc1..i");
  AnswerInstanceMetadata();
  AnswerToken(Token("instance"));
  transport_.Answer(200, {},
                    R"({"resourcePrincipalToken":"RPT","servicePrincipalSessionToken":"SPST"})");
  const std::string token = Token("resource");
  AnswerToken(token);
  const auto identities = MakeResourcePrincipal(
      {.federation_endpoint = "https://auth.example", .environment = environment_}, transport_,
      clock_);
  const auto identity = identities.value()->Current(Context());
  ASSERT_TRUE(identity) << identity.error().ToString();
  EXPECT_EQ((*identity)->key_id, "ST$" + token);
  EXPECT_EQ(transport_.sent(5).url,
            "https://rpt.example/20180711/resourcePrincipalToken/ocid1.instance.oc1..i");
  EXPECT_EQ(transport_.sent(6).url, "https://rpst.example/v1/resourcePrincipalSessionToken");
  EXPECT_EQ(json::parse(transport_.sent(6).body)["sessionPublicKey"],
            (*identity)->key->PublicKeyBase64());
}

TEST_F(OciIdentity, AnOlderResourcePrincipalRenewsTheInstancesTokenThatIsRefused) {
  variables_ = {{"OCI_RESOURCE_PRINCIPAL_VERSION", "1.1"},
                {"OCI_RESOURCE_PRINCIPAL_RPT_ENDPOINT", "https://rpt.example"},
                {"OCI_RESOURCE_PRINCIPAL_RPT_PATH", "/token"},
                {"OCI_RESOURCE_PRINCIPAL_RPST_ENDPOINT", "https://rpst.example"}};
  AnswerInstanceMetadata();
  AnswerToken(Token("old"));
  transport_.Answer(401);
  AnswerInstanceMetadata();
  const std::string fresh = Token("fresh");
  AnswerToken(fresh);
  transport_.Answer(200, {},
                    R"({"resourcePrincipalToken":"RPT","servicePrincipalSessionToken":"SPST"})");
  AnswerToken(Token("resource"));
  const auto identities = MakeResourcePrincipal(
      {.federation_endpoint = "https://auth.example", .environment = environment_}, transport_,
      clock_);
  ASSERT_TRUE(identities.value()->Current(Context()));
  EXPECT_EQ(transport_.sent(9).url, "https://rpt.example/token");
  EXPECT_THAT(std::string(transport_.sent(9).headers.Get("authorization")),
              HasSubstr("keyId=\"ST$" + fresh + "\""));
}

TEST_F(OciIdentity, AResourcePrincipalsKeyAndPassPhraseAreBothPathsOrBothValues) {
  variables_ = {{"OCI_RESOURCE_PRINCIPAL_VERSION", "2.2"},
                {"OCI_RESOURCE_PRINCIPAL_RPST", Token("one")},
                {"OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM", "/etc/key.pem"},
                {"OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE", "barley"}};
  const auto made = MakeResourcePrincipal({.environment = environment_}, transport_, clock_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(made.error().message, Not(HasSubstr("barley")));
}

TEST_F(OciIdentity, AnOlderResourcePrincipalsTokensAreTexts) {
  for (const std::string& token :
       {std::string("7"), std::string("\"\""), std::string("null"), DeepNesting("[", "]")}) {
    for (const bool first : {true, false}) {
      ScriptedTransport transport;
      variables_ = {{"OCI_RESOURCE_PRINCIPAL_VERSION", "1.1"},
                    {"OCI_RESOURCE_PRINCIPAL_RPT_ENDPOINT", "https://rpt.example"},
                    {"OCI_RESOURCE_PRINCIPAL_RPT_PATH", "/token"},
                    {"OCI_RESOURCE_PRINCIPAL_RPST_ENDPOINT", "https://rpst.example"}};
      transport.Answer(200, {}, MakeInstanceCertificate("opc-tenant:ocid1.tenancy.oc1..t"))
          .Answer(200, {}, std::string(testing::kPkcs8))
          .Answer(200, {}, MakeInstanceCertificate("intermediate"))
          .Answer(200, {}, json{{"token", Token("instance")}}.dump())
          .Answer(200, {},
                  R"({"resourcePrincipalToken":)" + (first ? token : R"("RPT")") +
                      R"(,"servicePrincipalSessionToken":)" + (first ? R"("SPST")" : token) + "}");
      const auto identities = MakeResourcePrincipal(
          {.federation_endpoint = "https://auth.example", .environment = environment_}, transport,
          clock_);
      const auto identity = identities.value()->Current(Context());
      ASSERT_FALSE(identity);
      EXPECT_EQ(identity.error().code, ErrorCode::kUnavailable);
      EXPECT_THAT(identity.error().message, HasSubstr("has no tokens"));
    }
  }
}

// --- Workload identity

TEST_F(OciIdentity, APodExchangesItsServiceAccountTokenAndReadsItEachTime) {
  variables_["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
  const auto identities =
      MakeWorkloadIdentity({.token_file = Write("sa", "pod-1\n"), .environment = environment_},
                           transport_, clock_)
          .value();
  const std::string one = Token("one");
  const std::string reply = json{{"token", "ST$" + one}}.dump();
  transport_.Answer(200, {}, "\"" + Base64Encode(AsBytes(reply)) + "\"");
  const auto first = identities->Current(Context()).value();
  EXPECT_EQ(first->key_id, "ST$" + one);
  EXPECT_EQ(transport_.sent(0).url, "https://10.0.0.1:12250/resourcePrincipalSessionTokens");
  EXPECT_EQ(transport_.sent(0).headers.Get("authorization"), "Bearer pod-1");
  EXPECT_EQ(json::parse(transport_.sent(0).body)["podKey"], first->key->PublicKeyBase64());
  Write("sa", "pod-2\n");
  ASSERT_TRUE(identities->Renew(*first));
  transport_.Answer(403);
  const auto refused = identities->Current(Context());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(refused.error().message, HasSubstr("enhanced clusters"));
  EXPECT_EQ(transport_.sent(1).headers.Get("authorization"), "Bearer pod-2");
}

TEST_F(OciIdentity, AClusterMayHaveAnAddressOfIpVersionSix) {
  for (const char* host : {"fd00::1", "[fd00::1]"}) {
    variables_["KUBERNETES_SERVICE_HOST"] = host;
    const auto identities = MakeWorkloadIdentity(
        {.token_file = Write("sa", "pod"), .environment = environment_}, transport_, clock_);
    transport_.Answer(403);
    EXPECT_FALSE(identities.value()->Current(Context()));
    EXPECT_EQ(transport_.sent(transport_.sent_count() - 1).url,
              "https://[fd00::1]:12250/resourcePrincipalSessionTokens");
  }
}

TEST_F(OciIdentity, APlaceThatIsNoPodIsToldSo) {
  EXPECT_THAT(
      MakeWorkloadIdentity({.environment = environment_}, transport_, clock_).error().message,
      HasSubstr("KUBERNETES_SERVICE_HOST is not set"));
}

TEST_F(OciIdentity, APodsAnswerThatHoldsOnlyThePrefixOfATokenHoldsNone) {
  const auto parsed = [](const std::string& token) {
    return ParseWorkloadReply("\"" + Base64Encode(AsBytes(json{{"token", token}}.dump())) + "\"");
  };
  EXPECT_EQ(parsed("ST$one").value(), "one");
  EXPECT_EQ(parsed("one").value(), "one");
  EXPECT_EQ(parsed("ST$").error().code, ErrorCode::kUnavailable);
}

// --- Delegation and nobody

TEST_F(OciIdentity, ADelegationTokenIsSentAndSignedRightAfterTheHost) {
  auto key = std::make_shared<const PrivateKey>(
      PrivateKey::FromPem(testing::kPkcs8, "", "of the test").value());
  const auto identities = MakeDelegatedIdentity(MakeFixedIdentity({.key_id = "ST$t", .key = key}),
                                                Write("obo", "user-1\n"));
  HttpRequest request{.method = "POST", .url = "https://host/x"};
  ASSERT_TRUE(SignRequest(*identities->Current(Context()).value(), SigningProfile::kJsonBody,
                          clock_.WallNow(), request));
  EXPECT_EQ(request.headers.Get("opc-obo-token"), "user-1");
  EXPECT_THAT(
      std::string(request.headers.Get("authorization")),
      HasSubstr("headers=\"date (request-target) host opc-obo-token content-length content-type"));
  Write("obo", "user-2\n");
  EXPECT_EQ(identities->Current(Context()).value()->delegation_token, "user-2");
}

TEST_F(OciIdentity, ADelegationTokenGoesWithTheInstancesTokenOfTheMoment) {
  int fetches = 0;
  bool works = true;
  const auto identities =
      MakeDelegatedIdentity(std::make_unique<RefreshingIdentity>(
                                std::make_unique<CountingSource>(clock_, fetches, works), clock_),
                            Write("obo", "user"));
  const auto first = identities->Current(Context()).value();
  EXPECT_EQ(identities->Current(Context()).value(), first);
  ASSERT_TRUE(identities->Renew(*first));
  const auto second = identities->Current(Context()).value();
  EXPECT_EQ(second->key_id, "ST$2");
  EXPECT_EQ(second->delegation_token, "user");
}

TEST_F(OciIdentity, NobodySignsNothing) {
  HttpRequest request{.method = "GET", .url = "https://host/x"};
  ASSERT_TRUE(SignRequest(*MakeFixedIdentity({})->Current(Context()).value(),
                          SigningProfile::kGeneric, clock_.WallNow(), request));
  EXPECT_EQ(request.headers.size(), 0U);
}

// --- Regions

TEST_F(OciIdentity, RegionsMayBeAddedByVariableAndFile) {
  variables_["HOME"] = files_.path();
  variables_["OCI_REGION_METADATA"] =
      R"({"realmKey":"OC77","realmDomainComponent":"oraclecloud77.com","regionKey":"NEW","regionIdentifier":"xx-new-1"})";
  std::filesystem::create_directories(files_.Sub(".oci"));
  std::ofstream(files_.Sub(".oci/regions-config.json"))
      << R"([{"realmKey":"oc78","realmDomainComponent":"oraclecloud78.com","regionKey":"fil","regionIdentifier":"xx-file-1"}])";
  EXPECT_EQ(ObjectStorageEndpoint("new", "ns", environment_).value(),
            "https://objectstorage.xx-new-1.oraclecloud77.com");
  EXPECT_EQ(AuthEndpoint("FIL", environment_).value(), "https://auth.xx-file-1.oraclecloud78.com");
  EXPECT_EQ(VaultEndpoint("iad", environment_).value(),
            "https://secrets.vaults.us-ashburn-1.oci.oraclecloud.com");
}

TEST_F(OciIdentity, WhatDoesNotMakeAHostNameIsRefusedWhereverItComesFrom) {
  const auto refuses = [&](const std::string& region) {
    for (const auto& made :
         {ObjectStorageEndpoint(region, "ns", environment_), AuthEndpoint(region, environment_),
          VaultEndpoint(region, environment_)}) {
      ASSERT_FALSE(made) << *made;
      EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
      EXPECT_THAT(made.error().message, HasSubstr("check region and realm"));
    }
  };
  for (const char* region : {"\"us-ashburn-1\"", "us-ashburn-1/x", "x@127.0.0.1:9", "a b", ""})
    refuses(region);
  variables_["OCI_DEFAULT_REALM"] = "evil.com/#";
  refuses("xx-new-1");
  variables_["OCI_REGION_METADATA"] =
      R"({"realmDomainComponent":"evil.com/x?","regionKey":"mad2","regionIdentifier":"xx-bad-1"})";
  refuses("mad2");
  variables_["OCI_REALM_SPECIFIC_SERVICE_ENDPOINT_TEMPLATE_ENABLED"] = "true";
  EXPECT_FALSE(ObjectStorageEndpoint("iad", "evil.com/", environment_));
}

TEST_F(OciIdentity, AddedRegionsThatNestDeeplyAddNothing) {
  variables_["HOME"] = files_.path();
  variables_["OCI_REGION_METADATA"] =
      R"({"regionKey":"NEW","regionIdentifier":"xx-new-1","realmDomainComponent":)" +
      DeepNesting("[", "]") + "}";
  std::filesystem::create_directories(files_.Sub(".oci"));
  std::ofstream(files_.Sub(".oci/regions-config.json")) << DeepNesting("[", "]");
  EXPECT_FALSE(IsKnownRegion("xx-new-1", environment_));
}

TEST_F(OciIdentity, DedicatedAndDualStackHostsAreSwitchedAsInTheSdks) {
  variables_["OCI_DUAL_STACK_ENDPOINT_ENABLED"] = "true";
  EXPECT_EQ(ObjectStorageEndpoint("iad", "ns", environment_).value(),
            "https://objectstorage.us-ashburn-1.ds.oci.oraclecloud.com");
  variables_["OCI_REALM_SPECIFIC_SERVICE_ENDPOINT_TEMPLATE_ENABLED"] = "True";
  EXPECT_EQ(ObjectStorageEndpoint("iad", "ns", environment_).value(),
            "https://ns.objectstorage.us-ashburn-1.ds.oci.customer-oci.com");
  variables_.erase("OCI_DUAL_STACK_ENDPOINT_ENABLED");
  EXPECT_EQ(ObjectStorageEndpoint("iad", "ns", environment_).value(),
            "https://ns.objectstorage.us-ashburn-1.oci.customer-oci.com");
  EXPECT_EQ(ObjectStorageEndpoint("iad", "", environment_).value(),
            "https://objectstorage.us-ashburn-1.oci.customer-oci.com");
  EXPECT_EQ(ObjectStorageEndpoint("us-langley-1", "ns", environment_).value(),
            "https://objectstorage.us-langley-1.oraclegovcloud.com");
}

}  // namespace
}  // namespace skybridge::oci
