#include "backends/azure/azure_cli.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/deadline.h"
#include "core/timespec.h"

namespace skybridge::azure {
namespace {

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool HasOnly(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return IsAlphanumeric(c) || others.find(c) != std::string_view::npos;
  });
}

// "2026-01-05 11:20:30.123456", local time
std::optional<WallTime> ParseLocalTime(const std::string& text) {
  std::tm parts{};
  if (strptime(text.c_str(), "%Y-%m-%d %H:%M:%S", &parts) == nullptr) return std::nullopt;
  parts.tm_isdst = -1;
  const std::time_t seconds = std::mktime(&parts);
  if (seconds == -1) return std::nullopt;
  return FromTimespec({.tv_sec = seconds, .tv_nsec = 0});
}

std::optional<WallTime> ExpiryOf(const nlohmann::json& token) {
  if (const auto epoch = token.find("expires_on");
      epoch != token.end() && epoch->is_number_integer()) {
    return FromTimespec({.tv_sec = epoch->get<std::int64_t>(), .tv_nsec = 0});
  }
  const auto local = token.find("expiresOn");
  if (local == token.end() || !local->is_string()) return std::nullopt;
  return ParseLocalTime(local->get<std::string>());
}

// The first line, without what would not print; long enough for az's advice.
std::string FirstLine(std::string_view errors) {
  constexpr std::size_t kMost = 200;
  std::string line(errors.substr(0, std::min(errors.find_first_of("\r\n"), kMost)));
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  return line.empty() ? "it gave no reason" : line;
}

}  // namespace

Result<AccessToken> ParseCliToken(std::string_view json, MonotonicTime asked, WallTime now) {
  const auto body = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  const bool has_token =
      body.is_object() && body.contains("accessToken") && body["accessToken"].is_string();
  const auto expiry = has_token ? ExpiryOf(body) : std::nullopt;
  if (!expiry) return Fail(ErrorCode::kCorrupt, "the answer of az has no accessToken or no expiry");
  if (*expiry <= now)
    return FailAdvising(ErrorCode::kUnauthenticated, "the token of az has expired",
                        "run: az login");
  const auto lifetime = std::chrono::duration_cast<std::chrono::seconds>(*expiry - now);
  return MakeAccessToken(body["accessToken"].get<std::string>(), asked, lifetime);
}

Result<std::unique_ptr<AzureCliSource>> AzureCliSource::Make(AzureCliOptions options,
                                                             const Clock& clock) {
  if (!HasOnly(options.tenant_id, ".-") || options.tenant_id.starts_with('-')) {
    return Fail(ErrorCode::kInvalidArgument, "tenant_id must be a GUID or a domain name");
  }
  if (!HasOnly(options.scope, ".-_:/") || options.scope.starts_with('-')) {
    return Fail(ErrorCode::kInvalidArgument, "the scope is not one that az takes");
  }
  return std::unique_ptr<AzureCliSource>(new AzureCliSource(std::move(options), clock));
}

Result<AccessToken> AzureCliSource::Fetch(const CallContext& context) {
  const MonotonicTime asked = clock_.Now();
  ProgramCall call{.arguments = {"az", "account", "get-access-token", "--output", "json", "--scope",
                                 options_.scope},
                   .time_limit = options_.time_limit};
  if (context.deadline != MonotonicTime::max()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(TimeLeft(context.deadline, asked));
    call.time_limit = std::min(call.time_limit, left);
  }
  if (!options_.tenant_id.empty())
    call.arguments.insert(call.arguments.end(), {"--tenant", options_.tenant_id});
  auto result = options_.run(call, clock_, context.stop);
  if (!result && result.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kNotFound, "the program az is not installed");
  }
  if (!result) return Fail(result.error());
  if (result->exit_code != 0) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("az gives no token: {}", FirstLine(result->errors)));
  }
  const Secret output(std::move(result->output));
  return ParseCliToken(output.Reveal(), asked, clock_.WallNow());
}

}  // namespace skybridge::azure
