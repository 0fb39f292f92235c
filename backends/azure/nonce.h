// Random names: request ids and the names of uploads in progress.
#pragma once

#include <string>

namespace skybridge::azure {

// 16 lower-case hex digits.
std::string MakeNonce();
// RFC 4122, version 4.
std::string MakeUuid();

}  // namespace skybridge::azure
