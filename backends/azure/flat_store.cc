#include "backends/azure/flat_store.h"

#include <algorithm>

#include <fmt/format.h>

#include "backends/after_acting.h"
#include "backends/azure/flat_listing.h"
#include "backends/fan_out.h"
#include "backends/listing_guard.h"
#include "core/encoding.h"

namespace skybridge::azure {
namespace {

constexpr MetadataDialect kDialect = MetadataDialect::kAzureFlat;
// A part may be as long as the whole name.
constexpr std::uint32_t kMaxKeyBytes = 1024;

Capabilities MakeCapabilities() {
  return {.name = "azure-flat",
          .real_directories = false,
          .atomic_directory_rename = false,
          .list_has_attributes = true,
          .list_is_sorted = true,
          .set_attributes_rewrites = false,
          .append = false,
          .keeps_xattrs = true,
          .tiers = {kAzureTiers.begin(), kAzureTiers.end()},
          .max_checked_range_bytes = kMaxRangeDigestBytes,
          .max_put_bytes = kMaxPutBytes,
          .min_part_bytes = 1,
          .max_part_bytes = kMaxPartBytes,
          .max_parts = kMaxParts,
          .any_key_parts = true,
          .max_key_bytes = kMaxKeyBytes,
          .max_name_bytes = kMaxKeyBytes};
}

bool IsNotFound(const Error& error) { return error.code == ErrorCode::kNotFound; }

bool NamesNoVersion(const Conditions& conditions) {
  return !conditions.if_match && !conditions.must_not_exist;
}

// A condition that the caller did not ask for did not hold: the call can be made again.
Error Overtaken(Error error) {
  if (error.code == ErrorCode::kAlreadyExists || error.code == ErrorCode::kPreconditionFailed) {
    error.code = ErrorCode::kConflict;
    error.retryable = true;
  }
  return error;
}

template <class T>
T AgainIfOvertaken(T outcome) {
  if (!outcome) outcome.error() = Overtaken(std::move(outcome).error());
  return outcome;
}

// Ids of one blob must have one length.
std::string BlockId(const std::string& nonce, std::uint32_t part_number) {
  return Base64Encode(AsBytes(fmt::format("{}-{:05}", nonce, part_number)));
}

}  // namespace

FlatStore::FlatStore(const Options& options, HttpTransport& transport, Clock& clock)
    : capabilities_(MakeCapabilities()),
      clock_(clock),
      blobs_(options, kDialect, transport, clock) {}

Result<ProbeReply> FlatStore::Probe(const CallContext& context) {
  return blobs_.Probe("flat namespace", context);
}

// ---- Looking ----

Result<std::optional<Sighting>> FlatStore::FindBlob(const ObjectKey& key,
                                                    const CallContext& context) const {
  const std::string name = BlobName(key);
  if (name.empty()) return std::optional<Sighting>();
  auto sighting = blobs_.Head(key, name, context);
  if (!sighting && IsNotFound(sighting.error())) return std::optional<Sighting>();
  if (!sighting) return Fail(std::move(sighting).error());
  // An empty "dir/" is a marker, of another directory.
  if (name.ends_with('/') && sighting->size_bytes == 0) return std::optional<Sighting>();
  return std::optional(*std::move(sighting));
}

Result<FlatStore::Directory> FlatStore::FindPrefix(const ObjectKey& key,
                                                   const CallContext& context) const {
  Directory directory;
  BlobListQuery query{.directory = key, .one_level = false, .marker = {}, .max_results = 2};
  const std::string prefix = blobs_.names().ChildPrefix(key);
  ListingGuard guard(key.path, false);
  do {
    const BlobListPage page = TRY(blobs_.List(query, context));
    for (const ListedBlob& blob : page.entries) {
      directory.exists = true;
      if (blob.name != prefix || !IsSlashMarker(blob)) {
        directory.has_children = true;
        return directory;
      }
      directory.slash_marker = Sighting{.key = key,
                                        .is_directory = true,
                                        .etag = blob.etag,
                                        .last_modified = blob.last_modified,
                                        .metadata = blob.metadata};
    }
    TRY_VOID(guard.Check({.entries = {}, .continuation = page.next_marker}));
    query.marker = page.next_marker;  // an empty page with a marker proves nothing
  } while (!query.marker.empty());
  return directory;
}

Result<FlatStore::Directory> FlatStore::FindDirectory(const ObjectKey& key,
                                                      const std::optional<Sighting>& blob,
                                                      const CallContext& context) const {
  Directory directory = TRY(FindPrefix(key, context));
  if (blob && blob->is_directory) {
    directory.exists = true;
    directory.named_marker = blob;
  }
  return directory;
}

ObjectInfo FlatStore::DescribeDirectory(const ObjectKey& key, const Directory& directory) const {
  if (directory.marker()) return blobs_.Describe(*directory.marker());
  return ObjectInfo{.key = key, .kind = NodeKind::kDirectory, .attributes = Attributes{}};
}

std::string FlatStore::MarkerName(const ObjectKey& key, const std::optional<Sighting>& blob,
                                  const Directory& directory) const {
  const bool name_is_taken = BlobName(key).empty() || (blob && !blob->is_directory);
  const bool slash = name_is_taken || (directory.slash_marker && !directory.named_marker);
  return slash ? blobs_.names().ChildPrefix(key) : BlobName(key);
}

Result<Conditions> FlatStore::ForFile(const ObjectKey& key, const CallContext& context) const {
  const auto blob = TRY(FindBlob(key, context));
  // No condition: Azurite (3.x) takes blocks that nobody has committed for a blob that exists.
  if (!blob) return Conditions{};
  if (!blob->is_directory) return Conditions{.if_match = blob->etag};
  return Fail(ErrorCode::kIsDirectory, fmt::format("'{}' is a directory", key.path));
}

Status FlatStore::CheckFileKey(const ObjectKey& key) const {
  TRY_VOID(CheckAzureKey(key, capabilities_));
  if (!BlobName(key).empty()) return {};
  return Fail(ErrorCode::kInvalidName, "a blob without a name");
}

Result<ListPage> FlatStore::List(const ListRequest& request, const CallContext& context) {
  if (!request.directory.is_root()) TRY_VOID(CheckAzureKey(request.directory, capabilities_));
  BlobListQuery query{.directory = request.directory,
                      .one_level = !request.recursive,
                      .marker = request.continuation,
                      .max_results = request.max_entries};
  if (!request.recursive) return ToLevelPage(blobs_, query, TRY(blobs_.List(query, context)));
  const SortedPage::Continuation continuation = TRY(SortedPage::Parse(request.continuation));
  query.marker = continuation.marker;
  SortedPage sorted(blobs_);
  for (const std::string& path : continuation.held_paths) {
    const auto marker = TRY(FindBlob(ObjectKey(path), context));
    if (marker && marker->is_directory) sorted.Hold(blobs_.Describe(*marker));
  }
  return sorted.Convert(query, TRY(blobs_.List(query, context)));
}

Result<ObjectInfo> FlatStore::Head(const ObjectKey& key, const CallContext& context) {
  if (key.is_root()) {
    TRY_VOID(Probe(context));
    return DescribeDirectory(key, {});
  }
  TRY_VOID(CheckAzureKey(key, capabilities_));
  const auto blob = TRY(FindBlob(key, context));
  if (blob) return blobs_.Describe(*blob);
  const Directory directory = TRY(FindPrefix(key, context));
  if (directory.exists) return DescribeDirectory(key, directory);
  return Fail(ErrorCode::kNotFound, fmt::format("'{}' does not exist", key.path));
}

Result<ObjectInfo> FlatStore::HeadDirectory(const ObjectKey& key, const CallContext& context) {
  if (key.is_root()) return Head(key, context);
  TRY_VOID(CheckAzureKey(key, capabilities_));
  const auto blob = TRY(FindBlob(key, context));
  if (blob && blob->is_directory) return blobs_.Describe(*blob);
  const Directory directory = TRY(FindPrefix(key, context));
  if (directory.exists) return DescribeDirectory(key, directory);
  return Fail(ErrorCode::kNotFound, fmt::format("there is no directory '{}'", key.path));
}

// ---- Content ----

Result<GetReply> FlatStore::Get(const GetRequest& request, std::span<std::byte> into,
                                const CallContext& context) {
  TRY_VOID(CheckFileKey(request.key));
  return blobs_.Get(request, into, context);
}

Result<ObjectInfo> FlatStore::Put(const PutRequest& request, const CallContext& context) {
  TRY_VOID(CheckFileKey(request.key));
  if (request.kind == NodeKind::kDirectory) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("put '{}': directories are made otherwise", request.key.path));
  }
  if (request.body.size() > capabilities_.max_put_bytes) {
    return Fail(ErrorCode::kTooLarge,
                fmt::format("put '{}': {} bytes", request.key.path, request.body.size()));
  }
  if (request.body.empty() && request.key.name().empty()) {
    return Fail(
        ErrorCode::kInvalidName,
        fmt::format("put '{}': without content it is a directory's marker", request.key.path));
  }
  if (!NamesNoVersion(request.conditions))
    return blobs_.Put(request, BlobName(request.key), context);
  PutRequest exact = request;
  exact.conditions = TRY(ForFile(request.key, context));
  return AgainIfOvertaken(blobs_.Put(exact, BlobName(request.key), context));
}

