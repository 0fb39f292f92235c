#include "backends/azure/oauth.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "backends/azure/error.h"
#include "backends/azure/replies.h"
#include "backends/azure/url.h"
#include "backends/identity_failure.h"
#include "core/encoding.h"
#include "core/parse_number.h"

namespace skybridge::azure {
namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr std::chrono::minutes kRefreshLead{5};

// Over a hundred years: a clock plus this still fits into 64 bits of nanoseconds.
constexpr std::int64_t kMostSeconds = 4'000'000'000;

// A number, or a number written as text (managed identities answer so), cut to what can be added to
// a clock.
std::optional<std::int64_t> Seconds(const nlohmann::json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end()) return std::nullopt;
  if (member->is_number_unsigned() && member->get<std::uint64_t>() > kMostSeconds)
    return kMostSeconds;
  if (member->is_number_integer())
    return std::clamp(member->get<std::int64_t>(), -kMostSeconds, kMostSeconds);
  if (!member->is_string()) return std::nullopt;
  const auto& text = member->get_ref<const std::string&>();
  const auto value = ParseNumber<std::int64_t>(text);
  if (!value) return std::nullopt;
  return std::clamp(*value, -kMostSeconds, kMostSeconds);
}

std::optional<int> Number(std::string_view text) {
  const auto value = ParseNumber<std::uint64_t>(text);
  if (!value || *value > 9999) return std::nullopt;
  return static_cast<int>(*value);
}

// Cuts the text up to `separator` off.
std::string_view TakeUpTo(char separator, std::string_view& text) {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

// "9/14/2017 1:02:03 PM +00:00", "06/20/2019 02:57:58 +00:00": the App Service endpoint of 2017,
// with and without halves of the day, always UTC.
std::optional<WallTime> ParseDateText(std::string_view text) {
  using std::chrono::day, std::chrono::month, std::chrono::year;
  const auto month_number = Number(TakeUpTo('/', text));
  const auto day_number = Number(TakeUpTo('/', text));
  const auto year_number = Number(TakeUpTo(' ', text));
  const auto hour = Number(TakeUpTo(':', text));
  const auto minute = Number(TakeUpTo(':', text));
  const auto second = Number(TakeUpTo(' ', text));
  if (!month_number || !day_number || !year_number || !hour || !minute || !second)
    return std::nullopt;
  const bool afternoon = text.starts_with("PM");
  const bool has_halves = afternoon || text.starts_with("AM");
  if (has_halves) TakeUpTo(' ', text);
  const std::chrono::year_month_day date(year(*year_number),
                                         month(static_cast<unsigned>(*month_number)),
                                         day(static_cast<unsigned>(*day_number)));
  if (text != "+00:00" || !date.ok() || *hour > 23 || *minute > 59 || *second > 60)
    return std::nullopt;
  const int of_day = has_halves ? *hour % 12 + (afternoon ? 12 : 0) : *hour;
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(of_day) +
         std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

std::string Text(const nlohmann::json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

std::string TokenUrl(const ServicePrincipal& principal) {
  return principal.authority + "/" + PercentEncode(principal.tenant_id) + "/oauth2/v2.0/token";
}

// expires_in; App Service says only expires_on, in Unix seconds or as a date.
std::optional<std::chrono::seconds> Lifetime(const nlohmann::json& body, WallTime now) {
  if (const auto seconds = Seconds(body, "expires_in")) return std::chrono::seconds(*seconds);
  const auto seconds = Seconds(body, "expires_on");
  const auto end = seconds ? std::optional(WallTime(std::chrono::seconds(*seconds)))
                           : ParseDateText(Text(body, "expires_on"));
  if (!end) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::seconds>(*end - now);
}

// {"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret ...\r\nTrace
// ID: ..."}
Error TokenRefusal(const HttpResponse& response, WallTime now) {
  const auto body = nlohmann::json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  // Not each of those who give tokens sends x-ms-request-id, but all of them speak JSON.
  const bool stranger = !IsFromService(response.headers) && !body.is_object();
  if (stranger && IsMeaninglessFromStrangers(response.status))
    return StrangersAnswer("the token authority", response);
  const std::string code = body.is_object() ? Text(body, "error") : std::string();
  const std::string description =
      body.is_object() ? Text(body, "error_description") : std::string();
  const Meaning meaning = response.status == 400
                              ? Meaning{.code = ErrorCode::kUnauthenticated, .retryable = false}
                              : MeaningOf(response.status, {});
  std::string reason = description.substr(0, description.find_first_of("\r\n"));
  if (reason.empty()) reason = code.empty() ? "it gave no reason" : code;
  // Never kNotFound: to a chain that is an identity that this machine does not have.
  return AsIdentityFailure(
      {.code = meaning.code,
       .message = fmt::format("the token authority refused: {}", reason),
       .retryable = meaning.retryable,
       .remote = {.http_status = response.status,
                  .service_code = code,
                  .request_id = std::string(response.headers.Get("x-ms-request-id"))},
       .retry_after = RetryAfter(response.headers, now)});
}

}  // namespace

Result<Secret> MakeTokenForm(const ServicePrincipal& principal, WallTime now) {
  std::string form =
      "grant_type=client_credentials&client_id=" + PercentEncode(principal.client_id);
  if (principal.assertion != nullptr) {
    const std::string audience = TokenUrl(principal);
    const Secret assertion = TRY(principal.assertion->Make(
        {.audience = audience, .client_id = principal.client_id, .now = now}));
    form +=
        "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&"
        "client_assertion=";
    form += PercentEncode(assertion.Reveal());
  } else {
    form += "&client_secret=" + PercentEncode(principal.client_secret.Reveal());
  }
  form += "&scope=" + PercentEncode(principal.scope);
  return Secret(std::move(form));
}

HttpRequest MakeTokenRequest(const ServicePrincipal& principal, std::string_view form) {
  HttpRequest request{.operation = "azure.token",
                      .method = "POST",
                      .url = TokenUrl(principal),
                      .body = AsBytes(form)};
  request.headers.Add("Content-Type", "application/x-www-form-urlencoded");
  request.headers.Add("Accept", "application/json");
  return request;
}

Result<AccessToken> ParseTokenReply(const HttpResponse& response, MonotonicTime asked,
                                    WallTime now) {
  if (response.status != 200) return Fail(TokenRefusal(response, now));
  const auto body = nlohmann::json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  std::string value = body.is_object() ? Text(body, "access_token") : std::string();
  const auto lifetime = body.is_object() ? Lifetime(body, now) : std::nullopt;
  if (value.empty() || !lifetime || *lifetime <= std::chrono::seconds(0)) {
    return Fail(Error{.code = ErrorCode::kUnavailable,
                      .message = "the token authority's answer has no access_token or no "
                                 "expires_in: it may be the page of a proxy or portal",
                      .retryable = true,
                      .remote = {.http_status = response.status}});
  }
  AccessToken token = MakeAccessToken(std::move(value), asked, *lifetime);
  if (const auto refresh_in = Seconds(body, "refresh_in"); refresh_in && *refresh_in > 0) {
    token.refresh_at = std::min(token.refresh_at, asked + std::chrono::seconds(*refresh_in));
  }
  return token;
}

AccessToken MakeAccessToken(std::string&& value, MonotonicTime asked,
                            std::chrono::seconds lifetime) {
  const std::chrono::seconds fresh =
      std::max<std::chrono::seconds>(lifetime - kRefreshLead, lifetime / 2);
  return AccessToken{
      .value = Secret(std::move(value)), .expires = asked + lifetime, .refresh_at = asked + fresh};
}

Result<std::unique_ptr<ServicePrincipalSource>> ServicePrincipalSource::Make(
    ServicePrincipal principal, HttpTransport& transport, const Clock& clock) {
  while (principal.authority.ends_with('/')) principal.authority.pop_back();
  if (!IsSafeForSecrets(principal.authority)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the authority '{}' must be https (plain http only to this machine)",
                            principal.authority));
  }
  const bool proof = !principal.client_secret.empty() || principal.assertion != nullptr;
  if (principal.tenant_id.empty() || principal.client_id.empty() || !proof) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "a service principal needs tenant_id, client_id and client_secret or a certificate");
  }
  return std::unique_ptr<ServicePrincipalSource>(
      new ServicePrincipalSource(std::move(principal), transport, clock));
}

