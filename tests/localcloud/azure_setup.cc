#include "tests/localcloud/azure_setup.h"

#include <fstream>
#include <sstream>
#include <utility>

#include <openssl/rand.h>
#include <nlohmann/json.hpp>

#include "core/encoding.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud {
namespace {

constexpr std::size_t kAccountKeyBytes = 64;  // as the service makes them
constexpr std::size_t kSecretBytes = 24;

std::string RandomBytes(std::size_t count) {
  std::string bytes(count, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count));
  return bytes;
}

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail(ErrorCode::kNotFound, "cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

AzureSetup CompleteAzureSetup(AzureSetup setup) {
  if (setup.lake_key.empty()) setup.lake_key = Base64Encode(AsBytes(RandomBytes(kAccountKeyBytes)));
  if (setup.tenant_id.empty()) setup.tenant_id = azure::NewGuid();
  if (setup.client_id.empty()) setup.client_id = azure::NewGuid();
  if (setup.client_secret.empty())
    setup.client_secret = Base64UrlEncode(AsBytes(RandomBytes(kSecretBytes)));
  if (setup.federated_token.empty())
    setup.federated_token = Base64UrlEncode(AsBytes(RandomBytes(kSecretBytes)));
  return setup;
}

Result<AzureOptions> MakeAzureOptions(const AzureSetup& setup) {
  AzureOptions options;
  options.accounts = {
      {.name = setup.lake_account,
       .key = setup.lake_key,
       .hierarchical = true,
       .containers = setup.filesystems},
      {.name = kAzureEmulatorAccount, .key = kAzureEmulatorKey, .containers = setup.containers}};
  options.tokens.principals = {{.tenant_id = setup.tenant_id,
                                .client_id = setup.client_id,
                                .client_secret = setup.client_secret,
                                .object_id = setup.client_id,
                                .federated_token = setup.federated_token}};
  if (!setup.client_certificate.empty()) {
    options.tokens.principals.front().certificate_pem = TRY(ReadFile(setup.client_certificate));
  }
  options.tokens.managed_client_id = setup.client_id;
  options.tokens.managed_object_id = setup.client_id;
  options.listing = setup.listing;
  for (AzureAccountOptions& account : options.accounts) account.events = setup.events;
  return options;
}

std::string DescribeAzure(const AzureSetup& setup, const std::string& url,
                          const std::string& queue_url) {
  const auto account = [&](const std::string& name, const std::string& key, bool hierarchical) {
    return nlohmann::json{{"name", name},
                          {"key", key},
                          {"hierarchical", hierarchical},
                          {"url", url + "/" + name},
                          {"queue_url", queue_url + "/" + name}};
  };
  const nlohmann::json description{
      {"endpoint", url},
      {"accounts",
       {account(setup.lake_account, setup.lake_key, true),
        account(kAzureEmulatorAccount, kAzureEmulatorKey, false)}},
      {"service_principal",
       {{"authority", url},
        {"tenant_id", setup.tenant_id},
        {"client_id", setup.client_id},
        {"client_secret", setup.client_secret},
        {"federated_token", setup.federated_token}}},
      {"managed_identity", {{"endpoint", url}, {"client_id", setup.client_id}}}};
  return description.dump();
}

}  // namespace skybridge::localcloud
