#include "core/service_endpoint.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace skybridge {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Never repeats user information or a query: either may be a secret.
tl::unexpected<Error> Bad(std::string_view text, std::string_view reason) {
  const bool has_user = text.find('@') != std::string_view::npos;
  const std::string_view shown = has_user ? "..." : text.substr(0, text.find('?'));
  return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}': {}", shown, reason));
}

struct HostAndPort {
  std::string_view host;
  std::string_view port;  // digits; empty: the scheme's own
};

std::optional<HostAndPort> SplitHostAndPort(std::string_view authority) {
  HostAndPort split{.host = authority};
  std::string_view after;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    split.host = authority.substr(1, close - 1);
    after = authority.substr(close + 1);
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    split.host = authority.substr(0, colon);
    after = authority.substr(colon);
  }
  if (after.empty()) return split;
  split.port = after.substr(1);
  const bool digits = std::all_of(split.port.begin(), split.port.end(), IsDigit);
  if (after[0] != ':' || split.port.empty() || split.port.size() > 5 || !digits)
    return std::nullopt;
  return split;
}

}  // namespace

bool ServiceEndpoint::is_loopback() const {
  if (host == "localhost" || host == "::1") return true;
  if (!host.starts_with("127.")) return false;
  return std::all_of(host.begin(), host.end(), [](char c) { return IsDigit(c) || c == '.'; });
}

Result<ServiceEndpoint> ParseServiceEndpoint(std::string_view text, EndpointPath path) {
  const bool tls = text.starts_with("https://");
  if (!tls && !text.starts_with("http://")) {
    return Bad(text, "is not an endpoint; write https://HOST or https://HOST:PORT");
  }
  const std::string_view after_scheme = text.substr(text.find("://") + 3);
  const std::string_view authority = after_scheme.substr(0, after_scheme.find('/'));
  if (text.find_first_of("?#@") != std::string_view::npos) {
    return Bad(text, "an endpoint has no user information, query or fragment");
  }
  const auto place = SplitHostAndPort(authority);
  if (!place || place->host.empty())
    return Bad(text, "has no valid host and port; write https://HOST or https://HOST:PORT");
  std::string_view rest = after_scheme.substr(authority.size());
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (path == EndpointPath::kRefused && !rest.empty())
    return Bad(text, "an endpoint of this service has no path");
  ServiceEndpoint endpoint{.tls = tls, .host = std::string(place->host)};
  endpoint.url = fmt::format("{}://{}{}", tls ? "https" : "http", authority, rest);
  return endpoint;
}

}  // namespace skybridge