Result<UploadId> FlatStore::StartUpload(const StartUploadRequest& request,
                                        const CallContext& /*context*/) {
  TRY_VOID(CheckFileKey(request.key));
  if (request.append_to) {
    return Fail(ErrorCode::kNotSupported,
                fmt::format("'{}': this store cannot append", request.key.path));
  }
  TRY(blobs_.Encode(NodeKind::kFile, request.attributes));
  return NewUploadId();
}

Result<PartReceipt> FlatStore::UploadPart(const UploadPartRequest& request,
                                          const CallContext& context) {
  const std::string nonce = TRY(LiveUpload(request.upload));
  TRY_VOID(CheckPart(request, capabilities_));
  const std::string id = BlockId(nonce, request.part_number);
  const HttpRequest put = MakePutBlockRequest({.url = blobs_.names().BlobUrl(BlobName(request.key)),
                                               .block_id = id,
                                               .body = request.body,
                                               .checksum = blobs_.checksum()});
  TRY_VOID(blobs_.channel().Send(put, request.key, context));
  return MakeReceipt(request, id);
}

Result<ObjectInfo> FlatStore::CommitUpload(const CommitUploadRequest& request,
                                           const CallContext& context) {
  const std::string nonce = TRY(LiveUpload(request.upload));
  const WholeContent whole = TRY(WholeOf(request));
  MetadataMap attributes = TRY(blobs_.Encode(NodeKind::kFile, request.attributes));
  MetadataMap metadata =
      CommitMetadata(std::move(attributes), nonce, whole, blobs_.channel().ServerNow());
  std::vector<std::string> ids;
  for (const PartReceipt& part : request.parts) ids.push_back(BlockId(nonce, part.part_number));
  const std::string xml = MakeBlockListXml(ids);
  const bool any_version = NamesNoVersion(request.conditions);
  const Conditions conditions =
      any_version ? TRY(ForFile(request.key, context)) : request.conditions;
  auto response = blobs_.channel().Send(
      MakePutBlockListRequest({.url = blobs_.names().BlobUrl(BlobName(request.key)),
                               .xml = xml,
                               .metadata = metadata,
                               .content = request.attributes.content,
                               .tier = request.attributes.tier,
                               .conditions = conditions}),
      request.key, context);
  if (response) {
    ObjectInfo made =
        blobs_.Describe(Sighting{.key = request.key,
                                 .size_bytes = whole.size_bytes,
                                 .etag = StripETag(response->headers.Get("ETag")),
                                 .last_modified = ParseTime(response->headers.Get("Last-Modified")),
                                 .metadata = std::move(metadata),
                                 .content = request.attributes.content,
                                 .tier = request.attributes.tier});
    made.digests.crc32c = whole.crc32c;
    return made;
  }
  Error error = AsWriteError(response.error(), conditions);
  if (error.retryable) return Fail(std::move(error));
  // An earlier attempt, perhaps before a restart, may have put this very list: its mark tells.
  auto there = blobs_.Head(request.key, BlobName(request.key), context);
  if (IsOpen(there)) return Fail(there.error());
  if (there) {
    MetadataMap found = *there->metadata;
    if (TakeUploadMark(found) == nonce && there->size_bytes == whole.size_bytes)
      return blobs_.Describe(*std::move(there));
  }
  if (error.remote.service_code == "InvalidBlockList")
    error.code = ErrorCode::kNotFound;  // its blocks are gone
  if (any_version) error = Overtaken(std::move(error));
  return Fail(std::move(error));
}

