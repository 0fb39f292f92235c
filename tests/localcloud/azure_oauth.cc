#include "tests/localcloud/azure_oauth.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/time_text.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

using Json = nlohmann::json;

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

// An HTML form's fields: like a query, but '+' is a blank.
Query ParseForm(std::string body) {
  std::string with_blanks;
  for (const char c : body) {
    if (c == '+') {
      with_blanks += "%20";
    } else {
      with_blanks += c;
    }
  }
  return Query(with_blanks);
}

bool IsStorageScope(const Query& form, bool v2) {
  std::string audience = form.Get(v2 ? "scope" : "resource");
  if (v2) {
    if (!audience.ends_with("/.default")) return false;
    audience.resize(audience.size() - std::string_view("/.default").size());
  }
  while (audience.ends_with('/')) audience.pop_back();
  return audience == "https://storage.azure.com" ||
         (audience.starts_with("https://") && audience.ends_with(".core.windows.net"));
}

std::int64_t EpochSeconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

Response IssuePrincipalToken(const Request& request, const TokenOptions& options,
                             const TokenIssuer& issuer, WallTime now) {
  const std::vector<std::string_view> path = Split(request.raw_path, '/');
  const std::string tenant(path.size() > 1 ? path[1] : "");
  const bool v2 = request.raw_path.ends_with("/v2.0/token");
  if (!request.headers.Get("Content-Type").starts_with("application/x-www-form-urlencoded")) {
    return OauthError(400, "invalid_request", 900144, "The request body must be a form.", now);
  }
  const Query form = ParseForm(request.body);
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
  if (form.Get("client_secret").empty() || form.Get("client_secret") != principal->client_secret) {
    return OauthError(401, "invalid_client", 7000215, "Invalid client secret provided.", now);
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
  const auto refuse = [](const std::string& text) {
    return JsonReply(400, {{"error", "invalid_request"}, {"error_description", text}});
  };
  const Query query(request.raw_query);
  if (Lower(request.headers.Get("Metadata")) != "true")
    return refuse("Required metadata header not specified");
  if (!query.Has("api-version"))
    return refuse("Required query variable 'api-version' not specified");
  std::string resource = query.Get("resource");
  while (resource.ends_with('/')) resource.pop_back();
  if (resource != "https://storage.azure.com") return refuse("Resource is not known: " + resource);
  const std::string wanted = query.Get("client_id");
  if (options.managed_client_id.empty() ||
      (!wanted.empty() && wanted != options.managed_client_id)) {
    return refuse("Identity not found");
  }
  const WallTime expires = now + options.token_lifetime;
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
