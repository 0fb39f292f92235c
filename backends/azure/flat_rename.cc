// Renames of a flat account: copy on the server, wait, delete the source. Part of FlatStore.
#include <algorithm>

#include <fmt/format.h>

#include "backends/azure/fan_out.h"
#include "backends/azure/flat_store.h"
#include "backends/azure/url.h"

namespace skybridge::azure {
namespace {

constexpr std::string_view kCopySucceeded = "success";

Error CopyFailed(const ObjectKey& key, std::string_view status, std::string_view description) {
  return Error{.code = ErrorCode::kUnavailable,
               .message = fmt::format("copy to '{}': {} {}", key.path, status, description),
               .retryable = true};
}

// The copy source that a blob remembers carries no SAS of ours, but perhaps the emulator's other
// spelling of the host.
std::string_view WithoutQuery(std::string_view url) { return url.substr(0, url.find('?')); }

}  // namespace

Result<FlatStore::Copied> FlatStore::Copy(const CopyRequest& request,
                                          const CallContext& context) const {
  const Names& names = blobs_.names();
  auto response =
      blobs_.channel().Send(MakeCopyBlobRequest({.url = names.BlobUrl(request.destination_name),
                                                 .source_url = names.BlobUrl(request.source_name),
                                                 .source_if_match = request.source_etag,
                                                 .conditions = request.conditions}),
                            request.key, context);
  if (!response) return Fail(AsWriteError(response.error(), request.conditions));
  const HttpHeaders& headers = response->headers;
  if (headers.Get("x-ms-copy-status") != kCopySucceeded) {
    return AwaitCopy(request, std::string(headers.Get("x-ms-copy-id")), context);
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

// Whether the destination is what our own earlier attempt left. While the source is still there,
// that must be beyond doubt, since the source is deleted next: the same content, or a copy that
// ended after the source's last change.
Result<bool> FlatStore::IsEarlierCopy(const CopyRequest& request,
                                      const std::optional<Sighting>& source,
                                      const CallContext& context) const {
  const HttpRequest head = MakeHeadBlobRequest(blobs_.names().BlobUrl(request.destination_name));
  const auto response = blobs_.channel().Send(head, request.key, context);
  if (!response) {
    if (response.error().code == ErrorCode::kNotFound) return false;
    return Fail(response.error());
  }
  const HttpHeaders& headers = response->headers;
  const std::string_view copied_from = SplitUrl(WithoutQuery(headers.Get("x-ms-copy-source"))).path;
  const std::string source_url = blobs_.names().BlobUrl(request.source_name);
  if (copied_from != SplitUrl(source_url).path || headers.Get("x-ms-copy-status") != kCopySucceeded)
    return false;
  if (!source) return true;
  const Sighting there = SightingFromHeaders(request.key, headers);
  const bool same_digest = there.md5 && there.md5 == source->md5;
  const bool copied_later =
      ParseTime(headers.Get("x-ms-copy-completion-time")) > source->last_modified;
  return there.size_bytes == source->size_bytes && (same_digest || copied_later);
}

Status FlatStore::MoveBlob(const CopyRequest& request, const CallContext& context) const {
  TRY_VOID(Copy(request, context));
  return DeleteBlob(request.key, request.source_name, request.source_etag, context);
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

Result<ObjectInfo> FlatStore::RenameFile(const RenameRequest& request,
                                         const CallContext& context) const {
  const auto source = TRY(FindBlob(request.source, context));
  CopyRequest copy{.key = request.destination,
                   .source_name = BlobName(request.source),
                   .destination_name = BlobName(request.destination),
                   .source_etag = source ? source->etag : ETag(),
                   .conditions = request.destination_conditions};
  if (!source) {
    if (context.retried && TRY(IsEarlierCopy(copy, source, context))) {
      return blobs_.Describe(TRY(blobs_.Head(request.destination, copy.destination_name, context)));
    }
    return Fail(ErrorCode::kNotFound,
                fmt::format("rename '{}': it does not exist", request.source.path));
  }
  if (source->is_directory) {
    return Fail(ErrorCode::kIsDirectory,
                fmt::format("rename '{}': it is a directory", request.source.path));
  }
  if (request.source_if_match && source->etag != *request.source_if_match) {
    return Fail(ErrorCode::kPreconditionFailed,
                fmt::format("rename '{}': it has changed", request.source.path));
  }
  if (TRY(FindPrefix(request.destination, context)).exists) {
    const bool in_the_way = request.destination_conditions.must_not_exist;
    return Fail(in_the_way ? ErrorCode::kAlreadyExists : ErrorCode::kIsDirectory,
                fmt::format("rename to '{}': it is a directory", request.destination.path));
  }
  auto copied = Copy(copy, context);
  if (!copied && context.retried && !copied.error().retryable &&
      TRY(IsEarlierCopy(copy, source, context))) {
    const Sighting there = TRY(blobs_.Head(request.destination, copy.destination_name, context));
    copied = Copied{.etag = there.etag, .last_modified = there.last_modified};
  }
  if (!copied) return Fail(std::move(copied).error());
  TRY_VOID(DeleteBlob(request.source, copy.source_name, source->etag, context));
  Sighting moved = *source;
  moved.key = request.destination;
  moved.etag = copied->etag;
  moved.last_modified = copied->last_modified;
  return blobs_.Describe(std::move(moved));
}

Status FlatStore::CheckDirectoryRename(const RenameRequest& request, const Directory& source,
                                       const CallContext& context) const {
  const bool resuming = context.retried;
  const ETag source_etag = source.marker ? source.marker->etag : ETag();
  if (request.source_if_match && source_etag != *request.source_if_match && !resuming) {
    return Fail(ErrorCode::kPreconditionFailed,
                fmt::format("rename '{}': it has changed", request.source.path));
  }
  const auto blob = TRY(FindBlob(request.destination, context));
  const Directory there = TRY(FindDirectory(request.destination, blob, context));
  const bool file_there = blob && !blob->is_directory;
  if (request.destination_conditions.must_not_exist && (blob || there.exists) && !resuming) {
    return Fail(ErrorCode::kAlreadyExists,
                fmt::format("rename to '{}': it exists", request.destination.path));
  }
  if (file_there) {
    return Fail(ErrorCode::kNotDirectory,
                fmt::format("rename to '{}': it is a file", request.destination.path));
  }
  // Our own first attempt may have filled it in part.
  if (there.has_children && !resuming) {
    return Fail(ErrorCode::kNotEmpty,
                fmt::format("rename to '{}': it is not empty", request.destination.path));
  }
  return {};
}

Result<ObjectInfo> FlatStore::RenameDirectory(const RenameRequest& request,
                                              const CallContext& context) const {
  const auto blob = TRY(FindBlob(request.source, context));
  const Directory source = TRY(FindDirectory(request.source, blob, context));
  const auto describe_destination = [&]() -> Result<ObjectInfo> {
    const auto there = TRY(FindBlob(request.destination, context));
    const Directory directory = TRY(FindDirectory(request.destination, there, context));
    if (directory.exists) return DescribeDirectory(request.destination, directory);
    return Fail(ErrorCode::kNotFound, fmt::format("'{}' does not exist", request.destination.path));
  };
  if (!source.exists) {
    if (context.retried) return describe_destination();
    return Fail(blob ? ErrorCode::kNotDirectory : ErrorCode::kNotFound,
                fmt::format("rename '{}': there is no such directory", request.source.path));
  }
  TRY_VOID(CheckDirectoryRename(request, source, context));
  TRY_VOID(MoveChildren(request, context));
  // The marker goes last: as long as it is there, the source can be found and the rename taken up
  // again.
  const Directory rest = TRY(FindDirectory(request.source, blob, context));
  if (rest.has_children)
    return Fail(ErrorCode::kConflict, "files appeared while a directory was renamed");
  if (rest.marker) {
    TRY_VOID(MoveBlob({.key = request.destination,
                       .source_name = rest.marker_name,
                       .destination_name = blobs_.names().ChildPrefix(request.destination),
                       .source_etag = rest.marker->etag,
                       .conditions = {}},
                      context));
  }
  return describe_destination();
}

// Page by page from the start, since what was moved is gone from the next listing.
Status FlatStore::MoveChildren(const RenameRequest& request, const CallContext& context) const {
  const std::string from = blobs_.names().ChildPrefix(request.source);
  const std::string to = blobs_.names().ChildPrefix(request.destination);
  BlobListQuery query{.directory = request.source, .one_level = false};
  for (;;) {
    BlobListPage page = TRY(blobs_.List(query, context));
    std::erase_if(page.entries, [&](const ListedBlob& blob) { return blob.name == from; });
    if (page.entries.empty() && page.next_marker.empty()) return {};
    query.marker = page.entries.empty() ? page.next_marker : std::string();
    std::vector<Status> statuses(page.entries.size());
    FanOut(page.entries.size(), [&](std::size_t i) {
      const ListedBlob& blob = page.entries[i];
      statuses[i] = MoveBlob({.key = request.destination,
                              .source_name = blob.name,
                              .destination_name = to + blob.name.substr(from.size()),
                              .source_etag = blob.etag,
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
