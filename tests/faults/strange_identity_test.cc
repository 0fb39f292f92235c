// Proxies and portals in the place of those who say who we are: token authority, metadata services,
// federation, vault. A store whose identity is answered so has one error for it, which is never
// about an object and which a later attempt may cure; and nobody acts as somebody else instead.
#include <fstream>
#include <string>
#include <vector>

#include "backends/azure/managed_identity.h"
#include "backends/azure/oauth.h"
#include "backends/azure/rotating_secret.h"
#include "backends/azure/token_chain.h"
#include "backends/oci/instance_principal.h"
#include "backends/oci/oci_store.h"
#include "backends/oci/vault.h"
#include "backends/oci/workload_identity.h"
#include "tests/faults/faulty_cloud.h"
#include "tests/support/loopback_server.h"
#include "tests/support/machine_clock.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/backends/oci_token_fixture.h"

namespace skybridge::testing {
namespace {

using Connection = LoopbackServer::Connection;

enum class Place {
  kAzureAuthority,
  kAzureMetadata,
  kOciMetadata,
  kOciFederation,
  kOciSession,
  kOciCluster,
  kOciVault,
};
struct NamedPlace {
  Place place;
  const char* name;
};
constexpr NamedPlace kPlaces[] = {{Place::kAzureAuthority, "AzureAuthority"},
                                  {Place::kAzureMetadata, "AzureMetadata"},
                                  {Place::kOciMetadata, "OciMetadata"},
                                  {Place::kOciFederation, "OciFederation"},
                                  {Place::kOciSession, "OciSession"},
                                  {Place::kOciCluster, "OciCluster"},
                                  {Place::kOciVault, "OciVault"}};

struct StrangeAnswer {
  const char* name;
  const char* status;
  ErrorCode expected;
  bool retryable;
};
constexpr StrangeAnswer kAnswers[] = {
    {"APortalsPage", "200 OK", ErrorCode::kUnavailable, true},
    {"AGatewaysBadRequest", "400 Bad Request", ErrorCode::kUnavailable, true},
    {"AGatewaysNotFound", "404 Not Found", ErrorCode::kUnavailable, true},
    {"AGatewaysConflict", "412 Precondition Failed", ErrorCode::kUnavailable, true},
    {"AProxysRefusal", "403 Forbidden", ErrorCode::kUnauthenticated, false},
    {"AProxyThatWantsToKnowUs", "407 Proxy Authentication Required", ErrorCode::kUnauthenticated,
     false},
    {"ABadGateway", "502 Bad Gateway", ErrorCode::kUnavailable, true},
    {"ABusyGateway", "503 Service Unavailable", ErrorCode::kUnavailable, true},
    {"ARedirection", "302 Found\r\nLocation: http://127.0.0.1:1/login", ErrorCode::kUnavailable,
     false},
};

std::string Reply(std::string_view status, std::string_view body) {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

// Who would be taken if the first identity of a chain did not count as there.
class SomebodyElse final : public azure::TokenSource {
 public:
  Result<azure::AccessToken> Fetch(const CallContext& /*context*/) override {
    return azure::MakeAccessToken("somebody else", {}, std::chrono::hours(1));
  }
};

class StrangeIdentities : public ::testing::TestWithParam<std::tuple<NamedPlace, StrangeAnswer>> {
 protected:
  // The metadata service of an instance is sound where its federation is what is tested.
  StrangeIdentities()
      : server_([](Connection& connection) {
          const StrangeAnswer answer = std::get<StrangeAnswer>(GetParam());
          const bool is_sound = std::get<NamedPlace>(GetParam()).place == Place::kOciFederation;
          while (const auto request = connection.ReadRequest()) {
            const bool asks_for_key = request->head.starts_with("GET /opc/v2/identity/key.pem");
            const bool asks_for_certificate = request->head.starts_with("GET /opc/v2/identity/");
            if (is_sound && asks_for_key) {
              connection.Send(Reply("200 OK", oci::testing::kPkcs8));
            } else if (is_sound && asks_for_certificate) {
              connection.Send(Reply(
                  "200 OK", oci::testing::MakeInstanceCertificate("opc-tenant:ocid1.tenancy.t")));
            } else {
              connection.Send(Reply(answer.status, "<html>Hi</html>"));
            }
          }
        }) {
    variables_["OCI_METADATA_BASE_URL"] = server_.Url("/opc/v2");
  }

  // What a call of a store ends with.
  Error Failure() {
    switch (std::get<NamedPlace>(GetParam()).place) {
      case Place::kAzureAuthority:
        return OfAzure(Must(azure::ServicePrincipalSource::Make(Principal(), curl_, clock_)));
      case Place::kAzureMetadata:
        return OfAzure(Must(azure::ManagedIdentitySource::Make(
            {.service = {.kind = azure::ManagedIdentityKind::kImds,
                         .endpoint = server_.Url("/metadata/identity/oauth2/token")}},
            curl_, clock_)));
      case Place::kOciMetadata:
      case Place::kOciFederation:
        return OfOci(oci::MakeInstancePrincipal(
            {.federation_endpoint = server_.Url(""), .environment = environment_}, curl_, clock_));
      case Place::kOciSession:
        return OfOci(RefusedSession());
      case Place::kOciCluster:
        return OfOci(Must(oci::MakeWorkloadIdentity(
            {.endpoint = server_.Url(""), .token_file = Write("sa"), .environment = environment_},
            curl_, clock_)));
      case Place::kOciVault:
        return OfAzure(WithSecretOfTheVault());
    }
    return {};
  }

 private:
  azure::ServicePrincipal Principal() const {
    return {.authority = server_.Url(""),
            .tenant_id = "tenant",
            .client_id = "client",
            .client_secret = Secret(std::string_view("secret"))};
  }
  std::string Write(const std::string& name) {
    std::ofstream(files_.Sub(name))
        << oci::testing::MakeToken(name, clock_.WallNow() + std::chrono::hours(1));
    return files_.Sub(name);
  }
  std::unique_ptr<oci::IdentityProvider> RefusedSession() {
    auto session = Must(oci::MakeIdentityProvider(
        {.profile = {.authentication = oci::Authentication::kSecurityToken,
                     .key_content = std::string(oci::testing::kPkcs8),
                     .security_token_file = Write("session")},
         .auth_endpoint = server_.Url("")},
        curl_, clock_));
    session->Renew(*Must(session->Current(Context())));
    return session;
  }
  std::unique_ptr<azure::TokenSource> WithSecretOfTheVault() {
    vault_ =
        std::make_unique<oci::Vault>(server_.Url(""), curl_, oci::MakeFixedIdentity({}), clock_);
    const auto fetch = [this](const CallContext& context) {
      return vault_->Fetch({.secret_id = "ocid1.vaultsecret.s"}, context);
    };
    return std::make_unique<azure::RotatingSecretSource>(
        "the vault's secret", std::vector<azure::RotatingSecretSource::FetchSecret>{fetch},
        [](const Secret& /*secret*/) { return std::make_unique<SomebodyElse>(); }, clock_);
  }

  Error OfAzure(std::unique_ptr<azure::TokenSource> source) {
    std::vector<azure::ChainLink> links;
    links.push_back({"first", std::move(source), ""});
    links.push_back({"second", std::make_unique<SomebodyElse>(), ""});
    azure::BearerCredential credential(std::make_unique<azure::TokenChain>(std::move(links)),
                                       clock_);
    HttpRequest request{.method = "HEAD", .url = server_.Url("/account/lake/file")};
    const Status status = credential.Authorize(request, Context());
    return status ? Error{.message = "somebody was found"} : status.error();
  }
  Error OfOci(std::unique_ptr<oci::IdentityProvider> identities) {
    const auto store = Must(oci::MakeOciStore({.endpoint = server_.Url(""),
                                               .region = "us-ashburn-1",
                                               .name_space = "ns",
                                               .bucket = "lake"},
                                              curl_, std::move(identities), clock_));
    const auto found = store->Head(ObjectKey("file"), Context());
    return found ? Error{.message = "something was found"} : found.error();
  }
  CallContext Context() const { return {.deadline = clock_.Now() + std::chrono::minutes(30)}; }

  SleeplessClock clock_;
  TempDirectory files_;
  std::map<std::string, std::string> variables_;
  const oci::Environment environment_ = oci::testing::EnvironmentOf(variables_);
  LoopbackServer server_;
  CurlTransport curl_{skybridge::testing::MachineClock()};
  std::unique_ptr<oci::Vault> vault_;
};

TEST_P(StrangeIdentities, HaveOneMeaningWhoeverWasAsked) {
  const StrangeAnswer answer = std::get<StrangeAnswer>(GetParam());
  const Error error = Failure();
  EXPECT_EQ(error.code, answer.expected) << error.ToString();
  EXPECT_EQ(error.retryable, answer.retryable) << error.ToString();
  EXPECT_EQ(error.message.find("<html>"), std::string::npos) << error.message;
}

INSTANTIATE_TEST_SUITE_P(Identities, StrangeIdentities,
                         ::testing::Combine(::testing::ValuesIn(kPlaces),
                                            ::testing::ValuesIn(kAnswers)),
                         [](const auto& test) {
                           return std::string(std::get<NamedPlace>(test.param).name) + "_" +
                                  std::get<StrangeAnswer>(test.param).name;
                         });

}  // namespace
}  // namespace skybridge::testing
