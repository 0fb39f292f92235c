#include "backends/oci/oci_store.h"

#include <algorithm>
#include <atomic>
#include <unordered_map>

#include <fmt/format.h>

#include "backends/after_acting.h"
#include "backends/oci/bucket.h"
#include "backends/oci/directory_rename.h"
#include "backends/oci/error.h"
#include "backends/oci/metadata_rewrite.h"
#include "backends/oci/object_names.h"
#include "backends/posix_metadata.h"
#include "backends/recent_renames.h"
#include "backends/recorded_digest.h"
#include "core/digest.h"

namespace skybridge::oci {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint32_t kMaxListEntries = 1000;

// Limits from "Object Storage Limits" (Oracle documentation); 10 MiB is the least part it has ever
// asked for.
Capabilities MakeCapabilities(const ObjectNames& names, bool is_pre_authenticated) {
  return {.name = "oci",
          .list_is_sorted = true,
          .set_attributes_rewrites = true,
          .can_rename = !is_pre_authenticated,
          .can_delete = !is_pre_authenticated,
          .max_put_bytes = 50 * kGiB,
          .min_part_bytes = std::uint64_t{10} << 20,
          .max_part_bytes = 50 * kGiB,
          .max_parts = 10'000,
          .max_key_bytes = names.max_key_bytes()};
}

Error KeyError(ErrorCode code, std::string_view operation, const ObjectKey& key) {
  return Error{.code = code, .message = fmt::format("{} '{}'", operation, key.path)};
}

Error NotThrough(std::string_view operation, const ObjectKey& key) {
  Error error = KeyError(ErrorCode::kNotSupported, operation, key);
  error.message += ": a pre-authenticated request cannot do this";
  return error;
}

bool IsLostRace(const Error& error) {
  return error.code == ErrorCode::kPreconditionFailed || error.code == ErrorCode::kAlreadyExists;
}

// Both sides say something of the content, and it agrees.
bool SameContent(const ObjectInfo& a, const ObjectInfo& b) {
  if (a.size_bytes != b.size_bytes) return false;
  if (a.digests.crc32c && b.digests.crc32c) return *a.digests.crc32c == *b.digests.crc32c;
  return a.digests.md5 && b.digests.md5 && *a.digests.md5 == *b.digests.md5;
}

// An UploadId is the service's id and a digest of the metadata it was started with, which the
// service keeps for itself.
std::string MetadataTag(const Metadata& metadata) {
  std::string text;
  for (const auto& [name, value] : metadata)
    text.append(name).append("=").append(value).append("\n");
  return HexEncode(ByteSpan(Sha256(AsBytes(text))).first(8));
}

struct UploadParts {
  std::string_view id;
  std::string_view metadata_tag;
};

Result<UploadParts> SplitUploadId(const UploadId& upload) {
  const std::string_view value = upload.value;
  const auto bar = value.rfind('|');
  if (bar == std::string_view::npos)
    return Fail(ErrorCode::kInvalidArgument, "not an upload id of this store");
  return UploadParts{value.substr(0, bar), value.substr(bar + 1)};
}

class OciStore final : public ObjectStore {
 public:
  OciStore(BucketOptions options, const ObjectKey& root, HttpTransport& transport,
           std::unique_ptr<IdentityProvider> identities, Clock& clock)
      : names_(root),
        capabilities_(MakeCapabilities(names_, !options.access.empty())),
        bucket_(std::move(options), transport, std::move(identities), clock) {}

  const Capabilities& capabilities() const override { return capabilities_; }
  Result<ProbeReply> Probe(const CallContext& context) override;
  Result<ListPage> List(const ListRequest& request, const CallContext& context) override;
  Result<ObjectInfo> Head(const ObjectKey& key, const CallContext& context) override;
  Result<GetReply> Get(const GetRequest& request, std::span<std::byte> into,
                       const CallContext& context) override;
  Result<ObjectInfo> Put(const PutRequest& request, const CallContext& context) override;
  Result<UploadId> StartUpload(const StartUploadRequest& request,
                               const CallContext& context) override;
  Result<PartReceipt> UploadPart(const UploadPartRequest& request,
                                 const CallContext& context) override;
  Result<ObjectInfo> CommitUpload(const CommitUploadRequest& request,
                                  const CallContext& context) override;
  Status AbortUpload(const AbortUploadRequest& request, const CallContext& context) override;
  Result<ObjectInfo> SetAttributes(const SetAttributesRequest& request,
                                   const CallContext& context) override;
  Result<ObjectInfo> MakeDirectory(const MakeDirectoryRequest& request,
                                   const CallContext& context) override;
  Status RemoveDirectory(const ObjectKey& key, const CallContext& context) override;
  Result<ObjectInfo> Rename(const RenameRequest& request, const CallContext& context) override;
  Status Delete(const DeleteRequest& request, const CallContext& context) override;
  std::vector<Status> DeleteMany(std::span<const DeleteRequest> requests,
                                 const CallContext& context) override;

