// The parts of an absolute URL, as views into it. Nothing is decoded.
#pragma once

#include <string>
#include <string_view>

namespace skybridge::azure {

struct UrlParts {
  std::string_view scheme;  // "https"
  std::string_view host;    // without port; an IPv6 address without its brackets
  std::string_view path;   // with its leading '/', still percent-encoded; "/" when the URL has none
  std::string_view query;  // after '?', still percent-encoded; may be empty
};

UrlParts SplitUrl(std::string_view url);

// https, or plain http to this machine itself: only there may a secret travel.
bool IsSafeForSecrets(std::string_view url);

// The same URL with `encoded_query` ("comp=list&prefix=a%2F") added to its query.
std::string WithQuery(std::string_view url, std::string_view encoded_query);

}  // namespace skybridge::azure
