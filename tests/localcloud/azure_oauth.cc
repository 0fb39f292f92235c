#include "tests/localcloud/azure_oauth.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/time_text.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kAppServicePath = "/msi/token";
constexpr std::string_view kAppService2017 = "2017-09-01";
constexpr std::string_view kArcVersion = "2019-11-01";

Response JsonReply(int status, const Json& body) {
  Response response{.status = status,
                    .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)};
  response.headers.Add("Content-Type", "application/json; charset=utf-8");
  response.headers.Add("Cache-Control", "no-store");
  return response;
}

Response OauthError(int status, const std::string& error, int number, const std::string& text,
                    WallTime now) {
  return JsonReply(status, {{"error", error},
                            {"error_description", "AADSTS" + std::to_string(number) + ": " + text},
                            {"error_codes", {number}},
                            {"timestamp", FormatRfc3339(now, 0)},
                            {"trace_id", NewGuid()},
                            {"correlation_id", NewGuid()}});
}

bool IsStorage(std::string_view audience) {
  while (audience.ends_with('/')) audience.remove_suffix(1);
  return audience == "https://storage.azure.com" ||
         (audience.starts_with("https://") && audience.ends_with(".core.windows.net"));
}

// A scope is one resource with all its permissions and, beside it, words of OpenID Connect that mean
// nothing for a client without a user: Microsoft's library for Go always sends them (seen
// 2026-11-29).
bool IsStorageScope(const Query& form, bool v2) {
  if (!v2) return IsStorage(form.Get("resource"));
  constexpr std::string_view kAll = "/.default";
  constexpr std::string_view kOpenId[] = {"openid", "offline_access", "profile", "email"};
  const std::string scope = form.Get("scope");
  int resources = 0;
  for (std::string_view word : Split(scope, ' ')) {
    if (word.empty() ||
        std::find(std::begin(kOpenId), std::end(kOpenId), word) != std::end(kOpenId))
      continue;
    if (!word.ends_with(kAll)) return false;
    word.remove_suffix(kAll.size());
    if (!IsStorage(word)) return false;
    ++resources;
  }
  return resources == 1;
}

std::int64_t EpochSeconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

// "9/14/2017 1:02:03 PM +00:00"
std::string DateText(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(std::chrono::time_point_cast<std::chrono::days>(day));
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  const auto hour = clock.hours().count();
  return fmt::format("{}/{}/{} {}:{:02}:{:02} {} +00:00", unsigned{date.month()},
                     unsigned{date.day()}, int{date.year()}, hour % 12 == 0 ? 12 : hour % 12,
                     clock.minutes().count(), clock.seconds().count(), hour < 12 ? "AM" : "PM");
}

Response RefuseManaged(const std::string& text) {
  return JsonReply(400, {{"error", "invalid_request"}, {"error_description", text}});
}

// The refusal or challenge for a caller that did not show that it runs on the machine.
std::optional<Response> CheckManagedCaller(const Request& request, const Query& query,
                                           const TokenOptions& options) {
  const HttpHeaders& headers = request.headers;
  if (request.raw_path == kAppServicePath) {
    const bool is_2017 = query.Get("api-version") == kAppService2017;
    const std::string_view shown = headers.Get(is_2017 ? "secret" : "X-IDENTITY-HEADER");
    if (!options.app_service_secret.empty() && shown == options.app_service_secret) return {};
    return JsonReply(401, {{"statusCode", 401}, {"message", "Unauthorized"}});
  }
  if (Lower(headers.Get("Metadata")) != "true")
    return RefuseManaged("Required metadata header not specified");
  if (!query.Has("api-version"))
    return RefuseManaged("Required query variable 'api-version' not specified");
  if (query.Get("api-version") != kArcVersion || options.arc_file.empty()) return {};
  if (headers.Get("Authorization") == "Basic " + options.arc_proof) return {};
  Response challenge{.status = 401};
  challenge.headers.Add("WWW-Authenticate", "Basic realm=" + options.arc_file);
  return challenge;
}

}  // namespace

