// Credentials and remotes from the environment, as the official tools of both clouds read it: what
// makes a bare URI work without a configuration file.
#pragma once

#include "core/config.h"
#include "core/environment.h"
#include "core/result.h"

namespace skybridge {

// Azure, the first that is there:
//   AZURE_STORAGE_KEY          where AZURE_STORAGE_ACCOUNT is unset or the URI's account
//   AZURE_STORAGE_SAS_TOKEN    likewise
//   else kDefault, which looks for an identity when it is used (docs/config.md)
// OCI: the profile OCI_CLI_PROFILE of OCI_CLI_CONFIG_FILE or OCI_CONFIG_FILE, else DEFAULT of
// ~/.oci/config.
Result<AuthConfig> AuthFromEnvironment(const Uri& uri, const Environment& environment);

// AZURE_AUTHORITY_HOST, with and without its scheme; "" if it is not set. Errors: kInvalidArgument
// for what is no https address.
Result<std::string> AuthorityFromEnvironment(const Environment& environment);

// A remote for a bare URI. Of OCI also OCI_CLI_REGION or OCI_REGION, OCI_CLI_ENDPOINT and
// OCI_CLI_CERT_BUNDLE. Errors: as above.
Result<RemoteConfig> RemoteFromEnvironment(const Uri& uri, const Environment& environment);

}  // namespace skybridge
