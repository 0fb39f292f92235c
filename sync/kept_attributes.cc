#include "sync/kept_attributes.h"

#include <algorithm>

#include "sync/compare.h"

namespace skybridge {

LeftOut LeaveOut(Attributes& attributes, NodeKind kind, const Capabilities& destination) {
  LeftOut out;
  if (const auto& may = destination.owner_limits) {
    const bool other_user = attributes.uid && *attributes.uid != may->uid;
    const bool other_group = attributes.gid && std::find(may->gids.begin(), may->gids.end(),
                                                         *attributes.gid) == may->gids.end();
    if (other_user) attributes.uid.reset();
    if (other_group) attributes.gid.reset();
    out.owner = other_user || other_group;
  }
  // Where the version cannot be named, the next pass must not believe the time.
  const bool keeps_foreign =
      destination.keeps_xattrs && (kind != NodeKind::kSymlink || destination.links_keep_attributes);
  if (!keeps_foreign && attributes.foreign.erase(kSourceVersionKey) > 0 && attributes.mtime)
    *attributes.mtime -= destination.mtime_granularity;
  const bool bare_link = kind == NodeKind::kSymlink && !destination.links_keep_attributes;
  if (bare_link) attributes.mode.reset();
  if (bare_link || !destination.keeps_xattrs) {
    out.xattrs = !attributes.xattrs.empty() || !attributes.foreign.empty();
    attributes.xattrs.clear();
    attributes.foreign.clear();
  }
  // The next three are of services. A store that has none of them is no worse a copy.
  if (!destination.keeps_content_headers) attributes.content = {};
  if (!destination.keeps_access) attributes.access.reset();
  attributes.tier = NearestTier(attributes.tier, destination.tiers);
  return out;
}

}  // namespace skybridge
