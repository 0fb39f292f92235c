#include "backends/oci/instance_principal.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "backends/oci/certificate.h"
#include "backends/oci/instance_metadata.h"
#include "backends/oci/refreshing_identity.h"
#include "backends/oci/token_exchange.h"

namespace skybridge::oci {
namespace {

constexpr std::string_view kFederate = "federate the instance's certificate";
constexpr std::string_view kFederationPath = "/v1/x509";

// Certificate, key and chain, as they are at one moment.
struct InstanceCertificate {
  LeafCertificate leaf;
  std::shared_ptr<const PrivateKey> key;
  std::vector<std::string> chain;
};

class InstancePrincipalSource final : public IdentitySource {
 public:
  InstancePrincipalSource(InstancePrincipalOptions options, HttpTransport& transport, Clock& clock)
      : options_(std::move(options)),
        metadata_(transport, clock, options_.environment),
        exchange_{transport, clock} {}

  Result<Identity> Fetch(const CallContext& context) override {
    const std::string url = TRY(FederationUrl(context));
    const InstanceCertificate certificate = TRY(ReadCertificate(context));
    TRY_VOID(CheckTenancy(certificate.leaf.tenancy));
    PrivateKey generated = TRY(PrivateKey::Generate());
    auto session_key = std::make_shared<const PrivateKey>(std::move(generated));
    const nlohmann::json body{{"certificate", certificate.leaf.body_base64},
                              {"publicKey", session_key->PublicKeyBase64()},
                              {"intermediateCertificates", certificate.chain},
                              {"fingerprintAlgorithm", "SHA256"},
                              {"purpose", "DEFAULT"}};
    const Identity signer{
        certificate.leaf.tenancy + "/fed-x509-sha256/" + certificate.leaf.sha256_fingerprint,
        certificate.key};
    const HttpResponse response = TRY(exchange_.Send(
        MakeTokenCall("oci.federate", url, body.dump()), signer, kFederate, context));
    const std::string token = TRY(ParseTokenReply(response.body, kFederate));
    return TokenIdentity(token, std::move(session_key));
  }

 private:
  Result<InstanceCertificate> ReadCertificate(const CallContext& context) const {
    const std::string leaf = TRY(metadata_.Get("/identity/cert.pem", context));
    const std::string key = TRY(metadata_.Get("/identity/key.pem", context));
    const std::string chain = TRY(metadata_.Get("/identity/intermediate.pem", context));
    LeafCertificate parsed = TRY(ParseLeafCertificate(leaf));
    PrivateKey parsed_key = TRY(PrivateKey::FromPem(key, {}, "of the instance's certificate"));
    return InstanceCertificate{std::move(parsed),
                               std::make_shared<const PrivateKey>(std::move(parsed_key)),
                               PemBodies(chain)};
  }

  // An instance stays in its tenancy: another one means that somebody else answers.
  Status CheckTenancy(const std::string& tenancy) {
    if (tenancy_.empty()) tenancy_ = tenancy;
    if (tenancy_ == tenancy) return {};
    return Fail(ErrorCode::kUnauthenticated,
                "the instance's certificate now names another tenancy");
  }

  Result<std::string> FederationUrl(const CallContext& context) {
    if (url_.empty()) url_ = TRY(FindFederationUrl(context));
    return url_;
  }

  Result<std::string> FindFederationUrl(const CallContext& context) const {
    std::string endpoint = options_.federation_endpoint;
    for (const std::string_view name :
         {"OCI_CLI_FEDERATION_ENDPOINT", "OCI_SDK_AUTH_CLIENT_REGION_URL"}) {
      if (endpoint.empty()) endpoint = options_.environment(name).value_or("");
    }
    if (endpoint.empty()) endpoint = TRY(EndpointOfRegion(context));
    while (endpoint.ends_with('/')) endpoint.pop_back();
    if (!endpoint.ends_with(kFederationPath)) endpoint += kFederationPath;
    return endpoint;
  }

  Result<std::string> EndpointOfRegion(const CallContext& context) const {
    const InstancePlace place = TRY(metadata_.Place(options_.region, context));
    return AuthEndpoint(place.region, place.environment);
  }

  const InstancePrincipalOptions options_;
  const InstanceMetadata metadata_;
  const TokenExchange exchange_;
  std::string url_;
  std::string tenancy_;
};

}  // namespace

std::unique_ptr<IdentityProvider> MakeInstancePrincipal(const InstancePrincipalOptions& options,
                                                        HttpTransport& transport, Clock& clock) {
  return std::make_unique<RefreshingIdentity>(
      std::make_unique<InstancePrincipalSource>(options, transport, clock), clock);
}

}  // namespace skybridge::oci
