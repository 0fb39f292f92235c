// Config: what the configuration file says, checked. docs/config.md describes every key.
//
// An unknown key, a wrong type, a missing field or an impossible value is an error that names the
// file, the key and what is allowed ("/etc/skybridge/config.json: remotes.azure.auth.type: ...").
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/environment.h"
#include "core/mount_settings.h"
#include "core/result.h"
#include "core/secret_reference.h"
#include "core/uri.h"

namespace skybridge {

enum class AuthType {
  kAutomatic,         // nothing configured: see core/config_environment.h
  kNone,              // no credentials are sent
  kSharedKey,         // Azure: account_key
  kSas,               // Azure: sas_token
  kServicePrincipal,  // Azure: tenant_id, client_id, client_secret or client_certificate
  kWorkloadIdentity,  // Azure: a federated token file
  kManagedIdentity,   // Azure: of the machine
  kAzureCli,          // Azure: whoever is logged in
  kDefault,           // Azure: the first of environment, workload, machine and CLI that is there
  kConfigFile,        // OCI: a profile of ~/.oci/config
  kSessionToken,      // OCI: the security_token_file of such a profile
  kInstancePrincipal,
  kResourcePrincipal,
  kOkeWorkloadIdentity,
  kPreAuthenticatedRequest,  // OCI: url
};

struct AuthConfig {
  AuthType type = AuthType::kAutomatic;
  SecretReference account_key;
  SecretReference sas_token;
  std::string tenant_id;
  std::string client_id;
  SecretReference client_secret;
  SecretReference client_certificate;   // PEM, instead of the secret
  bool send_certificate_chain = false;  // for applications that trust the certificate's issuer
  std::string federated_token_file;     // empty: AZURE_FEDERATED_TOKEN_FILE
  std::string object_id;                // of a managed identity; or client_id, or resource_id
  std::string resource_id;
  std::string authority_host;  // empty: that of the cloud of the endpoint
  // kDefault: why the environment's account key and SAS were not taken. Empty: not looked for.
  std::string no_account_key;
  std::string config_file;      // empty: ~/.oci/config
  std::string profile;          // empty: DEFAULT
  SecretReference pass_phrase;  // of the key that the profile names, or of the certificate's
  // OCI, instance and resource principals: a user's token to act on behalf of; empty: none.
  std::string delegation_token_file;
  SecretReference url;  // of a pre-authenticated request
  // OCI: where tokens are issued; empty: the region's Auth service, the cluster's own endpoint.
  std::string federation_endpoint;
};

enum class NamespaceKind { kDetect, kHierarchical, kFlat };

// How to read secrets that OCI Vault keeps ("ocivault:...").
struct VaultConfig {
  AuthConfig auth;
  std::string region;    // empty: the identity's
  std::string endpoint;  // empty: from the region
  std::string ca_file;   // PEM; empty: the system's
  bool allow_http = false;
};

// A store as it is to be reached. `uri` already carries the endpoints of the configuration.
struct RemoteConfig {
  std::string name;  // empty: a bare URI without configuration
  Uri uri;
  // Azure: the DFS endpoint that the URI names, whatever the configuration puts in its place.
  std::string account_endpoint;
  std::string region;       // OCI; empty: the URI's, else the profile's
  std::string endpoint;     // OCI; empty: from the region
  std::string ca_file;      // PEM; empty: the system's
  bool allow_http = false;  // plain http to another host than loopback
  NamespaceKind namespace_kind = NamespaceKind::kDetect;  // Azure
  // Azure, hierarchical: modes and owners are the account's own, by this table of object ids.
  bool account_permissions = false;
  std::map<std::string, std::uint32_t> users;
  std::map<std::string, std::uint32_t> groups;
  // Azure: for commands that compare or copy access control lists. Not a key of the file.
  bool tell_access = false;
  std::uint32_t max_requests = 64;  // in flight at once
  double requests_per_second = 0;   // 0: no limit
  // A service that has answered nothing for so long is not waited for any more.
  std::chrono::milliseconds unreachable_after{20'000};
  AuthConfig auth;
  std::optional<VaultConfig> vault;  // of the whole configuration: for secrets of `auth`

  // "azure", or the URI of a remote without name.
  std::string Label() const;
};

struct MountConfig {
  std::string directory;
  std::vector<std::string> remotes;  // at least one; in a mount of several each is a directory
  MountSettings settings;
};

enum class DeletePolicy { kNever, kTrash, kPermanent };

struct MirrorConfig {
  std::string name;
  Location from;
  Location to;
  DeletePolicy delete_policy = DeletePolicy::kNever;
  std::chrono::milliseconds every{300'000};  // from the start of a pass to that of the next
  std::uint32_t keep_runs = 100;             // that are over
  std::string state_dir;  // absolute; empty: below /var/lib/skybridge, or of the user
};

struct Config {
  std::string file;  // empty: there is none
  std::optional<VaultConfig> vault;
  std::map<std::string, RemoteConfig> remotes;
  std::map<std::string, MountConfig> mounts;
  std::map<std::string, MirrorConfig> mirrors;
};

struct ConfigSource {
  std::string file;               // for messages
  bool literals_allowed = false;  // nobody else can read it: a secret may stand in it as it is
};

// Errors: kInvalidArgument; kPermissionDenied for a literal secret in a file that others may read.
Result<Config> ParseConfig(std::string_view text, const ConfigSource& source);

// Reads `explicit_file` if it is not empty, else $SKYBRIDGE_CONFIG, else
// ~/.config/skybridge/config.json, else /etc/skybridge/config.json. The first two must exist;
// without any file the Config is empty. Errors: kNotFound, kPermissionDenied, kIo, and
// ParseConfig's.
Result<Config> LoadConfig(const std::string& explicit_file, const Environment& environment);

}  // namespace skybridge
