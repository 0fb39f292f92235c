#include "backends/azure/oauth.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "backends/azure/error.h"
#include "backends/azure/url.h"
#include "core/encoding.h"
#include "core/log.h"

namespace skybridge::azure {
namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr std::chrono::minutes kRefreshLead{5};

// A number, or a number written as text (managed identities answer so).
std::optional<std::int64_t> Seconds(const nlohmann::json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end()) return std::nullopt;
  if (member->is_number_integer()) return member->get<std::int64_t>();
  if (!member->is_string()) return std::nullopt;
  const auto& text = member->get_ref<const std::string&>();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string Text(const nlohmann::json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

// {"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret ...\r\nTrace ID: ..."}
Error TokenRefusal(const HttpResponse& response, WallTime now) {
  const auto body = nlohmann::json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  const std::string code = body.is_object() ? Text(body, "error") : std::string();
  const std::string description = body.is_object() ? Text(body, "error_description") : std::string();
  const Meaning meaning = response.status == 400 ? Meaning{.code = ErrorCode::kUnauthenticated, .retryable = false}
                                                 : MeaningOf(response.status, {});
  std::string reason = description.substr(0, description.find_first_of("\r\n"));
  if (reason.empty()) reason = code.empty() ? "it gave no reason" : code;
  return Error{.code = meaning.code,
               .message = fmt::format("the token authority refused: {}", reason),
               .retryable = meaning.retryable,
               .remote = {.http_status = response.status,
                          .service_code = code,
                          .request_id = std::string(response.headers.Get("x-ms-request-id"))},
               .retry_after = RetryAfter(response.headers, now)};
}

}  // namespace

std::string MakeTokenForm(const ServicePrincipal& principal) {
  return "grant_type=client_credentials&client_id=" + PercentEncode(principal.client_id) +
         "&client_secret=" + PercentEncode(principal.client_secret.Reveal()) +
         "&scope=" + PercentEncode(principal.scope);
}

HttpRequest MakeTokenRequest(const ServicePrincipal& principal, std::string_view form) {
  HttpRequest request{.operation = "azure.token",
                      .method = "POST",
                      .url = principal.authority + "/" + PercentEncode(principal.tenant_id) + "/oauth2/v2.0/token",
                      .body = AsBytes(form)};
  request.headers.Add("Content-Type", "application/x-www-form-urlencoded");
  request.headers.Add("Accept", "application/json");
  return request;
}

Result<AccessToken> ParseTokenReply(const HttpResponse& response, MonotonicTime asked, WallTime now) {
  if (response.status != 200) return Fail(TokenRefusal(response, now));
  const auto body = nlohmann::json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  std::string token = body.is_object() ? Text(body, "access_token") : std::string();
  const auto lifetime = body.is_object() ? Seconds(body, "expires_in") : std::nullopt;
  if (token.empty() || !lifetime || *lifetime <= 0) {
    return Fail(ErrorCode::kCorrupt, "the token authority's answer has no access_token or no expires_in");
  }
  const std::chrono::seconds whole(*lifetime);
  // A token shorter than the lead is refreshed at half its life.
  std::chrono::seconds fresh = std::max<std::chrono::seconds>(whole - kRefreshLead, whole / 2);
  if (const auto refresh_in = Seconds(body, "refresh_in"); refresh_in && *refresh_in > 0) {
    fresh = std::min(fresh, std::chrono::seconds(*refresh_in));
  }
  return AccessToken{.value = Secret(std::move(token)), .expires = asked + whole, .refresh_at = asked + fresh};
}

Result<std::unique_ptr<ServicePrincipalSource>> ServicePrincipalSource::Make(ServicePrincipal principal,
                                                                             HttpTransport& transport,
                                                                             const Clock& clock) {
  while (principal.authority.ends_with('/')) principal.authority.pop_back();
  if (!IsSafeForSecrets(principal.authority)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the authority '{}' must be https (plain http only to this machine)", principal.authority));
  }
  if (principal.tenant_id.empty() || principal.client_id.empty() || principal.client_secret.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a service principal needs tenant_id, client_id and client_secret");
  }
  return std::unique_ptr<ServicePrincipalSource>(new ServicePrincipalSource(std::move(principal), transport, clock));
}

Result<AccessToken> ServicePrincipalSource::Fetch(const CallContext& context) {
  const Secret form(MakeTokenForm(principal_));
  const MonotonicTime asked = clock_.Now();
  const HttpResponse response = TRY(transport_.Send(MakeTokenRequest(principal_, form.Reveal()), context));
  return ParseTokenReply(response, asked, clock_.WallNow());
}

Status BearerCredential::Authorize(HttpRequest& request, const CallContext& context) {
  if (!IsSafeForSecrets(request.url)) {
    return Fail(ErrorCode::kInvalidArgument, "a token must not travel over plain http");
  }
  const std::string token = TRY(CurrentToken(context));
  request.headers.Set("Authorization", std::string(kBearer) + token);
  return {};
}

Result<std::string> BearerCredential::CurrentToken(const CallContext& context) {
  MutexLock lock(mutex_);
  for (;;) {
    const MonotonicTime now = clock_.Now();
    const bool wanted = !Usable(now) || (now >= token_->refresh_at && now >= next_refresh_);
    if (Usable(now) && (!wanted || fetching_)) return std::string(token_->value.Reveal());
    if (fetching_) {
      TRY_VOID(WaitForFetch(context));
      continue;
    }
    fetching_ = true;
    lock.Unlock();
    auto fresh = source_->Fetch(context);
    lock.Lock();
    fetching_ = false;
    fetched_.NotifyAll();
    if (fresh) {
      token_ = *std::move(fresh);
    } else if (Usable(clock_.Now())) {
      next_refresh_ = clock_.Now() + kRefreshPause;
      Log(LogLevel::kWarning, "azure: the token is still valid but was not renewed: {}", fresh.error().ToString());
    } else {
      return Fail(fresh.error());
    }
  }
}

Status BearerCredential::WaitForFetch(const CallContext& context) {
  // The clock of the context may not be the machine's: look at both in short steps.
  constexpr std::chrono::milliseconds kStep{50};
  while (fetching_) {
    if (context.stop.stop_requested()) return Fail(ErrorCode::kCancelled, "stopped while waiting for a token");
    if (clock_.Now() >= context.deadline) {
      return Fail(Error{.code = ErrorCode::kTimedOut, .message = "no token came in time", .retryable = true});
    }
    fetched_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kStep);
  }
  return {};
}

bool BearerCredential::Refused(const HttpRequest& request) {
  std::string_view carried = request.headers.Get("Authorization");
  if (!carried.starts_with(kBearer)) return false;
  carried.remove_prefix(kBearer.size());
  MutexLock lock(mutex_);
  if (token_ && token_->value.Reveal() == carried) token_.reset();
  return true;
}

}  // namespace skybridge::azure