 private:
  Result<ProbeReply> ProbeWithoutListing(const CallContext& context);
  Result<ObjectInfo> HeadFile(const ObjectKey& key, const CallContext& context);
  Result<ObjectInfo> HeadDirectory(const ObjectKey& key, const CallContext& context);
  Result<bool> HasAnythingBelow(const ObjectKey& directory, const CallContext& context);
  // The error for a file that is not there: kIsDirectory if a directory is, else `otherwise`.
  Error MissingFile(const ObjectKey& key, Error otherwise, const CallContext& context);

  Result<ObjectInfo> SetFileAttributes(const SetAttributesRequest& request,
                                       const CallContext& context);
  Result<ObjectInfo> SetDirectoryAttributes(const SetAttributesRequest& request,
                                            const CallContext& context);
  // Gives the object at `info` the attributes, unless it has them.
  Result<ObjectInfo> Finish(const CommitUploadRequest& request, ObjectInfo info,
                            bool has_attributes, const CallContext& context);

  Result<ObjectInfo> RenameFile(const RenameRequest& request, const CallContext& context);
  Result<ObjectInfo> FindMoved(const RenameRequest& request, Error error, bool source_gone,
                               const CallContext& context);
  Result<ObjectInfo> RenameTree(const RenameRequest& request, const CallContext& context);
  Status DeleteBatch(std::span<const DeleteRequest> requests, std::span<Status> outcomes,
                     const CallContext& context);

  const ObjectNames names_;
  const Capabilities capabilities_;
  Bucket bucket_;
  RecentRenames recent_renames_;
  std::atomic<bool> no_batch_delete_{false};  // the service answered that it has no such call
};

// What goes with an object besides its bytes. A digest that came along as metadata (from another
// cloud, say) is not of this content for certain.
Result<Metadata> EncodeAttributes(NodeKind kind, const Attributes& attributes) {
  Metadata metadata = TRY(EncodePosixMetadata(MetadataDialect::kOci, kind, attributes));
  TakeRecordedMd5(metadata);
  return metadata;
}

ObjectInfo DescribeObject(const ObjectKey& key, NodeKind known_kind, const ObjectHead& head) {
  Metadata metadata = head.facts.metadata;
  StoreDigests digests = head.facts.digests;
  // The service knows no MD5 of what was uploaded in parts; rclone records it.
  const auto recorded = TakeRecordedMd5(metadata);
  if (!digests.md5) digests.md5 = recorded;
  PosixMetadata posix = DecodePosixMetadata(MetadataDialect::kOci, known_kind, metadata);
  return {.key = key,
          .kind = posix.kind,
          .size_bytes = known_kind == NodeKind::kDirectory ? 0 : head.size_bytes,
          .etag = ETag(head.facts.etag),
          .last_modified = head.facts.last_modified,
          .attributes = std::move(posix.attributes),
          .digests = digests};
}

ObjectInfo DescribeWritten(const ObjectKey& key, NodeKind kind, std::uint64_t size_bytes,
                           const Attributes& attributes, const ObjectFacts& facts) {
  return {.key = key,
          .kind = kind,
          .size_bytes = size_bytes,
          .etag = ETag(facts.etag),
          .last_modified = facts.last_modified,
          .attributes = attributes,
          .digests = facts.digests};
}

ObjectInfo PrefixOnly(const ObjectKey& key) {
  return {.key = key, .kind = NodeKind::kDirectory, .attributes = Attributes{}};
}

// ---- Looking ----

Result<ProbeReply> OciStore::Probe(const CallContext& context) {
  ProbeReply reply;
  const auto listing = bucket_.List({.prefix = names_.Directory(ObjectKey()), .limit = 1}, context,
                                    &reply.server_time);
  const bool may_read = !listing && bucket_.is_pre_authenticated() &&
                        listing.error().code == ErrorCode::kPermissionDenied;
  if (may_read) return ProbeWithoutListing(context);
  if (!listing) return Fail(listing.error());
  const std::string name_space = TRY(bucket_.NameSpace(context));
  reply.detail = fmt::format("bucket '{}' in namespace '{}'", bucket_.name(), name_space);
  return reply;
}

// Who may read is told that an object is not there; who may not is told nothing. (Not by HEAD,
// whose answers are both without a body.)
Result<ProbeReply> OciStore::ProbeWithoutListing(const CallContext& context) {
  std::byte byte{};
  const std::string name = names_.File(ObjectKey(".skybridge-probe"));
  const auto read = bucket_.Get(name, {0, 1}, std::nullopt, std::span(&byte, 1), context);
  if (!read && read.error().code != ErrorCode::kNotFound) return Fail(read.error());
  return ProbeReply{
      .detail = fmt::format("bucket '{}'; what is in it can be read but not listed (the "
                            "pre-authenticated request lacks bucketListingAction ListObjects)",
                            bucket_.name())};
}

// Objects and folded prefixes of one page in one order: that of full paths, directories as "path/".
struct PageBuilder {
  const ObjectNames& names;
  const Capabilities& capabilities;
  ListPage page = {};
  std::vector<std::pair<std::string, ObjectInfo>> rows = {};

