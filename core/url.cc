#include "core/url.h"

#include <memory>

#include <curl/curl.h>

#include "core/deleter.h"

namespace skybridge {
namespace {

using UrlHandle = std::unique_ptr<CURLU, Deleter<curl_url_cleanup>>;

// One part; nothing if the URL has none.
std::optional<std::string> Part(const UrlHandle& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return std::nullopt;
  const std::unique_ptr<char, Deleter<curl_free>> owner(text);
  return text;
}

}  // namespace

std::string_view Url::bare_host() const {
  const std::string_view view = host;
  return view.starts_with('[') ? view.substr(1, view.size() - 2) : view;
}

std::optional<Url> ParseUrl(const std::string& text) {
  const UrlHandle handle(curl_url());
  if (curl_url_set(handle.get(), CURLUPART_URL, text.c_str(), CURLU_PATH_AS_IS) != CURLUE_OK)
    return std::nullopt;
  // A NUL would end it early: then it is not the text that was parsed.
  if (text.find('\0') != std::string::npos) return std::nullopt;
  Url url{.scheme = Part(handle, CURLUPART_SCHEME).value_or(""),
          .host = Part(handle, CURLUPART_HOST).value_or(""),
          .port = Part(handle, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT).value_or(""),
          .path = Part(handle, CURLUPART_PATH).value_or("/"),
          .query = Part(handle, CURLUPART_QUERY).value_or(""),
          .has_user = Part(handle, CURLUPART_USER) || Part(handle, CURLUPART_PASSWORD),
          .has_fragment = Part(handle, CURLUPART_FRAGMENT).has_value()};
  if ((url.scheme != "http" && url.scheme != "https") || url.host.empty()) return std::nullopt;
  // libcurl takes "https:/host" and "https:///host" for the same.
  const std::string_view after_scheme = std::string_view(text).substr(url.scheme.size());
  if (!after_scheme.starts_with("://") || after_scheme.starts_with(":///")) return std::nullopt;
  // And "host:" for "host".
  const std::string_view rest = after_scheme.substr(3);
  if (rest.substr(0, rest.find_first_of("/?#")).ends_with(':')) return std::nullopt;
  return url;
}

}  // namespace skybridge
