#include "backends/azure/hierarchical_store.h"

#include <algorithm>

#include <fmt/format.h>

#include "backends/after_acting.h"
#include "backends/azure/dfs_requests.h"
#include "backends/fan_out.h"
#include "backends/known_version.h"
#include "core/digest.h"
#include "core/log.h"

namespace skybridge::azure {
namespace {

constexpr MetadataDialect kDialect = MetadataDialect::kAzureHierarchical;

Capabilities MakeCapabilities(const Options& options) {
  const bool dfs_only = options.blob_endpoint.empty();
  Capabilities capabilities = {
      .name = "azure-hns",
      .real_directories = true,
      .atomic_directory_rename = true,
      .list_has_attributes = !dfs_only,
      // Directories and files of one level come in the service's own order.
      .list_is_sorted = false,
      .set_attributes_rewrites = false,
      // Files that were put whole refuse appends, and nothing tells beforehand.
      .append = false,
      .keeps_xattrs = true,
      .keeps_access = true,
      .tiers = dfs_only ? std::vector<std::string>()
                        : std::vector<std::string>(kAzureTiers.begin(), kAzureTiers.end()),
      .max_checked_range_bytes = kMaxRangeDigestBytes,
      .max_put_bytes = dfs_only ? kMaxPartBytes : kMaxPutBytes,
      .min_part_bytes = 1,
      .max_part_bytes = kMaxPartBytes,
      .max_parts = kMaxParts};
  // A copy gives no file away: ids of another place mean nobody here.
  if (const auto& ids = options.account_ids)
    capabilities.owner_limits = {.uid = ids->default_uid, .gids = {ids->default_gid}};
  return capabilities;
}

bool IsUpload(const ObjectKey& key) { return key.name().starts_with(kUploadPrefix); }

// Whether a repeated rename that failed finds its own first attempt. A rename keeps the ETag: the
// same version under the new name proves it. For a directory whose version was not named, that the
// old name is gone and the new one is a directory must do.
bool IsRenamed(const RenameRequest& request, const ObjectInfo& there, const Error& error) {
  if (request.source_if_match) return there.etag == *request.source_if_match;
  return request.kind == NodeKind::kDirectory && there.kind == NodeKind::kDirectory &&
         error.code == ErrorCode::kNotFound;
}

}  // namespace

HierarchicalStore::HierarchicalStore(const Options& options, HttpTransport& transport,
                                     const Clock& clock)
    : capabilities_(MakeCapabilities(options)),
      blobs_(options, kDialect, transport, clock),
      access_(blobs_) {}

Result<ProbeReply> HierarchicalStore::Probe(const CallContext& context) {
  ProbeReply reply = TRY(blobs_.Probe(
      blobs_.dfs_only() ? "hierarchical namespace, through DFS only" : "hierarchical namespace",
      context));
  if (blobs_.account_ids() == nullptr) return reply;
  // Whether we may set what is there already.
  const AccessControl root = TRY(access_.Read(ObjectKey(), context));
  TRY_VOID(access_.Change(ObjectKey(), {}, {.owner = {}, .group = {}, .acl = root.acl}, context));
  reply.detail += "; modes and owners are the account's";
  return reply;
}

Result<ListPage> HierarchicalStore::List(const ListRequest& request, const CallContext& context) {
  if (!request.directory.is_root()) TRY_VOID(CheckAzureKey(request.directory, capabilities_));
  BlobListPage blobs = TRY(blobs_.List({.directory = request.directory,
                                        .one_level = !request.recursive,
                                        .marker = request.continuation,
                                        .max_results = request.max_entries},
                                       context));
  // The Blob protocol lists a missing directory as an empty one.
  if (blobs.entries.empty() && blobs.next_marker.empty() && request.continuation.empty()) {
    TRY_VOID(CheckIsDirectory(request.directory, context));
  }
  ListPage page{.entries = {}, .continuation = std::move(blobs.next_marker)};
  std::size_t unfinished = 0;
  for (const ListedBlob& blob : blobs.entries) {
    auto key = blobs_.names().KeyOf(blob.name);
    if (!key) {
      page.Hide(blob.name);
    } else if (blobs_.dfs_only() && *key == request.directory) {
      // A file that was listed as if it were a directory.
      return Fail(ErrorCode::kNotDirectory, fmt::format("'{}' is not a directory", key->path));
    } else if (IsUpload(*key)) {
      ++unfinished;
    } else {
      const bool marked = blob.size_bytes == 0 && blob.metadata && IsFolderMarker(*blob.metadata);
      const bool is_directory = blob.is_prefix || blob.is_directory || marked;
      page.entries.push_back(blobs_.Describe(*std::move(key), blob, is_directory));
    }
  }
  if (request.recursive && unfinished > 0) {
    Log(LogLevel::kInfo,
        "'{}': a page of the listing hides {} unfinished uploads, of writers that are at work or "
        "were killed",
        request.directory.path, unfinished);
  }
  return page;
}

Status HierarchicalStore::CheckIsDirectory(const ObjectKey& key, const CallContext& context) const {
  const std::string name = BlobName(key);
  if (name.empty()) return {};
  const Sighting sighting = TRY(blobs_.Head(key, name, context));
  if (sighting.is_directory) return {};
  return Fail(ErrorCode::kNotDirectory, fmt::format("'{}' is not a directory", key.path));
}

Result<ObjectInfo> HierarchicalStore::Head(const ObjectKey& key, const CallContext& context) {
  if (BlobName(key).empty()) {
    TRY_VOID(Probe(context));
    return ObjectInfo{.key = key, .kind = NodeKind::kDirectory, .attributes = Attributes{}};
  }
  if (!key.is_root()) TRY_VOID(CheckAzureKey(key, capabilities_));
  Sighting sighting = TRY(blobs_.Head(key, BlobName(key), context));
  if (sighting.access && !sighting.is_directory) access_.Note(key, *sighting.access);
  return blobs_.Describe(std::move(sighting));
}

Result<GetReply> HierarchicalStore::Get(const GetRequest& request, std::span<std::byte> into,
                                        const CallContext& context) {
  TRY_VOID(CheckAzureKey(request.key, capabilities_));
  return blobs_.Get(request, into, context);
}

// Of a path that is there: what `attributes` ask of its access.
Status HierarchicalStore::ChangeAccess(const ObjectKey& key, const Attributes& attributes,
                                       const CallContext& context) const {
  const AccountIds* const ids = blobs_.account_ids();
  if (ids == nullptr && !attributes.access) return {};
  const AccessControl has = TRY(access_.Read(key, context));
  const AccessControl change =
      ids == nullptr ? *attributes.access : TRY(AccessAsWanted(*ids, has, attributes));
  return access_.Change(key, has, change, context);
}

Result<ObjectInfo> HierarchicalStore::SetAttributes(const SetAttributesRequest& request,
                                                    const CallContext& context) {
  if (BlobName(request.key).empty())
    return Fail(ErrorCode::kNotSupported, "the root of a file system cannot keep attributes");
  if (!request.key.is_root()) TRY_VOID(CheckAzureKey(request.key, capabilities_));
  TRY_VOID(ChangeAccess(request.key, request.attributes, context));
  const bool conditional = request.if_match && !request.if_match->empty();
  ObjectInfo info =
      TRY(blobs_.SetMetadata({.key = request.key,
                              .blob_name = BlobName(request.key),
                              .kind = request.kind,
                              .attributes = request.attributes,
                              .if_match = conditional ? request.if_match : std::nullopt,
                              .info = request.info,
                              .set_tier = request.set_tier},
                             context));
  return WithAccess(std::move(info), context);
}

// Of a directory that was just made.
Status HierarchicalStore::GiveAccess(const MakeDirectoryRequest& request,
                                     const CallContext& context) const {
  if (const auto& access = request.attributes.access)
    return access_.Change(request.key, {}, *access, context);
  if (blobs_.account_ids() == nullptr || !request.attributes.mode) return {};
  const AccessControl has = TRY(access_.Read(request.key, context));
  const std::uint32_t mode = ModeOfAcl(has.acl) & *request.attributes.mode;
  return access_.Change(request.key, has,
                        {.owner = {}, .group = {}, .acl = AclWithMode(has.acl, mode)}, context);
}

Result<ObjectInfo> HierarchicalStore::MakeDirectory(const MakeDirectoryRequest& request,
                                                    const CallContext& context) {
  TRY_VOID(CheckAzureKey(request.key, capabilities_));
  const MetadataMap metadata = TRY(blobs_.Encode(NodeKind::kDirectory, request.attributes));
  const auto response = blobs_.channel().Send(
      MakeCreatePathRequest(
          {.url = DfsUrl(request.key), .kind = NodeKind::kDirectory, .properties = metadata}),
      request.key, context);
  Sighting made{.key = request.key, .is_directory = true, .metadata = metadata};
  if (response) {
    made.etag = StripETag(response->headers.Get("ETag"));
    made.last_modified = ParseTime(response->headers.Get("Last-Modified"));
    TRY_VOID(AfterActing(GiveAccess(request, context)));
    return WithAccess(blobs_.Describe(std::move(made)), context);
  }
  Error error = response.error();
  if (error.code == ErrorCode::kIsDirectory)
    error.code = ErrorCode::kNotDirectory;  // a file in the path
  if (!context.retried || error.code != ErrorCode::kAlreadyExists) return Fail(std::move(error));
  const auto there = blobs_.Head(request.key, BlobName(request.key), context);
  if (IsOpen(there)) return Fail(there.error());
  if (!there || !there->is_directory) return Fail(std::move(error));
  ObjectInfo found = blobs_.Describe(*there);
  if (!blobs_.SameRecorded(found, blobs_.Describe(std::move(made)))) return Fail(std::move(error));
  return found;
}

Status HierarchicalStore::RemoveDirectory(const ObjectKey& key, const CallContext& context) {
  TRY_VOID(CheckAzureKey(key, capabilities_));
  // The service would delete a file just as well.
  Status removed = CheckIsDirectory(key, context);
  if (removed) removed = DeletePath(key, NodeKind::kDirectory, std::nullopt, context);
  if (removed) return removed;
  if (context.retried && removed.error().code == ErrorCode::kNotFound) return {};
  if (removed.error().code != ErrorCode::kNotEmpty) return removed;
  // Perhaps only the hidden remains of writers that crashed long ago are in the way.
  if (!TRY(DeleteStaleUploads(key, context))) return removed;
  return DeletePath(key, NodeKind::kDirectory, std::nullopt, context);
}

// True if the directory held nothing but uploads that nobody has touched for longer than staged
// data lives, by the store's time. One that may be alive is named in the log: the directory looks
// empty, and cannot be removed.
Result<bool> HierarchicalStore::DeleteStaleUploads(const ObjectKey& directory,
                                                   const CallContext& context) const {
  constexpr std::chrono::days kStagedDataLives{7};
  const BlobListPage page = TRY(blobs_.List({.directory = directory}, context));
  const bool dated = page.server_time != WallTime{};
  const WallTime now = dated ? page.server_time : blobs_.channel().clock().WallNow();
  const ListedBlob* living = nullptr;
  for (const ListedBlob& blob : page.entries) {
    const auto key = blobs_.names().KeyOf(blob.name);
    if (!key || blob.is_prefix || !IsUpload(*key)) return false;
    if (blob.last_modified > now - kStagedDataLives) living = &blob;
  }
  if (living != nullptr) {
    Log(LogLevel::kWarning,
        "the directory '{}' holds nothing but the unfinished upload '{}' of a writer that may be "
        "alive, and cannot be removed; if it is dead, the upload is removed with the directory "
        "after {} days",
        directory.path, living->name, kStagedDataLives.count());
    return false;
  }
  for (const ListedBlob& blob : page.entries) {
    TRY_VOID(DeletePath(*blobs_.names().KeyOf(blob.name), NodeKind::kFile, blob.etag, context));
  }
  return page.next_marker.empty();
}

Result<ObjectInfo> HierarchicalStore::Rename(const RenameRequest& request,
                                             const CallContext& context) {
  TRY_VOID(CheckAzureKey(request.source, capabilities_));
  TRY_VOID(CheckAzureKey(request.destination, capabilities_));
  if (request.source == request.destination) return Head(request.source, context);
  if (IsBelow(request.destination, request.source)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("rename '{}' to '{}': into itself", request.source.path,
                            request.destination.path));
  }
  const auto response = blobs_.channel().Send(
      MakeRenamePathRequest({.url = DfsUrl(request.destination),
                             .source = blobs_.names().RenameSource(BlobName(request.source)),
                             .source_if_match = request.source_if_match,
                             .conditions = request.destination_conditions}),
      request.source, context);
  if (response) {
    // A rename keeps the version, and newer versions of the service say so.
    const ObjectInfo* const known =
        KnownVersion(request.source_info, request.source_if_match, context);
    if (known == nullptr || known->etag != StripETag(response->headers.Get("ETag")))
      return AfterActing(Head(request.destination, context));
    ObjectInfo moved = *known;
    moved.key = request.destination;
    return moved;
  }
  Error error = AsWriteError(response.error(), request.destination_conditions);
  if (error.code == ErrorCode::kIsDirectory && request.kind == NodeKind::kDirectory) {
    error.code = ErrorCode::kNotDirectory;
  }
  if (context.retried && !error.retryable) {
    auto there = Head(request.destination, context);
    if (IsOpen(there)) return there;
    if (there && IsRenamed(request, *there, error)) return there;
  }
  return Fail(std::move(error));
}

