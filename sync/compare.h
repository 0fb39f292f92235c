// What a pass must do for one path, from what both sides say of it. Pure; safe from many threads.
//
// Content counts as equal when size and recorded mtime agree (within what both stores can keep) and
// no digest that both report speaks against it; or when the mtimes differ but such a digest proves
// that the bytes are the same. Then only attributes are brought over.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "backends/object_store.h"

namespace skybridge {

enum class Action {
  kNone,              // equal
  kCopy,              // content and attributes
  kUpdateAttributes,  // the content is the same
};

struct CompareRules {
  std::chrono::nanoseconds mtime_granularity{1};  // the coarser one of the two stores
  bool destination_keeps_xattrs = true;
  // Both stores do: else content headers are not compared.
  bool keep_content_headers = true;
  // Both stores have access control lists: they are copied and compared. Owner and group are those
  // of who writes.
  bool keep_access = false;
  // Those that the destination keeps.
  std::vector<std::string> tiers = {};

  static CompareRules For(const Capabilities& source, const Capabilities& destination);
};

// Whether the time of `source` tells its version from the one that comes next. A service tells
// Last-Modified in whole seconds: of two versions of one second it does not. So a version without a
// recorded mtime that was under two seconds old when the store described it, by the store's own
// clock, has a doubtful time.
bool HasDoubtfulTime(const ObjectInfo& source);

// The metadata with which a copy names the version (ETag) of its source where that has a doubtful
// time. A later pass believes the copy's time only if the source still is that version.
inline constexpr const char* kSourceVersionKey = "skybridge_source_etag";

// What the destination shall keep: the source's attributes, and where no mtime is recorded, the
// source's last_modified, so that the next pass finds equal times. With kSourceVersionKey, where
// that time is doubtful. Of what it returned, in the place of the source's attributes, it returns the
// same.
Attributes WantedAttributes(const ObjectInfo& source);

// The tier that an object of `tier` has at a destination that keeps `tiers`: the nearest one.
std::string NearestTier(const std::string& tier, const std::vector<std::string>& tiers);

// Whether `there` has everything that `wanted` names. What is not named (a mode, say) may be
// anything, but content headers must be equal: none of them is a value, too.
bool HasAttributes(const ObjectInfo& there, const Attributes& wanted, const CompareRules& rules);

// Nothing if no digest of one kind is known of both; every kind that is must agree.
std::optional<bool> DigestsAgree(const StoreDigests& a, const StoreDigests& b);

// Both are files or links, and `attributes` of both are known. `destination`: nothing if it is not
// there.
Action Decide(const ObjectInfo& source, const std::optional<ObjectInfo>& destination,
              const CompareRules& rules);

}  // namespace skybridge
