// Resource principal: the identity that OCI gives to what runs in its own services (Functions, Data
// Flow, Data Science). Variables of the environment say where it is; source: "Accessing Other
// Oracle Cloud Infrastructure Resources from Running Functions" (Oracle documentation) and the
// official SDKs.
//
// OCI_RESOURCE_PRINCIPAL_VERSION:
// - 2.2: OCI_RESOURCE_PRINCIPAL_RPST and ..._PRIVATE_PEM (and ..._PRIVATE_PEM_PASSPHRASE), each the
// value itself or the
//   absolute path of a file that the platform rewrites; token and key are then read together when
//   the file changes, when the token nears its end and after a 401.
// - 1.1: ..._RPT_ENDPOINT, ..._RPST_ENDPOINT and ..._RPT_PATH: a token is asked for with the
// instance principal.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "backends/oci/identity.h"
#include "backends/oci/region.h"

namespace skybridge::oci {

struct ResourcePrincipalOptions {
  std::string region = {};  // for version 1.1: where the instance federates; empty: asked there
  std::string federation_endpoint = {};  // likewise
  Environment environment = ProcessEnvironment();
};

// `transport` and `clock` must outlive the provider. Sends nothing yet.
// Errors: kUnauthenticated (not in such a place: the missing variable is named), kNotSupported
// (another version), kInvalidArgument (key and pass phrase are not both paths or both values).
Result<std::unique_ptr<IdentityProvider>> MakeResourcePrincipal(
    const ResourcePrincipalOptions& options, HttpTransport& transport, Clock& clock);

// What version 1.1 is given first, to be exchanged for the token it signs with.
struct ResourceTokens {
  std::string resource_principal_token;
  std::string service_principal_session_token;
};

// Of the answer to the first request; AnswerOfAStranger unless both are there, as texts.
Result<ResourceTokens> ParseResourceTokens(std::string_view body);

// OCI_RESOURCE_PRINCIPAL_REGION as a long id; empty if it is not set.
std::string ResourcePrincipalRegion(const Environment& environment);

}  // namespace skybridge::oci
