// Renames of a flat account: copy on the server, wait, delete the source. Part of FlatStore.
#include <algorithm>

#include <fmt/format.h>

#include "backends/after_acting.h"
#include "backends/azure/flat_listing.h"
#include "backends/azure/flat_store.h"
#include "backends/fan_out.h"
#include "backends/known_version.h"
#include "backends/listing_guard.h"
#include "core/digest.h"
#include "core/encoding.h"
#include "core/url.h"

namespace skybridge::azure {
namespace {

constexpr std::string_view kCopySucceeded = "success";
// Metadata of the destination's marker while a directory is moved: SHA-256 of the source's path, in
// hex. It tells whoever calls again, after a restart too, that the rename goes on.
constexpr const char* kMovingFrom = "skybridge_moving_from";

std::string MovingFrom(const ObjectKey& source) { return HexEncode(Sha256(AsBytes(source.path))); }

Error CopyFailed(const ObjectKey& key, std::string_view status, std::string_view description) {
  return Error{.code = ErrorCode::kUnavailable,
               .message = fmt::format("copy to '{}': {} {}", key.path, status, description),
               .retryable = true};
}

bool IsNotFound(const Error& error) { return error.code == ErrorCode::kNotFound; }

// The copy source that a blob remembers carries no SAS of ours, but perhaps the emulator's other
// spelling of the host.
std::string PathOf(std::string_view url) {
  const auto parts = ParseUrl(std::string(url));
  return parts ? parts->path : std::string();
}

}  // namespace

Result<FlatStore::Copied> FlatStore::Copy(const CopyRequest& request,
                                          const CallContext& context) const {
  const Names& names = blobs_.names();
  auto response =
      blobs_.channel().Send(MakeCopyBlobRequest({.url = names.BlobUrl(request.destination_name),
                                                 .source_url = names.BlobUrl(request.source_name),
                                                 .tier = request.tier,
                                                 .metadata = request.metadata,
                                                 .source_if_match = request.source_etag,
                                                 .conditions = request.conditions}),
                            request.key, context);
  if (!response) return Fail(AsWriteError(response.error(), request.conditions));
  const HttpHeaders& headers = response->headers;
  if (headers.Get("x-ms-copy-status") != kCopySucceeded) {
    return AfterActing(AwaitCopy(request, std::string(headers.Get("x-ms-copy-id")), context));
  }
  return Copied{.etag = StripETag(headers.Get("ETag")),
                .last_modified = ParseTime(headers.Get("Last-Modified"))};
}

// A copy within an account is usually done at once; large blobs may take a while.
Result<FlatStore::Copied> FlatStore::AwaitCopy(const CopyRequest& request,
                                               const std::string& copy_id,
                                               const CallContext& context) const {
  constexpr std::chrono::milliseconds kFirstPause{100};
  constexpr std::chrono::milliseconds kLongestPause{5000};
  const HttpRequest head = MakeHeadBlobRequest(blobs_.names().BlobUrl(request.destination_name));
  for (auto pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    const MonotonicTime wake = std::min(clock_.Now() + pause, context.deadline);
    if (!clock_.SleepUntil(wake, context.stop))
      return Fail(ErrorCode::kCancelled, "stopped while a copy was running");
    if (clock_.Now() >= context.deadline) {
      return Fail(Error{.code = ErrorCode::kTimedOut,
                        .message = fmt::format("copy to '{}': not done in time", request.key.path),
                        .retryable = true});
    }
    const HttpResponse response = TRY(blobs_.channel().Send(head, request.key, context));
    const HttpHeaders& headers = response.headers;
    const std::string_view status = headers.Get("x-ms-copy-status");
    if (headers.Get("x-ms-copy-id") != copy_id)
      return Fail(CopyFailed(request.key, "overwritten", "meanwhile"));
    if (status == kCopySucceeded) {
      return Copied{.etag = StripETag(headers.Get("ETag")),
                    .last_modified = ParseTime(headers.Get("Last-Modified"))};
    }
    if (status != "pending") {
      return Fail(CopyFailed(request.key, status, headers.Get("x-ms-copy-status-description")));
    }
  }
}

// Whether the destination is what our own earlier attempt made of `source`. That must be beyond
// doubt, since the source may be deleted next: the same content, or a copy that ended after the
// source's last change. Within the second that both times are told in, its attributes decide.
Result<std::optional<Sighting>> FlatStore::FindEarlierCopy(const CopyRequest& request,
                                                           const ObjectInfo& source,
                                                           const CallContext& context) const {
  const std::optional<Sighting> not_ours;
  const HttpRequest head = MakeHeadBlobRequest(blobs_.names().BlobUrl(request.destination_name));
  const auto response = blobs_.channel().Send(head, request.key, context);
  if (!response) {
    if (response.error().code == ErrorCode::kNotFound) return not_ours;
    return Fail(response.error());
  }
  const HttpHeaders& headers = response->headers;
  const std::string copied_from = PathOf(headers.Get("x-ms-copy-source"));
  const std::string source_url = blobs_.names().BlobUrl(request.source_name);
  if (copied_from != PathOf(source_url) || headers.Get("x-ms-copy-status") != kCopySucceeded)
    return not_ours;
  const Sighting there = SightingFromHeaders(request.key, headers);
  const bool same_digest = there.md5 && there.md5 == source.digests.md5;
  const WallTime copied_at = ParseTime(headers.Get("x-ms-copy-completion-time"));
  const bool same_attributes =
      source.attributes->mtime && blobs_.Describe(there).attributes == source.attributes;
  const bool copied_later =
      copied_at > source.last_modified || (copied_at == source.last_modified && same_attributes);
  if (there.size_bytes != source.size_bytes || !(same_digest || copied_later)) return not_ours;
  return std::optional<Sighting>(there);
}

// One blob of a directory. That the source is gone means that an earlier attempt moved it, or
// somebody deleted it: nothing to do.
Status FlatStore::MoveBlob(const CopyRequest& request, const CallContext& context) const {
  const auto copied = Copy(request, context);
  if (!copied && copied.error().code == ErrorCode::kNotFound) return {};
  if (!copied) return Fail(copied.error());
  const Status deleted = DeleteBlob(request.key, request.source_name, request.source_etag, context);
  if (!deleted && deleted.error().code == ErrorCode::kNotFound) return {};
  return AfterActing(deleted);
}

Result<ObjectInfo> FlatStore::Rename(const RenameRequest& request, const CallContext& context) {
  TRY_VOID(CheckAzureKey(request.source, capabilities_));
  TRY_VOID(CheckAzureKey(request.destination, capabilities_));
  if (request.source == request.destination) return Head(request.source, context);
  if (request.kind != NodeKind::kDirectory) return RenameFile(request, context);
  if (IsBelow(request.destination, request.source)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("rename '{}' to '{}': into itself", request.source.path,
                            request.destination.path));
  }
  return RenameDirectory(request, context);
}

