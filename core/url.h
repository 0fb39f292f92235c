// Url: the parts of an absolute http or https URL, cut by the same parser as libcurl's transfers:
// what we check and sign is what is asked. Pure; safe from many threads.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace skybridge {

// Nothing is decoded, and no dot segment is removed.
struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // as written; an IPv6 address has its brackets
  std::string port;    // empty: the scheme's own
  std::string path;    // with its leading '/'; "/" when the URL has none
  std::string query;   // after '?'
  bool has_user = false;
  bool has_fragment = false;

  // Without the brackets of an IPv6 address.
  std::string_view bare_host() const;
  // As a Host header has it.
  std::string authority() const { return port.empty() ? host : host + ":" + port; }
};

// Nothing: not an absolute http or https URL with a host.
std::optional<Url> ParseUrl(const std::string& text);

}  // namespace skybridge
