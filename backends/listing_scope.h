// IsInListing: whether a name that a service lists is one that was asked for. You need it on every
// page, before a name is taken apart: another directory's listing (a proxy's mistake, or worse)
// must not be read as this one's.
#pragma once

#include <string_view>

namespace skybridge {

struct ListingScope {
  std::string_view prefix;  // "dir/"; "" for the whole container
  bool one_level = false;   // names below a '/' behind the prefix are folded to "prefix/part/"
};

// `name`: of an object, or of a folded prefix with its '/' at the end.
bool IsInListing(std::string_view name, const ListingScope& scope);

}  // namespace skybridge
