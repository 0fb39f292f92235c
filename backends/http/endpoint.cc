#include "backends/http/endpoint.h"

#include <memory>
#include <string_view>

#include <curl/curl.h>
#include <fmt/format.h>

namespace skybridge {
namespace {

using UrlHandle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

// One part of the URL; empty if there is none.
std::string Part(const UrlHandle& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return text;
}

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
  const UrlHandle handle(curl_url(), &curl_url_cleanup);
  // The URL itself is not repeated in the message: its query may hold a signature.
  if (curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), CURLU_PATH_AS_IS) != CURLUE_OK) {
    return Fail(ErrorCode::kInvalidArgument, "not an absolute http or https URL");
  }
  Endpoint endpoint{.scheme = Part(handle, CURLUPART_SCHEME),
                    .host = ToLower(Part(handle, CURLUPART_HOST))};
  if ((endpoint.scheme != "http" && endpoint.scheme != "https") || endpoint.host.empty() ||
      !Part(handle, CURLUPART_USER).empty()) {
    return Fail(ErrorCode::kInvalidArgument, "not an http or https URL without user and password");
  }
  endpoint.origin = fmt::format("{}://{}:{}", endpoint.scheme, endpoint.host,
                                Part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT));
  endpoint.is_local = IsLocal(endpoint.host);
  return endpoint;
}

}  // namespace skybridge