Result<std::optional<ObjectInfo>> FlatStore::FindSource(const RenameRequest& request,
                                                        const CallContext& context) const {
  const ObjectInfo* const known =
      KnownVersion(request.source_info, request.source_if_match, context);
  std::optional<ObjectInfo> source;
  if (known != nullptr) {
    source = *known;
    source->key = request.source;
  } else if (const auto blob = TRY(FindBlob(request.source, context))) {
    source = blobs_.Describe(*blob);
  }
  return source;
}

Result<ObjectInfo> FlatStore::RenameFile(const RenameRequest& request, const CallContext& context) {
  TRY_VOID(CheckFileKey(request.source));
  TRY_VOID(CheckFileKey(request.destination));
  const auto source = TRY(FindSource(request, context));
  CopyRequest copy{.key = request.destination,
                   .source_name = BlobName(request.source),
                   .destination_name = BlobName(request.destination),
                   .source_etag = source ? source->etag : ETag(),
                   .tier = source && source->attributes ? source->attributes->tier : std::string(),
                   .conditions = request.destination_conditions};
  if (!source) return FindMoved(request, copy, context);
  if (source->kind == NodeKind::kDirectory) {
    return Fail(ErrorCode::kIsDirectory,
                fmt::format("rename '{}': it is a directory", request.source.path));
  }
  if (request.source_if_match && source->etag != *request.source_if_match) {
    return Fail(ErrorCode::kPreconditionFailed,
                fmt::format("rename '{}': it has changed", request.source.path));
  }
  if (!request.no_directory_there && TRY(FindPrefix(request.destination, context)).exists) {
    const bool in_the_way = request.destination_conditions.must_not_exist;
    return Fail(in_the_way ? ErrorCode::kAlreadyExists : ErrorCode::kIsDirectory,
                fmt::format("rename to '{}': it is a directory", request.destination.path));
  }
  if (source->size_bytes == 0 && request.destination.name().empty()) {
    return Fail(ErrorCode::kInvalidName,
                fmt::format("rename to '{}': without content it is a directory's marker",
                            request.destination.path));
  }
  const bool any_version = !copy.conditions.if_match && !copy.conditions.must_not_exist;
  if (any_version && !request.no_directory_there)
    copy.conditions = TRY(ForFile(request.destination, context));
  recent_renames_.Remember(request.destination, *source);
  copy.metadata = TRY(blobs_.MetadataForCopy(*source));
  auto copied = Copy(copy, context);
  if (!copied && context.retried && !copied.error().retryable) {
    const auto there = TRY(FindEarlierCopy(copy, *source, context));
    if (there) copied = Copied{.etag = there->etag, .last_modified = there->last_modified};
  }
  if (!copied) return Fail(std::move(copied).error());
  const Status deleted = DeleteBlob(request.source, copy.source_name, source->etag, context);
  const bool deleted_before = !deleted && context.retried && IsNotFound(deleted.error());
  if (!deleted_before) TRY_VOID(AfterActing(deleted));
  ObjectInfo moved = *source;
  moved.key = request.destination;
  moved.etag = copied->etag;
  moved.last_modified = copied->last_modified;
  return moved;
}