Response DescribeAuthority(const Request& request) {
  const std::vector<std::string_view> path = Split(request.raw_path, '/');
  std::string tenant(SchemeOf(request));
  tenant += request.headers.Get("Host", request.local_address);
  tenant += '/' + std::string(path.size() > 1 ? path[1] : "");
  return JsonReply(200, {{"issuer", tenant + "/v2.0"},
                         {"authorization_endpoint", tenant + "/oauth2/v2.0/authorize"},
                         {"token_endpoint", tenant + "/oauth2/v2.0/token"},
                         {"jwks_uri", tenant + "/discovery/v2.0/keys"},
                         {"token_endpoint_auth_methods_supported",
                          {"client_secret_post", "private_key_jwt", "client_secret_basic"}},
                         {"response_types_supported", {"code"}},
                         {"subject_types_supported", {"pairwise"}},
                         {"id_token_signing_alg_values_supported", {"RS256"}}});
}

Response IssuePrincipalToken(const Request& request, const TokenOptions& options,
                             const TokenIssuer& issuer, WallTime now) {
  const std::vector<std::string_view> path = Split(request.raw_path, '/');
  const std::string tenant(path.size() > 1 ? path[1] : "");
  const bool v2 = request.raw_path.ends_with("/v2.0/token");
  if (!request.headers.Get("Content-Type").starts_with("application/x-www-form-urlencoded")) {
    return OauthError(400, "invalid_request", 900144, "The request body must be a form.", now);
  }
  const Query form(request.body);
  const auto knows_tenant = [&](const ServicePrincipal& one) { return one.tenant_id == tenant; };
  if (std::none_of(options.principals.begin(), options.principals.end(), knows_tenant)) {
    return OauthError(400, "invalid_request", 90002, "Tenant '" + tenant + "' not found.", now);
  }
  if (form.Get("grant_type") != "client_credentials") {
    return OauthError(400, "unsupported_grant_type", 70003,
                      "The app requested an unsupported grant type.", now);
  }
  const auto principal = std::find_if(
      options.principals.begin(), options.principals.end(),
      [&](const auto& one) { return knows_tenant(one) && one.client_id == form.Get("client_id"); });
  if (principal == options.principals.end()) {
    return OauthError(400, "unauthorized_client", 700016,
                      "Application was not found in the directory.", now);
  }
  if (const auto refusal = CheckClientProof(form, *principal, request.raw_path, now)) {
    return OauthError(refusal->status, "invalid_client", refusal->number, refusal->text, now);
  }
  if (!IsStorageScope(form, v2))
    return OauthError(400, "invalid_scope", 70011, "The scope is not valid.", now);
  const WallTime expires = now + options.token_lifetime;
  Json body{
      {"token_type", "Bearer"},
      {"expires_in", options.token_lifetime.count()},
      {"ext_expires_in", options.token_lifetime.count()},
      {"access_token", issuer.Issue(principal->object_id, principal->tenant_id, now, expires)}};
  if (!v2) body["expires_on"] = std::to_string(EpochSeconds(expires));
  return JsonReply(200, body);
}

Response IssueManagedToken(const Request& request, const TokenOptions& options,
                           const TokenIssuer& issuer, WallTime now) {
  const auto refuse = RefuseManaged;
  const Query query(request.raw_query);
  if (auto challenge = CheckManagedCaller(request, query, options)) return *std::move(challenge);
  std::string resource = query.Get("resource");
  while (resource.ends_with('/')) resource.pop_back();
  if (resource != "https://storage.azure.com") return refuse("Resource is not known: " + resource);
  const auto differs = [&](const char* name, const std::string& known) {
    return query.Has(name) && query.Get(name) != known;
  };
  if (options.managed_client_id.empty() || differs("client_id", options.managed_client_id) ||
      differs("clientid", options.managed_client_id) ||
      differs("object_id", options.managed_object_id)) {
    return refuse("Identity not found");
  }
  const WallTime expires = now + options.token_lifetime;
  if (request.raw_path == kAppServicePath && query.Get("api-version") == kAppService2017) {
    return JsonReply(200,
                     {{"access_token", issuer.Issue(options.managed_object_id, "", now, expires)},
                      {"expires_on", DateText(expires)},
                      {"resource", query.Get("resource")},
                      {"token_type", "Bearer"}});
  }
  // All numbers are strings here.
  return JsonReply(200,
                   {{"access_token", issuer.Issue(options.managed_object_id, "", now, expires)},
                    {"client_id", options.managed_client_id},
                    {"expires_in", std::to_string(options.token_lifetime.count())},
                    {"expires_on", std::to_string(EpochSeconds(expires))},
                    {"resource", query.Get("resource")},
                    {"token_type", "Bearer"}});
}

}  // namespace skybridge::localcloud::azure
