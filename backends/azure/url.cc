#include "backends/azure/url.h"

#include "core/service_endpoint.h"
#include "core/url.h"

namespace skybridge::azure {
bool IsSafeForSecrets(const std::string& url) {
  const auto parts = ParseUrl(url);
  if (!parts) return false;
  if (parts->scheme == "https") return true;
  return ServiceEndpoint{.tls = false, .host = std::string(parts->bare_host()), .url = {}}
      .is_loopback();
}

std::string WithQuery(std::string_view url, std::string_view encoded_query) {
  std::string result(url);
  if (encoded_query.empty()) return result;
  result += url.find('?') == std::string_view::npos ? '?' : '&';
  result += encoded_query;
  return result;
}

}  // namespace skybridge::azure
