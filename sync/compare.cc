#include "sync/compare.h"

#include <algorithm>

namespace skybridge {
namespace {

WallTime EffectiveMtime(const ObjectInfo& info) {
  return info.attributes && info.attributes->mtime ? *info.attributes->mtime : info.last_modified;
}

bool SameTime(WallTime a, WallTime b, const CompareRules& rules) {
  const auto difference = a > b ? a - b : b - a;
  return difference < rules.mtime_granularity;
}

// Whether `copy` says that it was made of another version than the source now is.
bool IsOfOtherVersion(const ObjectInfo& copy, const ObjectInfo& source) {
  if (!copy.attributes) return false;
  const auto version = copy.attributes->foreign.find(kSourceVersionKey);
  return version != copy.attributes->foreign.end() && version->second != source.etag.value;
}

template <class T>
bool Fits(const std::optional<T>& wanted, const std::optional<T>& there) {
  return !wanted || wanted == there;
}

bool Includes(const std::map<std::string, std::string>& there,
              const std::map<std::string, std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& entry) {
    const auto found = there.find(entry.first);
    return found != there.end() && found->second == entry.second;
  });
}

}  // namespace

CompareRules CompareRules::For(const Capabilities& source, const Capabilities& destination) {
  return {.mtime_granularity = std::max(source.mtime_granularity, destination.mtime_granularity),
          .destination_keeps_xattrs = destination.keeps_xattrs,
          .keep_content_headers = source.keeps_content_headers && destination.keeps_content_headers,
          .keep_access = source.keeps_access && destination.keeps_access,
          .tiers = destination.tiers};
}

std::string NearestTier(const std::string& tier, const std::vector<std::string>& tiers) {
  const auto has = [&](std::string_view wanted) {
    return std::find(tiers.begin(), tiers.end(), wanted) != tiers.end();
  };
  if (has(tier)) return tier;
  return tier == "Cold" && has("Cool") ? "Cool" : std::string();
}

bool HasDoubtfulTime(const ObjectInfo& source) {
  constexpr std::chrono::seconds kOldEnough{2};
  const bool recorded = source.attributes && source.attributes->mtime;
  if (recorded || source.kind == NodeKind::kDirectory || source.etag.empty()) return false;
  return source.told_at - source.last_modified < kOldEnough;
}

Attributes WantedAttributes(const ObjectInfo& source) {
  Attributes wanted = source.attributes.value_or(Attributes{});
  // To give a file away takes more rights than to write it, and ids are those of one directory of
  // identities.
  if (wanted.access)
    wanted.access = AccessControl{.owner = {}, .group = {}, .acl = wanted.access->acl};
  // Of the copy that the source itself is, unless it names the source as it is now.
  const auto version = wanted.foreign.find(kSourceVersionKey);
  if (version != wanted.foreign.end() && version->second != source.etag.value)
    wanted.foreign.erase(version);
  if (HasDoubtfulTime(source)) wanted.foreign[kSourceVersionKey] = source.etag.value;
  if (!wanted.mtime && source.kind != NodeKind::kDirectory) wanted.mtime = source.last_modified;
  return wanted;
}

bool HasAttributes(const ObjectInfo& there, const Attributes& wanted, const CompareRules& rules) {
  const Attributes has = there.attributes.value_or(Attributes{});
  if (wanted.mtime && !SameTime(*wanted.mtime, EffectiveMtime(there), rules)) return false;
  if (rules.keep_content_headers && wanted.content != has.content) return false;
  // Without a tier of its own an object may be in any: rules of the account move it.
  const std::string tier = NearestTier(wanted.tier, rules.tiers);
  if (!tier.empty() && tier != has.tier) return false;
  const bool other_access = wanted.access && has.access && wanted.access->acl != has.access->acl;
  if (rules.keep_access && other_access) return false;
  return Fits(wanted.mode, has.mode) && Fits(wanted.uid, has.uid) && Fits(wanted.gid, has.gid) &&
         Includes(has.xattrs, wanted.xattrs) && Includes(has.foreign, wanted.foreign);
}

std::optional<bool> DigestsAgree(const StoreDigests& a, const StoreDigests& b) {
  const bool both_md5 = a.md5 && b.md5;
  const bool both_crc32c = a.crc32c && b.crc32c;
  if (!both_md5 && !both_crc32c) return std::nullopt;
  return (!both_md5 || *a.md5 == *b.md5) && (!both_crc32c || *a.crc32c == *b.crc32c);
}

Action Decide(const ObjectInfo& source, const std::optional<ObjectInfo>& destination,
              const CompareRules& rules) {
  if (!destination || source.kind != destination->kind ||
      source.size_bytes != destination->size_bytes) {
    return Action::kCopy;
  }
  const std::optional<bool> same_bytes = DigestsAgree(source.digests, destination->digests);
  const bool same_time = SameTime(EffectiveMtime(source), EffectiveMtime(*destination), rules) &&
                         !IsOfOtherVersion(*destination, source);
  if (same_bytes.value_or(same_time) == false) return Action::kCopy;
  return HasAttributes(*destination, WantedAttributes(source), rules) ? Action::kNone
                                                                      : Action::kUpdateAttributes;
}

}  // namespace skybridge
