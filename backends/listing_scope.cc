#include "backends/listing_scope.h"

namespace skybridge {

bool IsInListing(std::string_view name, const ListingScope& scope) {
  if (!name.starts_with(scope.prefix)) return false;
  if (!scope.one_level) return true;
  const std::string_view part = name.substr(scope.prefix.size());
  const auto slash = part.find('/');
  return slash == std::string_view::npos || slash + 1 == part.size();
}

}  // namespace skybridge
