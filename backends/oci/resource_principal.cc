#include "backends/oci/resource_principal.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "backends/oci/instance_metadata.h"
#include "backends/oci/instance_principal.h"
#include "backends/oci/refreshing_identity.h"
#include "backends/oci/token_exchange.h"
#include "backends/oci/watched_file.h"

namespace skybridge::oci {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kAsk = "get the resource principal's token";
constexpr std::string_view kTokenVariable = "OCI_RESOURCE_PRINCIPAL_RPST";
constexpr std::string_view kKeyVariable = "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM";
constexpr std::string_view kPassPhraseVariable = "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE";

Result<std::string> Need(const Environment& environment, std::string_view name) {
  auto value = environment(name);
  if (value && !value->empty()) return *std::move(value);
  return Fail(ErrorCode::kUnauthenticated, fmt::format("resource principal: {} is not set", name));
}

std::string Text(const Json& json, const char* name) {
  if (!json.is_object()) return {};
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool IsPath(std::string_view value) { return value.starts_with('/'); }

// Version 2.2.
class GivenTokenSource final : public IdentitySource {
 public:
  GivenTokenSource(std::string token, std::string key, std::string pass_phrase)
      : token_(std::move(token)),
        key_(std::move(key)),
        pass_phrase_(std::move(pass_phrase)),
        file_(token_) {}

  Result<Identity> Fetch(const CallContext& /*context*/) override {
    const auto written = file_.LastWritten();
    const std::string token = TRY(ValueOf(token_, "resource principal token"));
    const std::string key = TRY(ValueOf(key_, "resource principal key"));
    const std::string pass_phrase =
        pass_phrase_.empty() ? std::string()
                             : TRY(ValueOf(pass_phrase_, "resource principal pass phrase"));
    PrivateKey parsed = TRY(PrivateKey::FromPem(key, pass_phrase, "of the resource principal"));
    file_.NoteRead(written);
    return TokenIdentity(token, std::make_shared<const PrivateKey>(std::move(parsed)));
  }
  bool HasChanged() const override { return IsPath(token_) && file_.HasChanged(); }

 private:
  static Result<std::string> ValueOf(const std::string& value, std::string_view what) {
    if (IsPath(value)) return ReadTokenFile(value, what);
    return value;
  }

  const std::string token_;
  const std::string key_;
  const std::string pass_phrase_;
  WatchedFile file_;
};

// Version 1.1: the instance principal asks for the resource's token, then exchanges it for one
// bound to a session key.
class AskedTokenSource final : public IdentitySource {
 public:
  struct Places {
    std::string token_endpoint;
    std::string token_path;
    std::string session_endpoint;
  };

  AskedTokenSource(Places places, const ResourcePrincipalOptions& options, HttpTransport& transport,
                   Clock& clock)
      : places_(std::move(places)),
        metadata_(transport, clock, options.environment),
        exchange_{transport, clock},
        instance_(MakeInstancePrincipal({.region = options.region,
                                         .federation_endpoint = options.federation_endpoint,
                                         .environment = options.environment},
                                        transport, clock)) {}

  Result<Identity> Fetch(const CallContext& context) override {
    constexpr std::string_view kExchange = "exchange the resource principal's token";
    Call ask;
    ask.http.operation = "oci.resource_principal_token";
    ask.http.method = "GET";
    const std::string path = TRY(Path(context));
    ask.http.url = places_.token_endpoint + path;
    const HttpResponse given = TRY(SendAsInstance(ask, kAsk, context));
    const ResourceTokens tokens = TRY(ParseResourceTokens(given.body));
    PrivateKey generated = TRY(PrivateKey::Generate());
    auto session_key = std::make_shared<const PrivateKey>(std::move(generated));
    const Json posted{{"resourcePrincipalToken", tokens.resource_principal_token},
                      {"servicePrincipalSessionToken", tokens.service_principal_session_token},
                      {"sessionPublicKey", session_key->PublicKeyBase64()}};
    const Call exchange = MakeTokenCall(
        "oci.resource_principal_session",
        places_.session_endpoint + "/v1/resourcePrincipalSessionToken", posted.dump());
    const HttpResponse response = TRY(SendAsInstance(exchange, kExchange, context));
    const std::string token = TRY(ParseTokenReply(response.body, kExchange));
    return TokenIdentity(token, std::move(session_key));
  }

 private:
  Result<HttpResponse> SendAsInstance(const Call& call, std::string_view what,
                                      const CallContext& context) {
    const auto instance = TRY(instance_->Current(context));
    auto response = exchange_.Send(call, *instance, what, context);
    if (response || response.error().remote.http_status != 401 || !instance_->Renew(*instance))
      return response;
    const auto renewed = TRY(instance_->Current(context));
    return exchange_.Send(call, *renewed, what, context);
  }

  // "{id}" stands for this instance's OCID.
  Result<std::string> Path(const CallContext& context) const {
    constexpr std::string_view kId = "{id}";
    std::string path = places_.token_path;
    if (const auto at = path.find(kId); at != std::string::npos) {
      const std::string id = TRY(metadata_.Get("/instance/id", context));
      path.replace(at, kId.size(), id);
    }
    return path;
  }

  const Places places_;
  const InstanceMetadata metadata_;
  const TokenExchange exchange_;
  const std::unique_ptr<IdentityProvider> instance_;
};

Result<std::unique_ptr<IdentitySource>> MakeGivenTokenSource(const Environment& environment) {
  std::string token = TRY(Need(environment, kTokenVariable));
  std::string key = TRY(Need(environment, kKeyVariable));
  std::string pass_phrase = environment(kPassPhraseVariable).value_or("");
  if (!pass_phrase.empty() && IsPath(pass_phrase) != IsPath(key)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("resource principal: {} and {} must be both paths or both values",
                            kKeyVariable, kPassPhraseVariable));
  }
  return std::make_unique<GivenTokenSource>(std::move(token), std::move(key),
                                            std::move(pass_phrase));
}

Result<std::unique_ptr<IdentitySource>> MakeAskedTokenSource(
    const ResourcePrincipalOptions& options, HttpTransport& transport, Clock& clock) {
  const Environment& environment = options.environment;
  AskedTokenSource::Places places;
  places.token_endpoint = TRY(Need(environment, "OCI_RESOURCE_PRINCIPAL_RPT_ENDPOINT"));
  places.token_path = environment("OCI_RESOURCE_PRINCIPAL_RPT_PATH")
                          .value_or("/20180711/resourcePrincipalToken/{id}");
  places.session_endpoint = TRY(Need(environment, "OCI_RESOURCE_PRINCIPAL_RPST_ENDPOINT"));
  return std::make_unique<AskedTokenSource>(std::move(places), options, transport, clock);
}

}  // namespace

