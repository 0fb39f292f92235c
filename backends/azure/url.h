// What may be done with a URL of Azure.
#pragma once

#include <string>
#include <string_view>

namespace skybridge::azure {

// https, or plain http to this machine itself: only there may a secret travel.
bool IsSafeForSecrets(const std::string& url);

// The same URL with `encoded_query` ("comp=list&prefix=a%2F") added to its query.
std::string WithQuery(std::string_view url, std::string_view encoded_query);

}  // namespace skybridge::azure
