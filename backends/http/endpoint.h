// Endpoint: the server part of a URL, and what may be done with it. Pure; safe from many threads.
#pragma once

#include <string>

#include "core/result.h"

namespace skybridge {

struct Endpoint {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; IPv6 with its brackets
  std::string origin;  // "https://host:443": what connections are kept by
  // Loopback, or the link-local address where clouds serve instance metadata: never through a
  // proxy, and allowed to be plain http, since the bytes do not leave the machine or its
  // hypervisor.
  bool is_local = false;
};

// Errors: kInvalidArgument for anything but an absolute http or https URL with a host and without
// user and password.
Result<Endpoint> ParseEndpoint(const std::string& url);

}  // namespace skybridge
