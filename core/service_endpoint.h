// ServiceEndpoint: scheme, host and port of a service, as the configuration and path-style URIs
// write it.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace skybridge {

struct ServiceEndpoint {
  bool tls = true;
  std::string host;  // without port; an IPv6 address without its brackets
  std::string url;   // normalised: no trailing slash

  // 127.0.0.0/8, ::1, localhost: the only hosts that plain http may reach unasked.
  bool is_loopback() const;
};

// Whether "https://host/part" is an endpoint: an emulator's endpoint ends in its account's name.
enum class EndpointPath { kRefused, kAllowed };

// Errors: kInvalidArgument, also for user information, a query or a fragment.
Result<ServiceEndpoint> ParseServiceEndpoint(std::string_view text, EndpointPath path);

}  // namespace skybridge
