#include "backends/http/endpoint.h"

#include <string_view>

#include <fmt/format.h>

#include "core/url.h"

namespace skybridge {
namespace {

std::string ToLower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

bool IsIpv4Literal(std::string_view host) {
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool IsLocal(std::string_view host) {
  if (host == "localhost" || host.ends_with(".localhost") || host == "[::1]") return true;
  // OCI serves instance metadata here over IPv6.
  if (host == "[fd00:c1::a9fe:a9fe]") return true;
  return IsIpv4Literal(host) && (host.starts_with("127.") || host.starts_with("169.254."));
}

}  // namespace

Result<Endpoint> ParseEndpoint(const std::string& url) {
  // The URL itself is not repeated in the message: its query may hold a signature.
  const auto parts = ParseUrl(url);
  if (!parts) return Fail(ErrorCode::kInvalidArgument, "not an absolute http or https URL");
  if (parts->has_user)
    return Fail(ErrorCode::kInvalidArgument, "not an http or https URL without user and password");
  Endpoint endpoint{.scheme = parts->scheme, .host = ToLower(parts->host)};
  const std::string_view own_port = endpoint.scheme == "https" ? "443" : "80";
  endpoint.origin = fmt::format("{}://{}:{}", endpoint.scheme, endpoint.host,
                                parts->port.empty() ? own_port : std::string_view(parts->port));
  endpoint.is_local = IsLocal(endpoint.host);
  return endpoint;
}

}  // namespace skybridge