// The source is gone: kNotFound, unless an earlier attempt of this rename has moved it.
Result<ObjectInfo> FlatStore::FindMoved(const RenameRequest& request, const CopyRequest& copy,
                                        const CallContext& context) {
  const auto moved =
      context.retried ? recent_renames_.Find(request.source, request.destination) : std::nullopt;
  if (moved) {
    const auto there = TRY(FindEarlierCopy(copy, *moved, context));
    if (there) {
      recent_renames_.Forget(request.source, request.destination);
      return blobs_.Describe(*there);
    }
  }
  return Fail(ErrorCode::kNotFound,
              fmt::format("rename '{}': it does not exist", request.source.path));
}

Status FlatStore::CheckDirectoryRename(const RenameRequest& request, const Directory& source,
                                       const std::optional<Sighting>& blob_there,
                                       const Directory& there) const {
  if (request.source_if_match && source.etag() != *request.source_if_match) {
    return Fail(ErrorCode::kPreconditionFailed,
                fmt::format("rename '{}': it has changed", request.source.path));
  }
  if (request.destination_conditions.must_not_exist && (blob_there || there.exists)) {
    return Fail(ErrorCode::kAlreadyExists,
                fmt::format("rename to '{}': it exists", request.destination.path));
  }
  if (blob_there && !blob_there->is_directory) {
    return Fail(ErrorCode::kNotDirectory,
                fmt::format("rename to '{}': it is a file", request.destination.path));
  }
  if (there.has_children) {
    return Fail(ErrorCode::kNotEmpty,
                fmt::format("rename to '{}': it is not empty", request.destination.path));
  }
  return {};
}