Status FlatStore::AbortUpload(const AbortUploadRequest& request, const CallContext& /*context*/) {
  std::string nonce = TRY(ParseUploadId(request.upload));
  MutexLock lock(mutex_);
  aborted_.push_back(std::move(nonce));
  if (aborted_.size() > kAbortedRemembered) aborted_.pop_front();
  return {};
}

Result<std::string> FlatStore::LiveUpload(const UploadId& id) const {
  std::string nonce = TRY(ParseUploadId(id));
  MutexLock lock(mutex_);
  if (std::find(aborted_.begin(), aborted_.end(), nonce) == aborted_.end()) return nonce;
  return Fail(ErrorCode::kNotFound, fmt::format("the upload '{}' was aborted", id.value));
}

// ---- Attributes and directories ----

Result<ObjectInfo> FlatStore::SetAttributes(const SetAttributesRequest& request,
                                            const CallContext& context) {
  if (!request.key.is_root()) TRY_VOID(CheckAzureKey(request.key, capabilities_));
  const bool conditional = request.if_match && !request.if_match->empty();
  SetBlobMetadata set{.key = request.key,
                      .blob_name = BlobName(request.key),
                      .kind = request.kind,
                      .attributes = request.attributes,
                      .if_match = conditional ? request.if_match : std::nullopt,
                      .info = request.info,
                      .set_tier = request.set_tier};
  if (request.kind != NodeKind::kDirectory) {
    TRY_VOID(CheckFileKey(request.key));
    return blobs_.SetMetadata(set, context);
  }
  if (BlobName(request.key).empty() && request.key.is_root())
    return Fail(ErrorCode::kNotSupported, "the root of a container cannot keep attributes");
  if (conditional && !context.retried && !set.blob_name.empty()) {
    auto info = blobs_.SetMetadata(set, context);
    if (info) info->kind = NodeKind::kDirectory;
    // Else the version may be that of another tool's marker.
    const bool look =
        !info && (IsNotFound(info.error()) || info.error().code == ErrorCode::kPreconditionFailed);
    if (!look) return info;
  }
  const auto blob = TRY(FindBlob(request.key, context));
  const Directory directory = TRY(FindDirectory(request.key, blob, context));
  if (!directory.exists)
    return Fail(ErrorCode::kNotFound, fmt::format("'{}' does not exist", request.key.path));
  const std::string marker_name = MarkerName(request.key, blob, directory);
  if (directory.marker()) {
    set.blob_name = marker_name;
    auto info = blobs_.SetMetadata(set, context);
    if (info) info->kind = NodeKind::kDirectory;
    return info;
  }
  if (conditional)
    return Fail(ErrorCode::kPreconditionFailed,
                fmt::format("'{}' has no marker", request.key.path));
  auto made =
      WriteMarker(request.key, marker_name, request.attributes, {.must_not_exist = true}, context);
  // Content has the names of both markers.
  if (!made && made.error().code == ErrorCode::kAlreadyExists && marker_name.ends_with('/'))
    made.error().code = ErrorCode::kNotSupported;
  return made;
}

