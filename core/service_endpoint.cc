#include "core/service_endpoint.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "core/url.h"

namespace skybridge {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Never repeats user information or a query: either may be a secret.
tl::unexpected<Error> Bad(std::string_view text, std::string_view reason) {
  const bool has_user = text.find('@') != std::string_view::npos;
  const std::string_view shown = has_user ? "..." : text.substr(0, text.find('?'));
  return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}': {}", shown, reason));
}

}  // namespace

bool ServiceEndpoint::is_loopback() const {
  if (host == "localhost" || host == "::1") return true;
  if (!host.starts_with("127.")) return false;
  return std::all_of(host.begin(), host.end(), [](char c) { return IsDigit(c) || c == '.'; });
}

Result<ServiceEndpoint> ParseServiceEndpoint(std::string_view text, EndpointPath path) {
  if (!text.starts_with("https://") && !text.starts_with("http://"))
    return Bad(text, "is not an endpoint; write https://HOST or https://HOST:PORT");
  if (text.find_first_of("?#@") != std::string_view::npos)
    return Bad(text, "an endpoint has no user information, query or fragment");
  const auto url = ParseUrl(std::string(text));
  if (!url) return Bad(text, "has no valid host and port; write https://HOST or https://HOST:PORT");
  std::string_view rest = url->path;
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (path == EndpointPath::kRefused && !rest.empty())
    return Bad(text, "an endpoint of this service has no path");
  return ServiceEndpoint{.tls = url->scheme == "https",
                         .host = std::string(url->bare_host()),
                         .url = fmt::format("{}://{}{}", url->scheme, url->authority(), rest)};
}

}  // namespace skybridge