Result<AccessToken> ServicePrincipalSource::Fetch(const CallContext& context) {
  const Secret form = TRY(MakeTokenForm(principal_, clock_.WallNow()));
  const MonotonicTime asked = clock_.Now();
  const HttpResponse response =
      TRY(transport_.Send(MakeTokenRequest(principal_, form.Reveal()), context));
  return ParseTokenReply(response, asked, clock_.WallNow());
}

std::string ServicePrincipalSource::Describe() const {
  return fmt::format(
      "service principal {} with {}", principal_.client_id,
      principal_.assertion != nullptr ? principal_.assertion->Describe() : "client secret");
}

Status BearerCredential::Authorize(HttpRequest& request, const CallContext& context) {
  if (!IsSafeForSecrets(request.url)) {
    return Fail(ErrorCode::kInvalidArgument, "a token must not travel over plain http");
  }
  const Secret token = TRY(token_.Current(context));
  request.headers.Set("Authorization", std::string(kBearer).append(token.Reveal()));
  return {};
}

Result<AccessToken> BearerCredential::Fetch(const CallContext& context) const {
  auto token = source_->Fetch(context);
  if (!token) return Fail(AsIdentityFailure(std::move(token).error()));
  return token;
}

bool BearerCredential::Refused(const HttpRequest& request) {
  std::string_view carried = request.headers.Get("Authorization");
  if (!carried.starts_with(kBearer)) return false;
  carried.remove_prefix(kBearer.size());
  token_.DropIf([&](const Secret& token) { return token.Reveal() == carried; });
  return true;
}

}  // namespace skybridge::azure