Result<ObjectInfo> FlatStore::WriteMarker(const ObjectKey& key, const std::string& name,
                                          const Attributes& attributes,
                                          const Conditions& conditions,
                                          const CallContext& context) const {
  return blobs_.Put({.key = key,
                     .kind = NodeKind::kDirectory,
                     .body = {},
                     .attributes = attributes,
                     .conditions = conditions},
                    name, context);
}

Result<ObjectInfo> FlatStore::MakeDirectory(const MakeDirectoryRequest& request,
                                            const CallContext& context) {
  TRY_VOID(CheckAzureKey(request.key, capabilities_));
  const auto make = [&] {
    return WriteMarker(request.key, MarkerName(request.key, {}, {}), request.attributes,
                       {.must_not_exist = true}, context);
  };
  if (request.nothing_there && !context.retried) return make();
  const auto blob = TRY(FindBlob(request.key, context));
  const Directory there = TRY(FindDirectory(request.key, blob, context));
  // A marker that our own first attempt put is recognised below.
  const bool may_be_ours =
      context.retried && there.marker() && !there.has_children && !there.slash_marker;
  if ((blob || there.exists) && !may_be_ours) {
    return Fail(ErrorCode::kAlreadyExists, fmt::format("'{}' exists", request.key.path));
  }
  return make();
}

