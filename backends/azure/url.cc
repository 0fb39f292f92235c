#include "backends/azure/url.h"

#include "core/service_endpoint.h"

namespace skybridge::azure {
namespace {

std::string_view HostOf(std::string_view authority) {
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    return authority.substr(1, end == std::string_view::npos ? end : end - 1);
  }
  return authority.substr(0, authority.find(':'));
}

}  // namespace

UrlParts SplitUrl(std::string_view url) {
  UrlParts parts;
  const auto scheme_end = url.find("://");
  if (scheme_end != std::string_view::npos) {
    parts.scheme = url.substr(0, scheme_end);
    url.remove_prefix(scheme_end + 3);
  }
  const auto query = url.find('?');
  if (query != std::string_view::npos) {
    parts.query = url.substr(query + 1);
    url = url.substr(0, query);
  }
  const auto slash = url.find('/');
  parts.host = HostOf(url.substr(0, slash));
  parts.path = slash == std::string_view::npos ? std::string_view("/") : url.substr(slash);
  return parts;
}

bool IsSafeForSecrets(std::string_view url) {
  const UrlParts parts = SplitUrl(url);
  if (parts.scheme != "http") return parts.scheme == "https";
  return ServiceEndpoint{.tls = false, .host = std::string(parts.host), .url = {}}.is_loopback();
}

std::string WithQuery(std::string_view url, std::string_view encoded_query) {
  std::string result(url);
  if (encoded_query.empty()) return result;
  result += url.find('?') == std::string_view::npos ? '?' : '&';
  result += encoded_query;
  return result;
}

}  // namespace skybridge::azure
