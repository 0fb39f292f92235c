// The token endpoints: OAuth 2.0 client credentials of a service principal, and the managed
// identity of a virtual machine, an App Service or a machine that Azure Arc manages. Source:
// Microsoft identity platform: client credentials flow; Azure documentation: managed identities,
// IMDS.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tests/localcloud/azure_auth.h"
#include "tests/localcloud/azure_client_proof.h"

namespace skybridge::localcloud::azure {

struct TokenOptions {
  std::vector<ServicePrincipal> principals;
  // Of the virtual machine; an empty client id answers as a machine without an identity.
  std::string managed_client_id;
  std::string managed_object_id;
  std::chrono::seconds token_lifetime{3599};
  // What App Service tells its applications: X-IDENTITY-HEADER (2019), secret (2017). Empty: it
  // does not answer.
  std::string app_service_secret;
  // Azure Arc names this file in its challenge and wants to be shown what is in it. Empty:
  // likewise.
  std::string arc_file;
  std::string arc_proof;
};

// GET /TENANT/v2.0/.well-known/openid-configuration: where the tenant's endpoints are. Source:
// OpenID Connect Discovery 1.0; "OpenID Connect on the Microsoft identity platform".
Response DescribeAuthority(const Request& request);
// POST .../oauth2/v2.0/token (scope) or .../oauth2/token (resource). Errors as AADSTS texts.
Response IssuePrincipalToken(const Request& request, const TokenOptions& options,
                             const TokenIssuer& issuer, WallTime now);
// GET /metadata/identity/oauth2/token with the header "Metadata: true" (with Azure Arc's
// api-version also its challenge), and GET /msi/token of App Service.
Response IssueManagedToken(const Request& request, const TokenOptions& options,
                           const TokenIssuer& issuer, WallTime now);

}  // namespace skybridge::localcloud::azure
