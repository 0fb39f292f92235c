// The token endpoints: OAuth 2.0 client credentials of a service principal, and a virtual machine's
// managed identity. Source: Microsoft identity platform: client credentials flow; Azure
// documentation: managed identities, IMDS.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tests/localcloud/azure_auth.h"

namespace skybridge::localcloud::azure {

struct ServicePrincipal {
  std::string tenant_id;
  std::string client_id;
  std::string client_secret;
  std::string object_id;
};

struct TokenOptions {
  std::vector<ServicePrincipal> principals;
  // Of the virtual machine; an empty client id answers as a machine without an identity.
  std::string managed_client_id;
  std::string managed_object_id;
  std::chrono::seconds token_lifetime{3599};
};

// POST .../oauth2/v2.0/token (scope) or .../oauth2/token (resource). Errors as AADSTS texts.
Response IssuePrincipalToken(const Request& request, const TokenOptions& options,
                             const TokenIssuer& issuer, WallTime now);
// GET /metadata/identity/oauth2/token with the header "Metadata: true".
Response IssueManagedToken(const Request& request, const TokenOptions& options,
                           const TokenIssuer& issuer, WallTime now);

}  // namespace skybridge::localcloud::azure
