#include "backends/azure/sas.h"

#include <algorithm>
#include <utility>

#include "backends/azure/url.h"
#include "core/encoding.h"
#include "core/time_text.h"

namespace skybridge::azure {
namespace {

std::optional<std::string> Parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
    auto value = PercentDecode(pair.substr(equals + 1));
    if (value && !value->empty()) return *std::move(value);
  }
  return std::nullopt;
}

// "2026-01-05T10:20:30Z", and the short forms "2026-01-05T10:20Z" and "2026-01-05".
std::optional<WallTime> SasTime(const std::string& text) {
  constexpr std::size_t kDateLength = 10;
  constexpr std::size_t kMinuteLength = 16;
  std::string full = text;
  if (text.size() == kDateLength) {
    full += "T00:00:00Z";
  } else if (text.size() == kMinuteLength + 1 && text.back() == 'Z') {
    full.insert(kMinuteLength, ":00");
  }
  const auto time = ParseRfc3339(full);
  return time ? std::optional(*time) : std::nullopt;
}

}  // namespace

std::optional<WallTime> SasExpiry(std::string_view sas) {
  std::optional<WallTime> expiry;
  for (const std::string_view name : {"se", "ske"}) {
    const auto text = Parameter(sas, name);
    const auto time = text ? SasTime(*text) : std::nullopt;
    if (time && (!expiry || *time < *expiry)) expiry = time;
  }
  return expiry;
}

Result<std::unique_ptr<SasCredential>> SasCredential::Make(std::string_view sas, const Clock& clock) {
  if (sas.starts_with('?')) sas.remove_prefix(1);
  if (!Parameter(sas, "sig")) {
    return Fail(ErrorCode::kInvalidArgument, "the SAS token has no signature (no 'sig=')");
  }
  return std::unique_ptr<SasCredential>(new SasCredential(std::string(sas), clock));
}

Status SasCredential::Authorize(HttpRequest& request, const CallContext& /*context*/) {
  if (expiry_ && clock_.WallNow() >= *expiry_) {
    return Fail(ErrorCode::kUnauthenticated, "the SAS token expired at " + FormatRfc3339(*expiry_, 0));
  }
  request.url = WithQuery(request.url, sas_);
  for (const std::string_view name : {"x-ms-rename-source", "x-ms-copy-source"}) {
    if (const std::string* source = request.headers.Find(name)) request.headers.Set(name, WithQuery(*source, sas_));
  }
  return {};
}

bool SasCredential::Refused(const HttpRequest& /*request*/) { return false; }

}  // namespace skybridge::azure