Status FlatStore::RemoveDirectory(const ObjectKey& key, const CallContext& context) {
  TRY_VOID(CheckAzureKey(key, capabilities_));
  const auto blob = TRY(FindBlob(key, context));
  const Directory directory = TRY(FindDirectory(key, blob, context));
  if (directory.has_children)
    return Fail(ErrorCode::kNotEmpty, fmt::format("'{}' is not empty", key.path));
  if (!directory.exists) {
    if (blob)
      return Fail(ErrorCode::kNotDirectory, fmt::format("'{}' is not a directory", key.path));
    if (context.retried) return {};
    return Fail(ErrorCode::kNotFound, fmt::format("'{}' does not exist", key.path));
  }
  Status deleted = DeleteMarkers(key, directory, context);
  // An earlier attempt that ended late may have been faster than this one.
  if (!deleted && context.retried && IsNotFound(deleted.error())) return {};
  return deleted;
}

Status FlatStore::DeleteMarkers(const ObjectKey& key, const Directory& directory,
                                const CallContext& context) const {
  if (directory.slash_marker) {
    Status deleted =
        DeleteBlob(key, blobs_.names().ChildPrefix(key), directory.slash_marker->etag, context);
    const bool goes_on = deleted || (directory.named_marker && IsNotFound(deleted.error()));
    if (!goes_on || !directory.named_marker) return deleted;
  }
  return DeleteBlob(key, BlobName(key), directory.named_marker->etag, context);
}

// ---- Deleting ----

Status FlatStore::DeleteBlob(const ObjectKey& key, const std::string& blob_name,
                             const std::optional<ETag>& if_match,
                             const CallContext& context) const {
  TRY_VOID(blobs_.channel().Send(MakeDeleteBlobRequest(blobs_.names().BlobUrl(blob_name), if_match),
                                 key, context));
  return {};
}

Status FlatStore::Delete(const DeleteRequest& request, const CallContext& context) {
  TRY_VOID(CheckFileKey(request.key));
  std::optional<ETag> version = request.if_match;
  if (!version) version = TRY(ForFile(request.key, context)).if_match;
  Status deleted = version ? DeleteBlob(request.key, BlobName(request.key), version, context)
                           : Status(Fail(ErrorCode::kNotFound,
                                         fmt::format("'{}' does not exist", request.key.path)));
  if (!request.if_match) deleted = AgainIfOvertaken(std::move(deleted));
  if (deleted || !IsNotFound(deleted.error())) return deleted;
  if (context.retried) return {};
  if (TRY(FindPrefix(request.key, context)).exists) deleted.error().code = ErrorCode::kIsDirectory;
  return deleted;
}

std::vector<Status> FlatStore::DeleteMany(std::span<const DeleteRequest> requests,
                                          const CallContext& context) {
  std::vector<Status> statuses(requests.size());
  FanOut(requests.size(), [&](std::size_t i) { statuses[i] = Delete(requests[i], context); });
  return statuses;
}

}  // namespace skybridge::azure