Status HierarchicalStore::DeletePath(const ObjectKey& key, NodeKind kind,
                                     const std::optional<ETag>& if_match,
                                     const CallContext& context) const {
  const HttpRequest request =
      MakeDeletePathRequest({.url = DfsUrl(key), .kind = kind, .if_match = if_match});
  TRY_VOID(blobs_.channel().Send(request, key, context));
  return {};
}

Status HierarchicalStore::Delete(const DeleteRequest& request, const CallContext& context) {
  TRY_VOID(CheckAzureKey(request.key, capabilities_));
  Status deleted = DeletePath(request.key, NodeKind::kFile, request.if_match, context);
  if (deleted || deleted.error().retryable) return deleted;
  if (deleted.error().code == ErrorCode::kNotFound) return context.retried ? Status() : deleted;
  // Without `recursive` the service refuses a directory, in words that differ.
  if (CheckIsDirectory(request.key, context)) {
    return Fail(ErrorCode::kIsDirectory,
                fmt::format("delete '{}': it is a directory", request.key.path));
  }
  return deleted;
}

std::vector<Status> HierarchicalStore::DeleteMany(std::span<const DeleteRequest> requests,
                                                  const CallContext& context) {
  std::vector<Status> statuses(requests.size());
  FanOut(requests.size(), [&](std::size_t i) { statuses[i] = Delete(requests[i], context); });
  return statuses;
}

}  // namespace skybridge::azure
