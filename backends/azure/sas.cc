#include "backends/azure/sas.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "backends/azure/url.h"
#include "core/encoding.h"
#include "core/log.h"
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

std::optional<WallTime> TimeOf(std::string_view sas, std::string_view name) {
  const auto text = Parameter(sas, name);
  return text ? SasTime(*text) : std::nullopt;
}

// It goes into URLs as it is. A whole URL or a connection string is what people copy by mistake.
bool IsQuery(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && std::string_view("?#;\"<>").find(c) == std::string_view::npos;
  });
}

}  // namespace

std::optional<WallTime> SasExpiry(std::string_view sas) {
  std::optional<WallTime> expiry;
  for (const std::string_view name : {"se", "ske"}) {
    const auto time = TimeOf(sas, name);
    if (time && (!expiry || *time < *expiry)) expiry = time;
  }
  return expiry;
}

SasCredential::SasCredential(std::string sas, const Clock& clock)
    : clock_(clock), sas_(std::move(sas)), start_(TimeOf(sas_, "st")), expiry_(SasExpiry(sas_)) {}

std::string_view SasKind(std::string_view sas) {
  if (Parameter(sas, "skoid")) return "user delegation SAS";
  return Parameter(sas, "ss") ? "account SAS" : "service SAS";
}

Result<std::unique_ptr<SasCredential>> SasCredential::Make(std::string_view sas,
                                                           const Clock& clock) {
  if (sas.starts_with('?')) sas.remove_prefix(1);
  if (!IsQuery(sas)) {
    return Fail(ErrorCode::kInvalidArgument,
                "the SAS token must be what follows the '?' of its URL ('sv=...&sig=...'), without "
                "blanks and line ends");
  }
  if (!Parameter(sas, "sig")) {
    return Fail(ErrorCode::kInvalidArgument, "the SAS token has no signature (no 'sig=')");
  }
  std::unique_ptr<SasCredential> credential(new SasCredential(std::string(sas), clock));
  credential->LogWarning();
  return credential;
}

Status SasCredential::Authorize(HttpRequest& request, const CallContext& /*context*/) {
  const WallTime now = clock_.WallNow();
  if (expiry_ && now >= *expiry_) {
    return FailAdvising(ErrorCode::kUnauthenticated,
                        fmt::format("the SAS token expired at {}", FormatRfc3339(*expiry_, 0)),
                        "have a new one made");
  }
  if (start_ && now + kMaxClockSkew < *start_) {
    return FailAdvising(ErrorCode::kUnauthenticated,
                        fmt::format("the SAS token holds from {} on", FormatRfc3339(*start_, 0)),
                        "wait, or set this machine's clock");
  }
  LogWarning();
  request.url = WithQuery(request.url, sas_);
  for (const std::string_view name : {"x-ms-rename-source", "x-ms-copy-source"}) {
    if (const std::string* source = request.headers.Find(name))
      request.headers.Set(name, WithQuery(*source, sas_));
  }
  return {};
}

std::string SasCredential::Describe() const {
  std::string text(SasKind(sas_));
  text +=
      expiry_ ? ", valid until " + FormatRfc3339(*expiry_, 0) : ", its expiry is not in the token";
  return text;
}

std::string SasCredential::Warning() const {
  const WallTime now = clock_.WallNow();
  if (!expiry_ || *expiry_ > now + kExpiryWarning) return {};
  return fmt::format("the {} {} at {}; have a new one made", SasKind(sas_),
                     *expiry_ > now ? "expires" : "expired", FormatRfc3339(*expiry_, 0));
}

void SasCredential::LogWarning() {
  const MonotonicTime now = clock_.Now();
  MonotonicTime next = next_warning_.load();
  if (now < next || !next_warning_.compare_exchange_strong(next, now + kWarnAgain)) return;
  if (const std::string warning = Warning(); !warning.empty())
    Log(LogLevel::kWarning, "azure: {}", warning);
}

bool SasCredential::Refused(const HttpRequest& /*request*/) { return false; }

}  // namespace skybridge::azure
