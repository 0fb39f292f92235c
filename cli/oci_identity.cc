#include "cli/oci_identity.h"

#include <utility>

#include "backends/http/curl_transport.h"
#include "backends/oci/delegation.h"
#include "backends/oci/instance_metadata.h"
#include "backends/oci/instance_principal.h"
#include "backends/oci/resource_principal.h"
#include "backends/oci/workload_identity.h"

namespace skybridge::cli {
namespace {

// A workload identity with a transport to the cluster that trusts only the cluster's own
// certificates.
class WorkloadIdentity final : public oci::IdentityProvider {
 public:
  static Result<std::unique_ptr<oci::IdentityProvider>> Make(
      const oci::WorkloadIdentityOptions& options, Clock& clock) {
    auto made = std::make_unique<WorkloadIdentity>(clock, oci::WorkloadCaFile(options.environment));
    made->provider_ = TRY(oci::MakeWorkloadIdentity(options, made->cluster_, clock));
    return made;
  }
  WorkloadIdentity(const Clock& clock, std::string ca_file)
      : cluster_(clock, {.ca_file = std::move(ca_file)}) {}

  Result<std::shared_ptr<const oci::Identity>> Current(const CallContext& context) override {
    return provider_->Current(context);
  }
  bool Renew(const oci::Identity& refused) override { return provider_->Renew(refused); }

 private:
  CurlTransport cluster_;
  std::unique_ptr<oci::IdentityProvider> provider_;
};

// Makes the identity act on behalf of the user whose token is in `token_file`. An empty
// `token_file` changes nothing.
void Delegate(const std::string& token_file, OciIdentity& identity) {
  if (token_file.empty()) return;
  identity.provider = oci::MakeDelegatedIdentity(std::move(identity.provider), token_file);
  identity.description += ", on behalf of the user of " + token_file;
}

Result<OciIdentity> OfInstance(const OciIdentityRequest& request, const OciSurroundings& around,
                               const CallContext& context) {
  const oci::Environment variables = OciVariables(around.environment);
  OciIdentity identity{.description = "instance principal", .region = request.region};
  identity.provider =
      oci::MakeInstancePrincipal({.region = request.region,
                                  .federation_endpoint = request.auth.federation_endpoint,
                                  .environment = variables},
                                 around.transport, around.clock);
  if (!request.needs_region) return identity;
  const oci::InstanceMetadata metadata(around.transport, around.clock, variables);
  oci::InstancePlace place = TRY(metadata.Place(request.region, context));
  identity.region = std::move(place.region);
  identity.variables = std::move(place.environment);
  return identity;
}

Result<OciIdentity> OfResource(const OciIdentityRequest& request, const OciSurroundings& around) {
  const oci::Environment variables = OciVariables(around.environment);
  OciIdentity identity{.description = "resource principal"};
  identity.region =
      request.region.empty() ? oci::ResourcePrincipalRegion(variables) : request.region;
  identity.provider =
      TRY(oci::MakeResourcePrincipal({.region = identity.region,
                                      .federation_endpoint = request.auth.federation_endpoint,
                                      .environment = variables},
                                     around.transport, around.clock));
  return identity;
}

Result<OciIdentity> OfWorkload(const OciIdentityRequest& request, const OciSurroundings& around) {
  const oci::Environment variables = OciVariables(around.environment);
  OciIdentity identity{.description = "OKE workload identity"};
  identity.region =
      request.region.empty() ? oci::ResourcePrincipalRegion(variables) : request.region;
  identity.provider = TRY(WorkloadIdentity::Make(
      {.endpoint = request.auth.federation_endpoint, .environment = variables}, around.clock));
  return identity;
}

// A profile with "authentication_type" gives only the region and the delegation.
Result<OciIdentity> OfPrincipalInProfile(const oci::Profile& profile,
                                         const OciIdentityRequest& request,
                                         const OciSurroundings& around,
                                         const CallContext& context) {
  const OciIdentityRequest there{.auth = request.auth,
                                 .region = request.region.empty() ? profile.region : request.region,
                                 .needs_region = request.needs_region};
  Result<OciIdentity> identity = profile.authentication == oci::Authentication::kInstancePrincipal
                                     ? OfInstance(there, around, context)
                                 : profile.authentication == oci::Authentication::kResourcePrincipal
                                     ? OfResource(there, around)
                                     : OfWorkload(there, around);
  if (identity) Delegate(profile.delegation_token_file, *identity);
  return identity;
}

Result<OciIdentity> OfProfile(const OciIdentityRequest& request, const OciSurroundings& around,
                              const CallContext& context) {
  const AuthConfig& auth = request.auth;
  const oci::Environment variables = OciVariables(around.environment);
  oci::ProfileRequest wanted{
      .file = auth.config_file, .profile = auth.profile, .environment = variables};
  if (auth.type == AuthType::kSessionToken) {
    wanted.authentication = oci::Authentication::kSecurityToken;
  }
  oci::Profile profile = TRY(oci::LoadProfile(wanted));
  if (profile.authentication != oci::Authentication::kApiKey &&
      profile.authentication != oci::Authentication::kSecurityToken) {
    return OfPrincipalInProfile(profile, request, around, context);
  }
  if (auth.pass_phrase.has_value()) {
    const Secret phrase = TRY(auth.pass_phrase.Resolve(around.environment, around.vault, context));
    profile.pass_phrase = phrase.Reveal();
  }
  OciIdentity identity{.region = request.region.empty() ? profile.region : request.region};
  std::string auth_endpoint = auth.federation_endpoint;
  const bool is_session = profile.authentication == oci::Authentication::kSecurityToken;
  identity.description = is_session ? "session token " + profile.security_token_file
                                    : "API key " + profile.fingerprint;
  if (is_session && auth_endpoint.empty() && !identity.region.empty()) {
    auth_endpoint = TRY(oci::AuthEndpoint(identity.region, variables));
  }
  identity.provider = TRY(oci::MakeIdentityProvider(
      {.profile = profile, .auth_endpoint = auth_endpoint}, around.transport, around.clock));
  return identity;
}

Result<OciIdentity> Undelegated(const OciIdentityRequest& request, const OciSurroundings& around,
                                const CallContext& context) {
  switch (request.auth.type) {
    case AuthType::kConfigFile:
    case AuthType::kSessionToken:
      return OfProfile(request, around, context);
    case AuthType::kInstancePrincipal:
      return OfInstance(request, around, context);
    case AuthType::kResourcePrincipal:
      return OfResource(request, around);
    case AuthType::kOkeWorkloadIdentity:
      return OfWorkload(request, around);
    case AuthType::kPreAuthenticatedRequest:
    case AuthType::kNone:
      return OciIdentity{.provider = oci::MakeFixedIdentity({}), .region = request.region};
    default:
      return Fail(ErrorCode::kInternal, "this way to authenticate is not one of OCI's");
  }
}

}  // namespace

Result<OciIdentity> MakeOciIdentity(const OciIdentityRequest& request,
                                    const OciSurroundings& surroundings,
                                    const CallContext& context) {
  OciIdentity identity = TRY(Undelegated(request, surroundings, context));
  if (!identity.variables) identity.variables = OciVariables(surroundings.environment);
  Delegate(request.auth.delegation_token_file, identity);
  return identity;
}

oci::Environment OciVariables(const Environment& environment) {
  return [&environment](std::string_view name) { return environment.Get(std::string(name)); };
}

}  // namespace skybridge::cli
