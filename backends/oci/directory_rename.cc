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
  // An object with the marker's name and content: a file, which takes the place of the
  // destination's marker once everything else has moved.
  bool has_content = false;
  std::string marker_etag;         // of either
  std::vector<std::string> names;  // of the others

  bool exists() const { return has_marker || has_content || !names.empty(); }
};

struct Marker {
  Metadata metadata;
  ETag etag;
};

// The first page: names vanish from the source as they are moved, so that the next look starts at
// the front again.
Result<Contents> Look(Bucket& bucket, const std::string& prefix, std::uint32_t limit,
                      const CallContext& context) {
  const Listing listing = TRY(bucket.List({.prefix = prefix, .limit = limit}, context));
  Contents contents;
  for (const ListedObject& object : listing.objects) {
    if (object.name != prefix) {
      contents.names.push_back(object.name);
      continue;
    }
    (IsMarker(object) ? contents.has_marker : contents.has_content) = true;
    contents.marker_etag = object.etag;
  }
  return contents;
}

// None when there is no marker.
Result<std::optional<Marker>> FindMarker(Bucket& bucket, const std::string& name,
                                         const CallContext& context) {
  Result<ObjectHead> head = bucket.Head(name, std::nullopt, context);
  if (head && head->size_bytes == 0)
    return std::optional(Marker{std::move(head->facts.metadata), ETag(head->facts.etag)});
  if (head || head.error().code == ErrorCode::kNotFound) return std::optional<Marker>();
  return Fail(std::move(head).error());
}

// In the place of `before`, or of nothing. Returns its version.
Result<ETag> PutMarker(Bucket& bucket, const std::string& name, Metadata metadata,
                       const std::optional<ETag>& before, const CallContext& context) {
  const ObjectFacts facts =
      TRY(bucket.Put({.name = name,
                      .body = {},
                      .metadata = std::move(metadata),
                      .conditions = {.if_match = before, .must_not_exist = !before.has_value()}},
                     context));
  return ETag(facts.etag);
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

bool NamesSource(const std::optional<Marker>& marker, const std::string& moving_from) {
  if (!marker) return false;
  const auto found = marker->metadata.find(std::string(kMovingFrom));
  return found != marker->metadata.end() && found->second == moving_from;
}

// Whether the destination is free. What an interrupted rename of the same source has moved there is
// no obstacle.
Status CheckDestination(Bucket& bucket, const DirectoryRename& rename, const CallContext& context) {
  const Contents there = TRY(Look(bucket, rename.destination, 2, context));
  if (rename.must_not_exist && there.exists()) {
    return Fail(ErrorCode::kAlreadyExists, "rename: '" + rename.destination + "' exists");
  }
  if (there.has_content || !there.names.empty())
    return Fail(ErrorCode::kNotEmpty, "rename: '" + rename.destination + "' is not empty");
  return {};
}

// What is left then: the marker, or content in its place.
Result<Contents> MoveChildren(Bucket& bucket, const DirectoryRename& rename, Contents contents,
                              const CallContext& context) {
  DrainGuard guard("rename " + rename.source);
  while (!contents.names.empty()) {
    TRY_VOID(guard.Check(contents.names.front(), contents.names.back()));
    TRY_VOID(RenameAll(bucket, rename, contents.names, context));
    contents = TRY(Look(bucket, rename.source, kPage, context));
  }
  return contents;
}

// The last step: the source's marker goes before the destination's mark does, so that whoever finds
// the mark knows what is left to do.
Status MoveMarker(Bucket& bucket, const DirectoryRename& rename, const Contents& rest,
                  const ETag& mark, Metadata attributes, const CallContext& context) {
  if (rest.has_content) {
    TRY(bucket.Rename({.source = rename.source,
                       .destination = rename.destination,
                       .source_if_match = ETag(rest.marker_etag),
                       .destination_conditions = {.if_match = mark}},
                      context));
    return {};
  }
  if (rest.has_marker) {
    Status removed = bucket.Delete(rename.source, ETag(rest.marker_etag), context);
    if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
  }
  TRY(PutMarker(bucket, rename.destination, std::move(attributes), mark, context));
  return {};
}

}  // namespace

Status RenameDirectory(Bucket& bucket, const DirectoryRename& rename, const CallContext& context) {
  const std::string moving_from = HexEncode(Sha256(AsBytes(rename.source)));
  Contents contents = TRY(Look(bucket, rename.source, kPage, context));
  const std::optional<Marker> there = TRY(FindMarker(bucket, rename.destination, context));
  const bool going_on = NamesSource(there, moving_from);
  if (!contents.exists() && !going_on) {
    if (rename.may_be_done && there) return {};
    return Fail(ErrorCode::kNotFound, "rename: there is no '" + rename.source + "'");
  }
  Metadata attributes;
  ETag mark;
  if (going_on) {
    attributes = there->metadata;
    attributes.erase(std::string(kMovingFrom));
    mark = there->etag;
  } else {
    TRY_VOID(CheckDestination(bucket, rename, context));
    const auto own = TRY(FindMarker(bucket, rename.source, context));
    if (own) attributes = own->metadata;
    Metadata moving = attributes;
    moving[std::string(kMovingFrom)] = moving_from;
    mark = TRY(PutMarker(bucket, rename.destination, std::move(moving),
                         there ? std::optional(there->etag) : std::nullopt, context));
  }
  rename.begun();
  const Contents rest = TRY(MoveChildren(bucket, rename, std::move(contents), context));
  return MoveMarker(bucket, rename, rest, mark, std::move(attributes), context);
}

}  // namespace skybridge::oci
