// The parts of an absolute URL, as views into it. Nothing is decoded.
#pragma once

#include <string>
#include <string_view>

namespace skybridge::azure {

struct UrlParts {
  std::string_view scheme;  // "https"
  std::string_view host;    // without port; an IPv6 address without its brackets
  std::string_view path;    // with its leading '/', still percent-encoded; "/" when the URL has none
  std::string_view query;   // after '?', still percent-encoded; may be empty
};

UrlParts SplitUrl(std::string_view url);

// The machine itself: 127.0.0.0/8, ::1, localhost. Only there may a secret travel over plain http.
bool IsLoopbackHost(std::string_view host);
// https, or plain http to the machine itself.
bool IsSafeForSecrets(std::string_view url);

// The same URL with `name=value` (both already encoded) added to its query.
std::string WithQuery(std::string_view url, std::string_view encoded_query);

}  // namespace skybridge::azure