Result<std::unique_ptr<IdentityProvider>> MakeResourcePrincipal(
    const ResourcePrincipalOptions& options, HttpTransport& transport, Clock& clock) {
  const std::string version = TRY(Need(options.environment, "OCI_RESOURCE_PRINCIPAL_VERSION"));
  if (version != "2.2" && version != "1.1") {
    return Fail(
        ErrorCode::kNotSupported,
        fmt::format("resource principal: OCI_RESOURCE_PRINCIPAL_VERSION={}: known are 2.2 and 1.1",
                    version));
  }
  auto source = version == "2.2" ? MakeGivenTokenSource(options.environment)
                                 : MakeAskedTokenSource(options, transport, clock);
  if (!source) return Fail(std::move(source).error());
  return std::make_unique<RefreshingIdentity>(*std::move(source), clock);
}

Result<ResourceTokens> ParseResourceTokens(std::string_view body) {
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  ResourceTokens tokens{Text(json, "resourcePrincipalToken"),
                        Text(json, "servicePrincipalSessionToken")};
  if (tokens.resource_principal_token.empty() || tokens.service_principal_session_token.empty())
    return Fail(AnswerOfAStranger(fmt::format("{}: the answer has no tokens", kAsk)));
  return tokens;
}

std::string ResourcePrincipalRegion(const Environment& environment) {
  const auto region = environment("OCI_RESOURCE_PRINCIPAL_REGION");
  return region && !region->empty() ? RegionId(*region, environment) : std::string();
}

}  // namespace skybridge::oci
