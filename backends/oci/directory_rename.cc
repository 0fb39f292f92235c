#include "backends/oci/directory_rename.h"

#include <optional>
#include <vector>

#include "backends/fan_out.h"
#include "backends/listing_guard.h"
#include "core/digest.h"

namespace skybridge::oci {
namespace {

// Requests in flight of one directory rename.
constexpr std::size_t kRenameThreads = 8;
constexpr std::uint32_t kPage = 1000;
// Metadata of the destination's marker while the rename goes on: SHA-256 of the source's name, in
// hex.
constexpr std::string_view kMovingFrom = "skybridge-moving-from";

struct Contents {
  bool has_marker = false;
  std::vector<std::string> names;  // without the marker
};

// The first page: names vanish from the source as they are moved, so that the next look starts at
// the front again.
Result<Contents> Look(Bucket& bucket, const std::string& prefix, std::uint32_t limit,
                      const CallContext& context) {
  const Listing listing = TRY(bucket.List({.prefix = prefix, .limit = limit}, context));
  Contents contents;
  for (const ListedObject& object : listing.objects) {
    if (object.name == prefix) {
      contents.has_marker = true;
    } else {
      contents.names.push_back(object.name);
    }
  }
  return contents;
}

// The metadata of a marker; none when there is no marker.
Result<std::optional<Metadata>> MarkerMetadata(Bucket& bucket, const std::string& marker,
                                               const CallContext& context) {
  Result<ObjectHead> head = bucket.Head(marker, std::nullopt, context);
  if (head) return std::optional<Metadata>(std::move(head->facts.metadata));
  if (head.error().code == ErrorCode::kNotFound) return std::optional<Metadata>();
  return Fail(std::move(head).error());
}

Status PutMarker(Bucket& bucket, const std::string& marker, Metadata metadata,
                 const CallContext& context) {
  TRY(bucket.Put({.name = marker, .body = {}, .metadata = std::move(metadata)}, context));
  return {};
}

// One object. That the source is gone means that an earlier attempt moved it, or somebody deleted
// it: nothing to do.
Status RenameOne(Bucket& bucket, const DirectoryRename& rename, const std::string& name,
                 const CallContext& context) {
  const RenameParameters one{.source = name,
                             .destination = rename.destination + name.substr(rename.source.size()),
                             .destination_conditions = {.must_not_exist = true}};
  const Result<ObjectFacts> renamed = bucket.Rename(one, context);
  if (renamed || renamed.error().code == ErrorCode::kNotFound) return {};
  return Fail(renamed.error());
}

Status RenameAll(Bucket& bucket, const DirectoryRename& rename,
                 const std::vector<std::string>& names, const CallContext& context) {
  return FanOutUntilFailure(names.size(), kRenameThreads, [&](std::size_t i) {
    return RenameOne(bucket, rename, names[i], context);
  });
}

bool NamesSource(const std::optional<Metadata>& marker, const std::string& moving_from) {
  if (!marker) return false;
  const auto found = marker->find(std::string(kMovingFrom));
  return found != marker->end() && found->second == moving_from;
}

// Whether the destination is free. What an interrupted rename of the same source has moved there is
// no obstacle.
Status CheckDestination(Bucket& bucket, const DirectoryRename& rename,
                        const std::optional<Metadata>& marker, const CallContext& context) {
  const Contents there = TRY(Look(bucket, rename.destination, 2, context));
  if (rename.must_not_exist && (marker || !there.names.empty())) {
    return Fail(ErrorCode::kAlreadyExists, "rename: '" + rename.destination + "' exists");
  }
  if (!there.names.empty())
    return Fail(ErrorCode::kNotEmpty, "rename: '" + rename.destination + "' is not empty");
  return {};
}

Status MoveChildren(Bucket& bucket, const DirectoryRename& rename, Contents contents,
                    const CallContext& context) {
  DrainGuard guard("rename " + rename.source);
  while (!contents.names.empty()) {
    TRY_VOID(guard.Check(contents.names.front(), contents.names.back()));
    TRY_VOID(RenameAll(bucket, rename, contents.names, context));
    contents = TRY(Look(bucket, rename.source, kPage, context));
  }
  return {};
}

}  // namespace

Status RenameDirectory(Bucket& bucket, const DirectoryRename& rename, const CallContext& context) {
  const std::string moving_from = HexEncode(Sha256(AsBytes(rename.source)));
  Contents contents = TRY(Look(bucket, rename.source, kPage, context));
  const std::optional<Metadata> marker_there =
      TRY(MarkerMetadata(bucket, rename.destination, context));
  const bool going_on = NamesSource(marker_there, moving_from);
  if (contents.names.empty() && !contents.has_marker && !going_on) {
    if (rename.may_be_done && marker_there) return {};
    return Fail(ErrorCode::kNotFound, "rename: there is no '" + rename.source + "'");
  }
  Metadata attributes;
  if (going_on) {
    attributes = *marker_there;
    attributes.erase(std::string(kMovingFrom));
  } else {
    TRY_VOID(CheckDestination(bucket, rename, marker_there, context));
    attributes = TRY(MarkerMetadata(bucket, rename.source, context)).value_or(Metadata{});
    Metadata moving = attributes;
    moving[std::string(kMovingFrom)] = moving_from;
    TRY_VOID(PutMarker(bucket, rename.destination, std::move(moving), context));
  }
  rename.begun();
  TRY_VOID(MoveChildren(bucket, rename, std::move(contents), context));
  // The source's marker goes before the destination's mark does: whoever finds the mark knows what
  // is left to do.
  Status removed = bucket.Delete(rename.source, std::nullopt, context);
  if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
  return PutMarker(bucket, rename.destination, std::move(attributes), context);
}

}  // namespace skybridge::oci
