#include "cli/azure_identity.h"

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "backends/azure/azure_cli.h"
#include "backends/azure/client_assertion.h"
#include "backends/azure/clouds.h"
#include "backends/azure/managed_identity.h"
#include "backends/azure/oauth.h"
#include "backends/azure/sas.h"
#include "backends/azure/shared_key.h"
#include "backends/azure/token_chain.h"
#include "cli/vault_secrets.h"
#include "core/config_environment.h"

namespace skybridge::cli {
namespace {

using azure::ChainLink;
using azure::TokenSource;
using Request = AzureIdentityRequest;
using SourceResult = Result<std::unique_ptr<TokenSource>>;

std::string Variable(const Request& request, const char* name) {
  return request.environment.Get(name).value_or("");
}

Result<Secret> Resolved(const SecretReference& secret, const Request& request) {
  return secret.Resolve(request.environment, request.vault.get(), request.context);
}

// The configured host, then the environment's if it applies, then that of the endpoint's cloud.
enum class AuthorityFrom { kConfiguration, kAlsoEnvironment };
Result<std::string> AuthorityFor(const Request& request, AuthorityFrom from) {
  if (!request.auth.authority_host.empty()) return request.auth.authority_host;
  if (from == AuthorityFrom::kAlsoEnvironment) {
    std::string authority = TRY(AuthorityFromEnvironment(request.environment));
    if (!authority.empty()) return authority;
  }
  return azure::AuthorityOf(request.uri.dfs_endpoint, request.account_endpoint);
}

SourceResult MakePrincipal(azure::ServicePrincipal principal, const Request& request) {
  auto source =
      azure::ServicePrincipalSource::Make(std::move(principal), request.transport, request.clock);
  if (!source) return Fail(source.error());
  return *std::move(source);
}

Result<std::shared_ptr<azure::ClientAssertion>> ReadCertificate(const SecretReference& certificate,
                                                                const SecretReference& pass_phrase,
                                                                bool send_chain,
                                                                const Request& request) {
  azure::CertificateOptions options;
  options.send_chain = send_chain;
  options.pem = TRY(Resolved(certificate, request));
  if (pass_phrase.has_value()) options.pass_phrase = TRY(Resolved(pass_phrase, request));
  std::shared_ptr<azure::ClientAssertion> assertion =
      TRY(azure::CertificateAssertion::Make(options));
  return assertion;
}

SourceResult ConfiguredPrincipal(const Request& request) {
  azure::ServicePrincipal principal;
  principal.authority = TRY(AuthorityFor(request, AuthorityFrom::kConfiguration));
  principal.tenant_id = request.auth.tenant_id;
  principal.client_id = request.auth.client_id;
  if (request.auth.client_certificate.has_value()) {
    principal.assertion =
        TRY(ReadCertificate(request.auth.client_certificate, request.auth.pass_phrase,
                            request.auth.send_certificate_chain, request));
    return MakePrincipal(std::move(principal), request);
  }
  return MakeServicePrincipalSource(
      {std::move(principal), request.auth.client_secret, request.vault}, request.transport,
      request.environment, request.clock, request.context);
}

SourceResult WorkloadIdentity(const Request& request) {
  const auto either = [&](const std::string& configured, const char* variable) {
    return configured.empty() ? Variable(request, variable) : configured;
  };
  const std::string file = either(request.auth.federated_token_file, "AZURE_FEDERATED_TOKEN_FILE");
  azure::ServicePrincipal principal;
  principal.authority = TRY(AuthorityFor(request, AuthorityFrom::kAlsoEnvironment));
  principal.tenant_id = either(request.auth.tenant_id, "AZURE_TENANT_ID");
  principal.client_id = either(request.auth.client_id, "AZURE_CLIENT_ID");
  if (file.empty() || principal.tenant_id.empty() || principal.client_id.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "workload identity needs tenant_id, client_id and federated_token_file, or "
                "AZURE_TENANT_ID, "
                "AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE");
  }
  principal.assertion = std::make_shared<azure::FederatedTokenFile>(file);
  return MakePrincipal(std::move(principal), request);
}

SourceResult ManagedIdentity(const Request& request, azure::ManagedIdentityOptions options) {
  options.service = azure::FindManagedIdentity(request.environment);
  auto source =
      azure::ManagedIdentitySource::Make(std::move(options), request.transport, request.clock);
  if (!source) return Fail(source.error());
  return *std::move(source);
}

SourceResult AzureCli(const Request& request) {
  auto source = azure::AzureCliSource::Make({.tenant_id = request.auth.tenant_id}, request.clock);
  if (!source) return Fail(source.error());
  return *std::move(source);
}

// "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET are not set"; "" if all are.
std::string Missing(const Request& request, std::initializer_list<const char*> names) {
  std::vector<std::string> missing;
  for (const char* name : names) {
    if (!request.environment.Get(name)) missing.emplace_back(name);
  }
  if (missing.empty()) return {};
  return fmt::format("{} {} not set", fmt::join(missing, " and "),
                     missing.size() == 1 ? "is" : "are");
}

SourceResult EnvironmentPrincipal(const Request& request) {
  azure::ServicePrincipal principal;
  principal.authority = TRY(AuthorityFor(request, AuthorityFrom::kAlsoEnvironment));
  principal.tenant_id = Variable(request, "AZURE_TENANT_ID");
  principal.client_id = Variable(request, "AZURE_CLIENT_ID");
  if (request.environment.Get("AZURE_CLIENT_SECRET")) {
    principal.client_secret = Secret(Variable(request, "AZURE_CLIENT_SECRET"));
    return MakePrincipal(std::move(principal), request);
  }
  const std::string path = "file:" + Variable(request, "AZURE_CLIENT_CERTIFICATE_PATH");
  const auto certificate = TRY(SecretReference::Parse(path, "AZURE_CLIENT_CERTIFICATE_PATH"));
  SecretReference phrase;
  if (request.environment.Get("AZURE_CLIENT_CERTIFICATE_PASSWORD")) {
    phrase = SecretReference::FromEnvironment("AZURE_CLIENT_CERTIFICATE_PASSWORD");
  }
  const std::string chain = Variable(request, "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN");
  principal.assertion =
      TRY(ReadCertificate(certificate, phrase, chain == "1" || chain == "true", request));
  return MakePrincipal(std::move(principal), request);
}

// A link of the chain whose variables are set must work: a fault in it is an error.
template <class Make>
Status AddLink(std::vector<ChainLink>& links, const std::string& name, std::string why_not,
               Make make) {
  ChainLink link{.name = name, .source = nullptr, .why_not = std::move(why_not)};
  if (link.why_not.empty()) {
    auto source = make();
    if (!source) {
      source.error().message = fmt::format("{}: {}", name, source.error().message);
      return Fail(source.error());
    }
    link.source = *std::move(source);
  }
  links.push_back(std::move(link));
  return {};
}

// The order of the Azure SDKs' DefaultAzureCredential.
SourceResult DefaultChain(const Request& request) {
  std::vector<ChainLink> links;
  if (!request.auth.no_account_key.empty())
    links.push_back({"account key or SAS", nullptr, request.auth.no_account_key});
  const auto from_environment = [&] { return EnvironmentPrincipal(request); };
  TRY_VOID(AddLink(links, "client secret",
                   Missing(request, {"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"}),
                   from_environment));
  TRY_VOID(AddLink(
      links, "client certificate",
      Missing(request, {"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_CERTIFICATE_PATH"}),
      from_environment));
  TRY_VOID(AddLink(
      links, "workload identity",
      Missing(request, {"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"}),
      [&] { return WorkloadIdentity(request); }));
  TRY_VOID(AddLink(links, "managed identity", "", [&] {
    azure::ManagedIdentityOptions options{.probe = true};
    const auto service = azure::FindManagedIdentity(request.environment);
    const bool chooses = service.kind != azure::ManagedIdentityKind::kAzureArc &&
                         service.kind != azure::ManagedIdentityKind::kCloudShell;
    if (chooses) options.client_id = Variable(request, "AZURE_CLIENT_ID");
    return ManagedIdentity(request, std::move(options));
  }));
  TRY_VOID(AddLink(links, "Azure CLI", "", [&] { return AzureCli(request); }));
  return std::make_unique<azure::TokenChain>(std::move(links));
}

SourceResult MakeSource(const Request& request) {
  switch (request.auth.type) {
    case AuthType::kServicePrincipal:
      return ConfiguredPrincipal(request);
    case AuthType::kWorkloadIdentity:
      return WorkloadIdentity(request);
    case AuthType::kManagedIdentity:
      return ManagedIdentity(request, {.client_id = request.auth.client_id,
                                       .object_id = request.auth.object_id,
                                       .resource_id = request.auth.resource_id});
    case AuthType::kAzureCli:
      return AzureCli(request);
    case AuthType::kDefault:
      return DefaultChain(request);
    default:
      return Fail(ErrorCode::kInternal, "this way to authenticate is not one of Azure's");
  }
}

}  // namespace

Result<std::shared_ptr<azure::Credential>> MakeAzureCredential(
    const AzureIdentityRequest& request) {
  using Shared = std::shared_ptr<azure::Credential>;
  if (request.auth.type == AuthType::kNone)
    return Shared(std::make_shared<azure::AnonymousCredential>());
  if (request.auth.type == AuthType::kSharedKey) {
    const Secret key = TRY(Resolved(request.auth.account_key, request));
    Shared credential = TRY(azure::SharedKeyCredential::Make(request.uri.account, key.Reveal()));
    return credential;
  }
  if (request.auth.type == AuthType::kSas) {
    const Secret sas = TRY(Resolved(request.auth.sas_token, request));
    Shared credential = TRY(azure::SasCredential::Make(sas.Reveal(), request.clock));
    return credential;
  }
  auto source = TRY(MakeSource(request));
  return Shared(std::make_shared<azure::BearerCredential>(std::move(source), request.clock));
}

}  // namespace skybridge::cli