// The destination's marker names the source until everything has moved, and the source's own marker
// goes before that: whoever calls again finds what is left to do, and nobody's directory is taken
// for ours.
Result<ObjectInfo> FlatStore::RenameDirectory(const RenameRequest& request,
                                              const CallContext& context) {
  const auto blob = TRY(FindBlob(request.source, context));
  const Directory source = TRY(FindDirectory(request.source, blob, context));
  const auto blob_there = TRY(FindBlob(request.destination, context));
  const Directory there = TRY(FindDirectory(request.destination, blob_there, context));
  Attributes attributes = *DescribeDirectory(request.destination, there).attributes;
  const std::string marker_name = MarkerName(request.destination, blob_there, there);
  ETag mark_version = there.etag();
  const auto mark = attributes.foreign.find(kMovingFrom);
  const bool going_on =
      mark != attributes.foreign.end() && mark->second == MovingFrom(request.source);
  if (going_on) {
    attributes.foreign.erase(mark);
  } else if (source.exists) {
    TRY_VOID(CheckDirectoryRename(request, source, blob_there, there));
    attributes = *DescribeDirectory(request.source, source).attributes;
    Attributes moving = attributes;
    moving.foreign[kMovingFrom] = MovingFrom(request.source);
    Conditions unchanged{.must_not_exist = !there.marker().has_value()};
    if (there.marker()) unchanged.if_match = mark_version;
    mark_version =
        TRY(WriteMarker(request.destination, marker_name, moving, unchanged, context)).etag;
  } else if (context.retried && there.exists &&
             recent_renames_.Find(request.source, request.destination)) {
    recent_renames_.Forget(request.source, request.destination);
    return DescribeDirectory(request.destination, there);
  } else {
    return Fail(blob ? ErrorCode::kNotDirectory : ErrorCode::kNotFound,
                fmt::format("rename '{}': there is no such directory", request.source.path));
  }
  recent_renames_.Remember(request.destination, {.key = request.source});
  TRY_VOID(AfterActing(MoveChildren(request, context)));
  TRY_VOID(AfterActing(RemoveEmptied(request.source, context)));
  return AfterActing(WriteMarker(request.destination, marker_name, attributes,
                                 {.if_match = mark_version}, context));
}

// The markers of a directory whose children have moved.
Status FlatStore::RemoveEmptied(const ObjectKey& key, const CallContext& context) const {
  const auto blob = TRY(FindBlob(key, context));
  const Directory rest = TRY(FindDirectory(key, blob, context));
  if (rest.has_children)
    return Fail(ErrorCode::kConflict, "files appeared while a directory was renamed");
  if (!rest.marker()) return {};
  Status deleted = DeleteMarkers(key, rest, context);
  if (!deleted && IsNotFound(deleted.error())) return {};
  return deleted;
}

// The first blobs below a directory, without its own marker; none: there are none.
Result<std::vector<ListedBlob>> FlatStore::FirstBlobs(const ObjectKey& directory,
                                                      const CallContext& context) const {
  const std::string marker = blobs_.names().ChildPrefix(directory);
  BlobListQuery query{.directory = directory, .one_level = false};
  ListingGuard guard(directory.path, false);
  for (;;) {
    BlobListPage page = TRY(blobs_.List(query, context));
    std::erase_if(page.entries, [&](const ListedBlob& blob) {
      return blob.name == marker && IsSlashMarker(blob);
    });
    if (!page.entries.empty() || page.next_marker.empty()) return std::move(page.entries);
    TRY_VOID(guard.Check({.entries = {}, .continuation = page.next_marker}));
    query.marker = std::move(page.next_marker);
  }
}

// Page by page from the start, since what was moved is gone from the next listing.
Status FlatStore::MoveChildren(const RenameRequest& request, const CallContext& context) const {
  const std::string from = blobs_.names().ChildPrefix(request.source);
  const std::string to = blobs_.names().ChildPrefix(request.destination);
  DrainGuard guard("rename " + request.source.path);
  for (;;) {
    const std::vector<ListedBlob> blobs = TRY(FirstBlobs(request.source, context));
    if (blobs.empty()) return {};
    TRY_VOID(guard.Check(blobs.front().name, blobs.back().name));
    std::vector<Status> statuses(blobs.size());
    FanOut(blobs.size(), [&](std::size_t i) {
      const ListedBlob& blob = blobs[i];
      auto metadata = blobs_.MetadataForCopy(blobs_.Describe(request.source, blob, false));
      if (!metadata) {
        statuses[i] = Fail(metadata.error());
        return;
      }
      statuses[i] = MoveBlob({.key = request.destination,
                              .source_name = blob.name,
                              .destination_name = to + blob.name.substr(from.size()),
                              .source_etag = blob.etag,
                              .tier = blob.tier,
                              .metadata = *std::move(metadata),
                              .conditions = {}},
                             context);
    });
    for (Status& status : statuses) TRY_VOID(std::move(status));
    if (clock_.Now() >= context.deadline) {
      return Fail(
          Error{.code = ErrorCode::kTimedOut,
                .message = fmt::format("rename '{}': not done in time", request.source.path),
                .retryable = true});
    }
  }
}

}  // namespace skybridge::azure
