#include "tests/unit/localcloud/azure_caller.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "core/encoding.h"
#include "core/time_text.h"
#include "tests/localcloud/azure_auth.h"
#include "tests/localcloud/reply_source.h"

namespace skybridge::localcloud::testing {

AzureCaller::AzureCaller() : storage_(MakeMemoryStorage()) { Start(); }

AzureCaller::AzureCaller(std::string directory) : directory_(std::move(directory)) { Restart(); }

AzureCaller::AzureCaller(azure::ListingOptions listing)
    : listing_(listing), storage_(MakeMemoryStorage()) {
  Start();
}

AzureCaller::AzureCaller(azure::EventOptions events)
    : events_(std::move(events)), storage_(MakeMemoryStorage()) {
  Start();
}

AzureCaller::AzureCaller(azure::LimitOptions limits)
    : limits_(limits), storage_(MakeMemoryStorage()) {
  Start();
}

void AzureCaller::Restart() {
  queues_.reset();
  service_.reset();
  storage_.reset();
  auto storage = MakeDirectoryStorage(directory_);
  ASSERT_TRUE(storage) << storage.error().message;
  storage_ = *std::move(storage);
  Start();
}

void AzureCaller::Start() {
  AzureOptions options;
  options.accounts = {
      {.name = "lake", .key = kAzureEmulatorKey, .hierarchical = true, .containers = {"fs"}},
      {.name = kAzureEmulatorAccount, .key = kAzureEmulatorKey, .containers = {"box"}}};
  options.tokens.principals = {
      {.tenant_id = kTenant, .client_id = kClient, .client_secret = kSecret, .object_id = kObject}};
  options.tokens.managed_client_id = kClient;
  options.tokens.managed_object_id = kObject;
  options.listing = listing_;
  options.limits = limits_;
  for (AzureAccountOptions& account : options.accounts) account.events = events_;
  auto service = AzureService::Make(options, *storage_, clock_);
  ASSERT_TRUE(service) << service.error().message;
  service_ = *std::move(service);
  queues_ = service_->MakeQueueService();
}

Request AzureCaller::MakeRequest(const std::string& method, const std::string& target,
                                 const CallOptions& options) const {
  Request request{.method = method, .raw_target = "/" + options.account + target};
  const std::size_t query = request.raw_target.find('?');
  request.raw_path = request.raw_target.substr(0, query);
  if (query != std::string::npos) request.raw_query = request.raw_target.substr(query + 1);
  request.body = options.body;
  request.headers.Add("Host", "127.0.0.1:10000");
  if (method != "GET" && method != "HEAD" && method != "DELETE") {
    request.headers.Add("Content-Length", std::to_string(options.body.size()));
  }
  for (const auto& [name, value] : options.headers) request.headers.Add(name, value);
  if (request.headers.Find("x-ms-version") == nullptr) {
    request.headers.Add("x-ms-version", "2023-11-03");
  }
  return request;
}

void AzureCaller::Sign(Request& request, const std::string& account) const {
  if (request.headers.Find("x-ms-date") == nullptr) {
    request.headers.Add("x-ms-date", FormatHttpDate(clock_.WallNow()));
  }
  const azure::Target target =
      azure::ParseTarget(request, [&](std::string_view name) { return name == account; });
  const std::string text = azure::SharedKeyStringToSign(request, target, account);
  const std::string key = *Base64Decode(kAzureEmulatorKey);
  request.headers.Add("Authorization", "SharedKey " + account + ":" +
                                           Base64Encode(HmacSha256(AsBytes(key), AsBytes(text))));
}

Response AzureCaller::Send(const std::string& method, const std::string& target,
                           CallOptions options) {
  Request request = MakeRequest(method, target, options);
  if (options.sign) Sign(request, options.account);
  return options.queue ? queues_->Handle(request) : service_->Handle(request);
}

void AzureCaller::CreateFile(const std::string& path, const std::string& content) {
  EXPECT_EQ(Send("PUT", "/fs/" + path + "?resource=file").status, 201) << path;
  if (content.empty()) return;
  const std::string file = "/fs/" + path;
  EXPECT_EQ(Send("PATCH", file + "?action=append&position=0", {.body = content}).status, 202);
  const std::string flush = file + "?action=flush&position=" + std::to_string(content.size());
  EXPECT_EQ(Send("PATCH", flush).status, 200);
}

void AzureCaller::CreateDirectory(const std::string& path) {
  EXPECT_EQ(Send("PUT", "/fs/" + path + "?resource=directory").status, 201) << path;
}

std::string AzureCaller::Read(const std::string& path) {
  const Response response = Send("GET", "/fs/" + path);
  return response.status == 200 ? BodyOf(response) : "<" + std::to_string(response.status) + ">";
}

std::string AzureCaller::Etag(const std::string& path) {
  return std::string(Send("HEAD", "/fs/" + path).headers.Get("ETag"));
}

std::vector<std::string> AzureCaller::List(const std::string& directory, bool recursive, int page) {
  std::vector<std::string> names;
  std::string continuation;
  do {
    std::string target =
        "/fs?resource=filesystem&recursive=" + std::string(recursive ? "true" : "false") +
        "&maxResults=" + std::to_string(page);
    if (!directory.empty()) target += "&directory=" + PercentEncode(directory);
    if (!continuation.empty()) target += "&continuation=" + PercentEncode(continuation);
    const Response response = Send("GET", target);
    EXPECT_EQ(response.status, 200) << BodyOf(response);
    if (response.status != 200) break;
    const auto json = nlohmann::json::parse(BodyOf(response));
    for (const auto& path : json["paths"]) names.push_back(path["name"]);
    continuation = response.headers.Get("x-ms-continuation");
  } while (!continuation.empty());
  return names;
}

Response AzureCaller::RequestToken(const std::string& form) {
  Request request{.method = "POST", .body = form};
  request.raw_path = request.raw_target = "/" + std::string(kTenant) + "/oauth2/v2.0/token";
  request.headers.Add("Content-Type", "application/x-www-form-urlencoded");
  return service_->Handle(request);
}

std::string AzureCaller::Token() {
  const Response response =
      RequestToken("grant_type=client_credentials&client_id=" + std::string(kClient) +
                   "&client_secret=" + PercentEncode(kSecret) +
                   "&scope=https%3A%2F%2Fstorage.azure.com%2F.default");
  EXPECT_EQ(response.status, 200) << response.body;
  return nlohmann::json::parse(response.body).value("access_token", "");
}

std::string BodyOf(const Response& response) {
  std::string body;
  for (const std::string_view part : BodyParts(response)) body += part;
  return body;
}

std::string CodeOf(const Response& response) {
  return std::string(response.headers.Get("x-ms-error-code"));
}

}  // namespace skybridge::localcloud::testing
