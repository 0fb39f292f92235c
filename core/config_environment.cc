#include "core/config_environment.h"

#include <initializer_list>
#include <utility>

#include <fmt/format.h>

#include "core/service_endpoint.h"

namespace skybridge {
namespace {

std::string FirstOf(std::initializer_list<const char*> names, const Environment& environment) {
  for (const char* name : names) {
    if (auto value = environment.Get(name)) return *std::move(value);
  }
  return {};
}

Result<std::string> EndpointFrom(const char* name, EndpointPath path,
                                 const Environment& environment) {
  const auto text = environment.Get(name);
  if (!text) return std::string();
  // AZURE_AUTHORITY_HOST is written with and without its scheme.
  const std::string url = text->find("://") == std::string::npos ? "https://" + *text : *text;
  auto endpoint = ParseServiceEndpoint(url, path);
  if (!endpoint)
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}", name, endpoint.error().message));
  if (!endpoint->tls && !endpoint->is_loopback()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: plain http is allowed to this machine only", name));
  }
  return endpoint->url;
}

AuthConfig AzureAuth(const AzureUri& uri, const Environment& environment) {
  const auto account = environment.Get("AZURE_STORAGE_ACCOUNT");
  const bool account_fits = !account || *account == uri.account;
  AuthConfig auth;
  if (account_fits && environment.Get("AZURE_STORAGE_KEY")) {
    auth.type = AuthType::kSharedKey;
    auth.account_key = SecretReference::FromEnvironment("AZURE_STORAGE_KEY");
    return auth;
  }
  if (account_fits && environment.Get("AZURE_STORAGE_SAS_TOKEN")) {
    auth.type = AuthType::kSas;
    auth.sas_token = SecretReference::FromEnvironment("AZURE_STORAGE_SAS_TOKEN");
    return auth;
  }
  auth.type = AuthType::kDefault;
  auth.no_account_key =
      account_fits ? "AZURE_STORAGE_KEY and AZURE_STORAGE_SAS_TOKEN are not set"
                   : fmt::format("AZURE_STORAGE_ACCOUNT is '{}', not '{}'", *account, uri.account);
  return auth;
}

}  // namespace

Result<std::string> AuthorityFromEnvironment(const Environment& environment) {
  return EndpointFrom("AZURE_AUTHORITY_HOST", EndpointPath::kAllowed, environment);
}

Result<AuthConfig> AuthFromEnvironment(const Uri& uri, const Environment& environment) {
  if (const auto* azure = std::get_if<AzureUri>(&uri)) return AzureAuth(*azure, environment);
  if (std::holds_alternative<OciUri>(uri)) {
    return AuthConfig{
        .type = AuthType::kConfigFile,
        .config_file = FirstOf({"OCI_CLI_CONFIG_FILE", "OCI_CONFIG_FILE"}, environment),
        .profile = FirstOf({"OCI_CLI_PROFILE"}, environment)};
  }
  return AuthConfig{.type = AuthType::kNone};
}

Result<RemoteConfig> RemoteFromEnvironment(const Uri& uri, const Environment& environment) {
  RemoteConfig remote{.uri = uri};
  remote.auth = TRY(AuthFromEnvironment(uri, environment));
  if (const auto* oci = std::get_if<OciUri>(&uri)) {
    remote.region =
        oci->region.empty() ? FirstOf({"OCI_CLI_REGION", "OCI_REGION"}, environment) : oci->region;
    remote.endpoint = TRY(EndpointFrom("OCI_CLI_ENDPOINT", EndpointPath::kRefused, environment));
    remote.ca_file = FirstOf({"OCI_CLI_CERT_BUNDLE"}, environment);
  }
  return remote;
}

}  // namespace skybridge
