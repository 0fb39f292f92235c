// How listings are cut into pages. The service promises neither full pages nor that an empty page
// is the last one; a client is tested against both.
#pragma once

#include <cstddef>

namespace skybridge::localcloud::azure {

struct ListingOptions {
  std::size_t largest_page = 5000;  // entries, whatever the request asks for
  bool empty_first_page = false;    // begin every listing with a page without entries that goes on
};

}  // namespace skybridge::localcloud::azure
