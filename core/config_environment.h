// Credentials and remotes from the environment, as the official tools of both clouds read it: what
// makes a bare URI work without a configuration file.
#pragma once

#include "core/config.h"
#include "core/environment.h"
#include "core/result.h"

namespace skybridge {

// Azure, the first that is complete:
//   AZURE_STORAGE_KEY          where AZURE_STORAGE_ACCOUNT is unset or the URI's account
//   AZURE_STORAGE_SAS_TOKEN    likewise
//   AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, and AZURE_AUTHORITY_HOST if set
// OCI: the profile OCI_CLI_PROFILE of OCI_CLI_CONFIG_FILE or OCI_CONFIG_FILE, else DEFAULT of
// ~/.oci/config. Errors: kUnauthenticated, saying what was looked for; kInvalidArgument for an
// authority host that is none.
Result<AuthConfig> AuthFromEnvironment(const Uri& uri, const Environment& environment);

// A remote for a bare URI. Of OCI also OCI_CLI_REGION or OCI_REGION, OCI_CLI_ENDPOINT and
// OCI_CLI_CERT_BUNDLE. Errors: as above.
Result<RemoteConfig> RemoteFromEnvironment(const Uri& uri, const Environment& environment);

}  // namespace skybridge
