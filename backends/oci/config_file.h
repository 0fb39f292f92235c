// The OCI configuration file (~/.oci/config) and the environment that overrides it: who we are, as
// the official tools find it. You need it to make an identity (backends/oci/identity.h).
//
// Sources: "SDK and CLI Configuration File" (Oracle documentation) and the parsers of the Python
// SDK and the OCI CLI.
#pragma once

#include <optional>
#include <string>

#include "backends/oci/region.h"
#include "core/result.h"

namespace skybridge::oci {

// How requests are to be signed. A profile or OCI_CLI_AUTH may name a principal instead of a key:
// api_key, security_token, instance_principal, instance_obo_user, resource_principal,
// oke_workload_identity.
enum class Authentication {
  kApiKey,
  kSecurityToken,
  kInstancePrincipal,
  kResourcePrincipal,
  kWorkloadIdentity,
};

struct Profile {
  Authentication authentication = Authentication::kApiKey;
  std::string tenancy;
  std::string user;  // not needed with a security token
  std::string fingerprint;
  std::string key_file;               // path of a PEM file, or
  std::string key_content;            // the PEM text itself (only from the environment)
  std::string pass_phrase;            // secret; used only when the key turns out to be encrypted
  std::string security_token_file;    // only with kSecurityToken
  std::string delegation_token_file;  // only with a principal: act on behalf of a user
  std::string region;                 // long id; may be empty
};

struct ProfileRequest {
  std::string file = {};     // empty: looked up where the official tools look
  std::string profile = {};  // empty: OCI_CLI_PROFILE, else DEFAULT
  // None: as OCI_CLI_AUTH says, else as `authentication_type` of the profile, else with an API key.
  std::optional<Authentication> authentication = {};
  Environment environment = ProcessEnvironment();
};

// Reads the profile; keys it lacks come from [DEFAULT], OCI_CLI_* variables override both,
// OCI_REGION is the last resort for the region. Whether the fields are enough to sign is said by
// the error: every missing one is named. Errors: kNotFound (no file where one was named),
// kInvalidArgument (no such profile, a broken line, a missing field), kNotSupported (another
// `authentication_type`).
Result<Profile> LoadProfile(const ProfileRequest& request);

}  // namespace skybridge::oci