  void Add(std::string_view name, ObjectInfo info) {
    const bool is_directory = name.ends_with('/');
    auto key = names.Key(is_directory ? name.substr(0, name.size() - 1) : name, capabilities);
    if (!key) {
      ++page.hidden_names;
      return;
    }
    info.key = *std::move(key);
    info.kind = is_directory ? NodeKind::kDirectory : NodeKind::kFile;
    rows.emplace_back(name, std::move(info));
  }

  ListPage Finish() {
    std::sort(rows.begin(), rows.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    page.entries.reserve(rows.size());
    for (auto& row : rows) page.entries.push_back(std::move(row.second));
    return std::move(page);
  }
};

// Where the next page starts. After a folded prefix "p/" everything below it would only be folded
// into it again, and nextStartWith may well lie inside: '0' is the byte after '/', so "p0" is the
// first name behind that subtree.
std::string NextStart(const Listing& listing) {
  if (listing.next_start_with.empty() || listing.prefixes.empty()) return listing.next_start_with;
  const std::string& last = listing.prefixes.back();
  if (!listing.next_start_with.starts_with(last)) return listing.next_start_with;
  return last.substr(0, last.size() - 1) + '0';
}

Result<ListPage> OciStore::List(const ListRequest& request, const CallContext& context) {
  if (!request.directory.is_root()) TRY_VOID(CheckObjectKey(request.directory, capabilities_));
  const std::string prefix = names_.Directory(request.directory);
  const std::uint32_t limit =
      request.max_entries == 0 ? kMaxListEntries : std::min(request.max_entries, kMaxListEntries);
  const Listing listing = TRY(bucket_.List({.prefix = prefix,
                                            .start = request.continuation,
                                            .fold_subdirectories = !request.recursive,
                                            .limit = limit},
                                           context));
  PageBuilder builder{names_, capabilities_};
  for (const ListedObject& object : listing.objects) {
    if (object.name == prefix) continue;  // the directory's own marker
    const bool is_marker = object.name.ends_with('/');
    // A listing tells milliseconds, HEAD only seconds: both must tell the same.
    builder.Add(object.name,
                {.size_bytes = is_marker ? 0 : object.size_bytes,
                 .etag = ETag(object.etag),
                 .last_modified = std::chrono::floor<std::chrono::seconds>(object.time_modified),
                 .digests = {.md5 = is_marker ? std::nullopt : object.md5}});
  }
  for (const std::string& folded : listing.prefixes) builder.Add(folded, {});
  ListPage page = builder.Finish();
  page.continuation = NextStart(listing);
  return page;
}

Result<ObjectInfo> OciStore::HeadFile(const ObjectKey& key, const CallContext& context) {
  const ObjectHead head = TRY(bucket_.Head(names_.File(key), std::nullopt, context));
  return DescribeObject(key, NodeKind::kFile, head);
}

Result<ObjectInfo> OciStore::HeadDirectory(const ObjectKey& key, const CallContext& context) {
  const std::string marker = names_.Directory(key);
  const Listing listing = TRY(bucket_.List({.prefix = marker, .limit = 1}, context));
  const bool is_there = !listing.objects.empty() || key.is_root();
  if (!is_there) return Fail(KeyError(ErrorCode::kNotFound, "head", key));
  if (listing.objects.empty() || listing.objects.front().name != marker) return PrefixOnly(key);
  return DescribeObject(key, NodeKind::kDirectory,
                        TRY(bucket_.Head(marker, std::nullopt, context)));
}

Result<ObjectInfo> OciStore::Head(const ObjectKey& key, const CallContext& context) {
  if (key.is_root()) {
    // The root of a whole bucket has no name and so no marker.
    if (names_.Directory(key).empty()) return PrefixOnly(key);
    return HeadDirectory(key, context);
  }
  TRY_VOID(CheckObjectKey(key, capabilities_));
  Result<ObjectInfo> file = HeadFile(key, context);
  if (file || file.error().code != ErrorCode::kNotFound) return file;
  return HeadDirectory(key, context);
}

Result<bool> OciStore::HasAnythingBelow(const ObjectKey& directory, const CallContext& context) {
  const Listing listing =
      TRY(bucket_.List({.prefix = names_.Directory(directory), .limit = 1}, context));
  return !listing.objects.empty();
}

Error OciStore::MissingFile(const ObjectKey& key, Error otherwise, const CallContext& context) {
  const Result<bool> directory = HasAnythingBelow(key, context);
  if (!directory) return directory.error();
  if (*directory) otherwise.code = ErrorCode::kIsDirectory;
  return otherwise;
}

Result<GetReply> OciStore::Get(const GetRequest& request, std::span<std::byte> into,
                               const CallContext& context) {
  TRY_VOID(CheckObjectKey(request.key, capabilities_));
  Result<GetReply> reply =
      bucket_.Get(names_.File(request.key), request.range, request.if_match, into, context);
  if (reply || reply.error().code != ErrorCode::kNotFound) return reply;
  return Fail(MissingFile(request.key, std::move(reply).error(), context));
}

// ---- Writing whole objects ----

Result<ObjectInfo> OciStore::Put(const PutRequest& request, const CallContext& context) {
  if (request.kind == NodeKind::kDirectory)
    return Fail(KeyError(ErrorCode::kInvalidArgument, "put", request.key));
  TRY_VOID(CheckObjectKey(request.key, capabilities_));
  Metadata metadata = TRY(EncodeAttributes(request.kind, request.attributes));
  const std::string name = names_.File(request.key);
  const Result<ObjectFacts> facts = bucket_.Put(
      {.name = name, .body = request.body, .metadata = metadata, .conditions = request.conditions},
      context);
  if (facts)
    return DescribeWritten(request.key, request.kind, request.body.size(), request.attributes,
                           *facts);
  if (!context.retried || !IsLostRace(facts.error())) return Fail(facts.error());
  // No reply came to an earlier attempt: is what is there now what we sent then?
  const ObjectHead head = TRY(bucket_.Head(name, std::nullopt, context));
  ObjectInfo there = DescribeObject(request.key, NodeKind::kFile, head);
  const ObjectInfo sent{.size_bytes = request.body.size(),
                        .digests = {.md5 = Md5(request.body), .crc32c = Crc32c(request.body)}};
  if (!SameContent(there, sent) || head.facts.metadata != metadata) return Fail(facts.error());
  return there;
}

Result<UploadId> OciStore::StartUpload(const StartUploadRequest& request,
                                       const CallContext& context) {
  if (request.append_to) return Fail(KeyError(ErrorCode::kNotSupported, "append to", request.key));
  TRY_VOID(CheckObjectKey(request.key, capabilities_));
  Metadata metadata = TRY(EncodeAttributes(NodeKind::kFile, request.attributes));
  const std::string tag = MetadataTag(metadata);
  const std::string id = TRY(bucket_.CreateUpload({.name = names_.File(request.key),
                                                   .metadata = std::move(metadata),
                                                   .conditions = request.conditions},
                                                  context));
  return UploadId{id + '|' + tag};
}

Result<PartReceipt> OciStore::UploadPart(const UploadPartRequest& request,
                                         const CallContext& context) {
  const UploadParts upload = TRY(SplitUploadId(request.upload));
  if (request.body.empty())
    return Fail(KeyError(ErrorCode::kInvalidArgument, "upload an empty part of", request.key));
  const std::string name = names_.File(request.key);
  UploadedPart part = TRY(bucket_.UploadPart({.name = name,
                                              .upload_id = upload.id,
                                              .part_number = request.part_number,
                                              .body = request.body},
                                             context));
  return PartReceipt{.part_number = request.part_number,
                     .offset_bytes = request.offset_bytes,
                     .size_bytes = request.body.size(),
                     .tag = std::move(part.etag),
                     .crc32c = part.crc32c};
}

Result<ObjectInfo> OciStore::CommitUpload(const CommitUploadRequest& request,
                                          const CallContext& context) {
  const UploadParts upload = TRY(SplitUploadId(request.upload));
  const Metadata metadata = TRY(EncodeAttributes(NodeKind::kFile, request.attributes));
  const std::string name = names_.File(request.key);
  ObjectInfo sent{.key = request.key, .attributes = request.attributes};
  std::uint32_t crc32c = 0;
  for (const PartReceipt& part : request.parts) {
    crc32c = CombineCrc32c(crc32c, part.crc32c, part.size_bytes);
    sent.size_bytes += part.size_bytes;
  }
  sent.digests.crc32c = crc32c;
  const Result<ObjectFacts> facts = bucket_.CommitUpload({.name = name,
                                                          .upload_id = upload.id,
                                                          .parts = request.parts,
                                                          .conditions = request.conditions},
                                                         context);
  if (facts) {
    sent.etag = ETag(facts->etag);
    sent.last_modified = facts->last_modified;
    return AfterActing(
        Finish(request, std::move(sent), MetadataTag(metadata) == upload.metadata_tag, context));
  }
  const bool may_be_done = IsLostRace(facts.error()) || facts.error().code == ErrorCode::kNotFound;
  if (!context.retried || !may_be_done) return Fail(facts.error());
  const Result<ObjectHead> head = bucket_.Head(name, std::nullopt, context);
  if (!head) return Fail(IsOpen(head) ? head.error() : facts.error());
  ObjectInfo there = DescribeObject(request.key, NodeKind::kFile, *head);
  if (!SameContent(there, sent)) return Fail(facts.error());
  return AfterActing(Finish(request, std::move(there), head->facts.metadata == metadata, context));
}

Result<ObjectInfo> OciStore::Finish(const CommitUploadRequest& request, ObjectInfo info,
                                    bool has_attributes, const CallContext& context) {
  if (has_attributes) return info;
  return SetFileAttributes(
      {.key = request.key, .attributes = request.attributes, .if_match = info.etag}, context);
}

Status OciStore::AbortUpload(const AbortUploadRequest& request, const CallContext& context) {
  const UploadParts upload = TRY(SplitUploadId(request.upload));
  Status aborted = bucket_.AbortUpload(names_.File(request.key), upload.id, context);
  if (!aborted && aborted.error().code == ErrorCode::kNotFound) return {};
  return aborted;
}

// ---- Attributes and directories ----

Result<ObjectInfo> OciStore::SetAttributes(const SetAttributesRequest& request,
                                           const CallContext& context) {
  if (request.key.is_root() && names_.Directory(request.key).empty()) {
    return Fail(ErrorCode::kNotSupported, "the root of a bucket cannot keep attributes");
  }
  if (!request.key.is_root()) TRY_VOID(CheckObjectKey(request.key, capabilities_));
  if (request.kind == NodeKind::kDirectory) return SetDirectoryAttributes(request, context);
  return SetFileAttributes(request, context);
}

Result<ObjectInfo> OciStore::SetFileAttributes(const SetAttributesRequest& request,
                                               const CallContext& context) {
  Metadata metadata = TRY(EncodeAttributes(request.kind, request.attributes));
  const std::string name = names_.File(request.key);
  const ObjectHead head = TRY(bucket_.Head(name, std::nullopt, context));
  // The bytes stay, and so does their digest.
  if (const auto md5 = FindRecorded(head.facts.metadata, kRecordedMd5Key))
    metadata.emplace(kRecordedMd5Key, *md5);
  if (request.if_match && request.if_match->value != head.facts.etag) {
    // Our own earlier attempt changed the ETag, or somebody else did.
    if (context.retried && head.facts.metadata == metadata) {
      return DescribeObject(request.key, request.kind, head);
    }
    return Fail(KeyError(ErrorCode::kPreconditionFailed, "set attributes of", request.key));
  }
  const Status replaced = ReplaceMetadata(bucket_, name, head, metadata, context);
  if (!replaced && !(context.retried && IsLostRace(replaced.error())))
    return Fail(replaced.error());
  const ObjectHead now = TRY(AfterActing(bucket_.Head(name, std::nullopt, context)));
  // An earlier attempt that ended late may have been faster than this one.
  if (!replaced && now.facts.metadata != metadata) return Fail(replaced.error());
  return DescribeObject(request.key, request.kind, now);
}

Result<ObjectInfo> OciStore::SetDirectoryAttributes(const SetAttributesRequest& request,
                                                    const CallContext& context) {
  Metadata metadata = TRY(EncodeAttributes(NodeKind::kDirectory, request.attributes));
  ObjectInfo there = TRY(HeadDirectory(request.key, context));
  if (request.if_match && *request.if_match != there.etag) {
    if (context.retried && there.attributes == request.attributes) return there;
    return Fail(KeyError(ErrorCode::kPreconditionFailed, "set attributes of", request.key));
  }
  Conditions conditions{.must_not_exist = there.etag.empty()};
  if (!there.etag.empty()) conditions.if_match = there.etag;
  const std::string marker = names_.Directory(request.key);
  Result<ObjectFacts> facts = bucket_.Put({.name = marker,
                                           .body = {},
                                           .metadata = std::move(metadata),
                                           .conditions = std::move(conditions)},
                                          context);
  if (facts)
    return DescribeWritten(request.key, NodeKind::kDirectory, 0, request.attributes, *facts);
  Error error = std::move(facts).error();
  if (context.retried && IsLostRace(error)) {
    Result<ObjectInfo> now = HeadDirectory(request.key, context);
    if (IsOpen(now) || (now && now->attributes == request.attributes)) return now;
  }
  if (error.code == ErrorCode::kAlreadyExists) error.code = ErrorCode::kPreconditionFailed;
  return Fail(std::move(error));
}

Result<ObjectInfo> OciStore::MakeDirectory(const MakeDirectoryRequest& request,
                                           const CallContext& context) {
  TRY_VOID(CheckObjectKey(request.key, capabilities_));
  Metadata metadata = TRY(EncodeAttributes(NodeKind::kDirectory, request.attributes));
  const auto ours = [&](const Result<ObjectInfo>& found) {
    return context.retried && found && found->kind == NodeKind::kDirectory &&
           !found->etag.empty() && found->attributes == request.attributes;
  };
  Result<ObjectInfo> there = Head(request.key, context);
  if (there && !ours(there))
    return Fail(KeyError(ErrorCode::kAlreadyExists, "make directory", request.key));
  if (there || there.error().code != ErrorCode::kNotFound) return there;
  const Result<ObjectFacts> facts = bucket_.Put({.name = names_.Directory(request.key),
                                                 .body = {},
                                                 .metadata = std::move(metadata),
                                                 .conditions = {.must_not_exist = true}},
                                                context);
  if (facts)
    return DescribeWritten(request.key, NodeKind::kDirectory, 0, request.attributes, *facts);
  if (!context.retried || !IsLostRace(facts.error())) return Fail(facts.error());
  // An earlier attempt that ended late may have been faster than this one.
  Result<ObjectInfo> now = HeadDirectory(request.key, context);
  if (ours(now) || IsOpen(now)) return now;
  return Fail(facts.error());
}

Status OciStore::RemoveDirectory(const ObjectKey& key, const CallContext& context) {
  if (!capabilities_.can_delete) return Fail(NotThrough("remove directory", key));
  TRY_VOID(CheckObjectKey(key, capabilities_));
  const std::string marker = names_.Directory(key);
  const Listing listing = TRY(bucket_.List({.prefix = marker, .limit = 2}, context));
  for (const ListedObject& object : listing.objects) {
    if (object.name != marker) return Fail(KeyError(ErrorCode::kNotEmpty, "remove directory", key));
  }
  if (listing.objects.empty()) {
    const Result<ObjectInfo> file = HeadFile(key, context);
    if (file) return Fail(KeyError(ErrorCode::kNotDirectory, "remove directory", key));
    if (context.retried && file.error().code == ErrorCode::kNotFound) return {};
    return Fail(file.error());
  }
  Status removed = bucket_.Delete(marker, ETag(listing.objects.front().etag), context);
  if (!removed && removed.error().code == ErrorCode::kNotFound && context.retried) return {};
  return removed;
}

// ---- Moving and deleting ----

Result<ObjectInfo> OciStore::Rename(const RenameRequest& request, const CallContext& context) {
  if (!capabilities_.can_rename) return Fail(NotThrough("rename", request.source));
  TRY_VOID(CheckObjectKey(request.source, capabilities_));
  TRY_VOID(CheckObjectKey(request.destination, capabilities_));
  return request.kind == NodeKind::kDirectory ? RenameTree(request, context)
                                              : RenameFile(request, context);
}

Result<ObjectInfo> OciStore::RenameFile(const RenameRequest& request, const CallContext& context) {
  // The reply to a rename describes nothing, so the source is looked at first; its version is
  // pinned below.
  Result<ObjectInfo> source = HeadFile(request.source, context);
  if (!source) return FindMoved(request, std::move(source).error(), /*source_gone=*/true, context);
  if (request.source_if_match && *request.source_if_match != source->etag) {
    return Fail(KeyError(ErrorCode::kPreconditionFailed, "rename", request.source));
  }
  if (request.source == request.destination) {
    if (request.destination_conditions.must_not_exist) {
      return Fail(KeyError(ErrorCode::kAlreadyExists, "rename", request.source));
    }
    return source;
  }
  if (TRY(HasAnythingBelow(request.destination, context))) {
    const bool exclusive = request.destination_conditions.must_not_exist;
    return Fail(KeyError(exclusive ? ErrorCode::kAlreadyExists : ErrorCode::kIsDirectory,
                         "rename to", request.destination));
  }
  recent_renames_.Remember(request.destination, *source);
  const Result<ObjectFacts> facts =
      bucket_.Rename({.source = names_.File(request.source),
                      .destination = names_.File(request.destination),
                      .source_if_match = source->etag,
                      .destination_conditions = request.destination_conditions},
                     context);
  if (!facts) return FindMoved(request, facts.error(), /*source_gone=*/false, context);
  ObjectInfo moved = *std::move(source);
  moved.key = request.destination;
  moved.etag = ETag(facts->etag);
  moved.last_modified = facts->last_modified;
  return moved;
}

// The file at the destination, if it is the one that an earlier attempt of this rename moved there;
// else `error`.
Result<ObjectInfo> OciStore::FindMoved(const RenameRequest& request, Error error, bool source_gone,
                                       const CallContext& context) {
  const bool may_be_done = IsLostRace(error) || error.code == ErrorCode::kNotFound;
  const auto moved = context.retried && may_be_done
                         ? recent_renames_.Find(request.source, request.destination)
                         : std::nullopt;
  if (!moved) return Fail(std::move(error));
  if (!source_gone) {
    Result<ObjectInfo> source = HeadFile(request.source, context);
    if (IsOpen(source)) return source;
    if (source) return Fail(std::move(error));
  }
  Result<ObjectInfo> there = HeadFile(request.destination, context);
  if (IsOpen(there)) return there;
  if (!there || !SameContent(*there, *moved)) return Fail(std::move(error));
  recent_renames_.Forget(request.source, request.destination);
  return there;
}

Result<ObjectInfo> OciStore::RenameTree(const RenameRequest& request, const CallContext& context) {
  const std::string source = names_.Directory(request.source);
  const std::string destination = names_.Directory(request.destination);
  if (destination == source) {
    if (request.destination_conditions.must_not_exist) {
      return Fail(KeyError(ErrorCode::kAlreadyExists, "rename", request.source));
    }
    return HeadDirectory(request.source, context);
  }
  if (destination.starts_with(source)) {
    return Fail(
        KeyError(ErrorCode::kInvalidArgument, "rename a directory into itself:", request.source));
  }
  Result<ObjectInfo> file_there = HeadFile(request.destination, context);
  if (file_there) {
    const bool exclusive = request.destination_conditions.must_not_exist;
    return Fail(KeyError(exclusive ? ErrorCode::kAlreadyExists : ErrorCode::kNotDirectory,
                         "rename to", request.destination));
  }
  if (file_there.error().code != ErrorCode::kNotFound) return file_there;
  if (request.source_if_match && !request.source_if_match->empty() && !context.retried) {
    const ObjectInfo own = TRY(HeadDirectory(request.source, context));
    if (own.etag != *request.source_if_match) {
      return Fail(KeyError(ErrorCode::kPreconditionFailed, "rename", request.source));
    }
  }
  const bool may_be_done =
      context.retried && recent_renames_.Find(request.source, request.destination);
  TRY_VOID(RenameDirectory(
      bucket_,
      {.source = source,
       .destination = destination,
       .must_not_exist = request.destination_conditions.must_not_exist,
       .may_be_done = may_be_done,
       .begun = [&] { recent_renames_.Remember(request.destination, {.key = request.source}); }},
      context));
  Result<ObjectInfo> there = AfterActing(HeadDirectory(request.destination, context));
  if (there && may_be_done) recent_renames_.Forget(request.source, request.destination);
  return there;
}

Status OciStore::Delete(const DeleteRequest& request, const CallContext& context) {
  if (!capabilities_.can_delete) return Fail(NotThrough("delete", request.key));
  TRY_VOID(CheckObjectKey(request.key, capabilities_));
  Status deleted = bucket_.Delete(names_.File(request.key), request.if_match, context);
  if (deleted || deleted.error().code != ErrorCode::kNotFound) return deleted;
  if (context.retried) return {};
  return Fail(MissingFile(request.key, std::move(deleted).error(), context));
}

std::vector<Status> OciStore::DeleteMany(std::span<const DeleteRequest> requests,
                                         const CallContext& context) {
  std::vector<Status> outcomes(requests.size());
  if (!capabilities_.can_delete) {
    for (std::size_t i = 0; i < requests.size(); ++i)
      outcomes[i] = Fail(NotThrough("delete", requests[i].key));
    return outcomes;
  }
  for (std::size_t begin = 0; begin < requests.size(); begin += kMaxBatchDelete) {
    const std::size_t count = std::min(kMaxBatchDelete, requests.size() - begin);
    const auto batch = requests.subspan(begin, count);
    const auto batch_outcomes = std::span(outcomes).subspan(begin, count);
    const Status sent = no_batch_delete_ ? Status(Fail(ErrorCode::kNotSupported, "no batch delete"))
                                         : DeleteBatch(batch, batch_outcomes, context);
    if (sent) continue;
    const bool one_by_one = sent.error().code == ErrorCode::kNotSupported;
    if (one_by_one) no_batch_delete_ = true;
    for (std::size_t i = 0; i < count; ++i) {
      batch_outcomes[i] = one_by_one ? Delete(batch[i], context) : sent;
    }
  }
  return outcomes;
}

// A status for each request; an error only if nothing is known of any of them.
Status OciStore::DeleteBatch(std::span<const DeleteRequest> requests, std::span<Status> outcomes,
                             const CallContext& context) {
  std::vector<NamedVersion> objects;
  std::unordered_map<std::string, std::size_t> position;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    outcomes[i] = CheckObjectKey(requests[i].key, capabilities_);
    if (!outcomes[i]) continue;
    std::string name = names_.File(requests[i].key);
    position.emplace(name, i);
    objects.push_back({std::move(name), requests[i].if_match});
  }
  if (objects.empty()) return {};
  const std::vector<FailedDelete> failed = TRY(bucket_.BatchDelete(objects, context));
  for (const FailedDelete& failure : failed) {
    const auto found = position.find(failure.name);
    if (found == position.end()) continue;
    if (failure.http_status == 404 && context.retried) continue;
    outcomes[found->second] = Fail(ErrorFromStatus(fmt::format("delete '{}'", failure.name),
                                                   failure.http_status, failure.message));
  }
  return {};
}

Status CheckEndpoint(std::string_view endpoint) {
  const auto scheme_end = endpoint.find("://");
  const std::string_view scheme = endpoint.substr(0, std::min(scheme_end, endpoint.size()));
  const std::string_view host =
      scheme_end == std::string_view::npos ? std::string_view() : endpoint.substr(scheme_end + 3);
  const bool good = (scheme == "https" || scheme == "http") && !host.empty() &&
                    host.find_first_of("/?#@ ") == std::string_view::npos;
  if (good) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("OCI endpoint '{}': allowed is https://HOST[:PORT] (or http) without a path",
                  endpoint));
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> MakeOciStore(const OciStoreOptions& options,
                                                  HttpTransport& transport,
                                                  std::unique_ptr<IdentityProvider> identities,
                                                  Clock& clock) {
  if (options.bucket.empty()) return Fail(ErrorCode::kInvalidArgument, "OCI: no bucket is named");
  BucketOptions bucket{.endpoint = options.endpoint,
                       .region = options.region.empty()
                                     ? std::string()
                                     : RegionId(options.region, options.environment),
                       .name_space = options.name_space,
                       .bucket = options.bucket,
                       .access = options.access};
  if (bucket.endpoint.empty()) {
    if (bucket.region.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "OCI: neither a region nor an endpoint is configured");
    }
    bucket.endpoint = ObjectStorageEndpoint(bucket.region, bucket.name_space, options.environment);
  }
  while (bucket.endpoint.ends_with('/')) bucket.endpoint.pop_back();
  TRY_VOID(CheckEndpoint(bucket.endpoint));
  if (!options.root.is_root())
    TRY_VOID(CheckObjectKey(options.root, MakeCapabilities(ObjectNames(ObjectKey()), false)));
  // Room for at least one name of one byte below it.
  if (options.root.path.size() + 3 > kMaxNameBytes) {
    return Fail(ErrorCode::kNameTooLong, "OCI: the path below the bucket leaves no room for names");
  }
  return std::make_unique<OciStore>(std::move(bucket), options.root, transport,
                                    std::move(identities), clock);
}

}  // namespace skybridge::oci
