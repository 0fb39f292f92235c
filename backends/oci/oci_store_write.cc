// Whole objects and uploads in parts.
#include <utility>

#include "backends/after_acting.h"
#include "backends/oci/description.h"
#include "backends/oci/oci_store_impl.h"
#include "core/digest.h"

namespace skybridge::oci {
namespace {

// An UploadId is the service's id and a digest of the metadata and headers that it was started
// with, which the service keeps for itself.
std::string MetadataTag(const Metadata& metadata, const StoredHeaders& headers) {
  std::string text;
  for (const auto& [name, value] : metadata)
    text.append(name).append("=").append(value).append("\n");
  for (const auto& [name, value] : headers)
    text.append(name).append(":").append(value).append("\n");
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

}  // namespace

Result<ObjectInfo> OciStoreImpl::Put(const PutRequest& request, const CallContext& context) {
  if (request.kind == NodeKind::kDirectory)
    return Fail(KeyError(ErrorCode::kInvalidArgument, "put", request.key));
  TRY_VOID(CheckFileKey(request.key));
  if (request.body.empty() && request.key.name().empty()) {
    return Fail(ErrorCode::kInvalidName,
                "put: without content it is a directory's marker: '" + request.key.path + "'");
  }
  Metadata metadata = TRY(EncodeAttributes(request.kind, request.attributes));
  const std::string name = names_.File(request.key);
  const StoredHeaders headers = HeadersOf(request.attributes);
  const Result<ObjectFacts> facts = bucket_.Put({.name = name,
                                                 .body = request.body,
                                                 .metadata = metadata,
                                                 .stored_headers = headers,
                                                 .conditions = request.conditions},
                                                context);
  if (facts)
    return DescribeWritten(request.key, request.kind, request.body.size(), request.attributes,
                           *facts);
  if (!context.retried || !IsLostRace(facts.error())) return Fail(facts.error());
  // No reply came to an earlier attempt: is what is there now what we sent then?
  const Result<ObjectHead> head = bucket_.Head(name, std::nullopt, context);
  if (!head) return Fail(IsOpen(head) ? head.error() : facts.error());
  ObjectInfo there = DescribeObject(request.key, NodeKind::kFile, *head);
  const ObjectInfo sent{.size_bytes = request.body.size(),
                        .digests = {.md5 = Md5(request.body), .crc32c = Crc32c(request.body)}};
  const bool same_attributes = head->facts.metadata == metadata && HasHeaders(*head, headers);
  if (!SameContent(there, sent) || !same_attributes) return Fail(facts.error());
  return there;
}

Result<UploadId> OciStoreImpl::StartUpload(const StartUploadRequest& request,
                                           const CallContext& context) {
  if (request.append_to) return Fail(KeyError(ErrorCode::kNotSupported, "append to", request.key));
  TRY_VOID(CheckFileKey(request.key));
  Metadata metadata = TRY(EncodeAttributes(NodeKind::kFile, request.attributes));
  StoredHeaders headers = HeadersOf(request.attributes);
  const std::string tag = MetadataTag(metadata, headers);
  const std::string id = TRY(bucket_.CreateUpload({.name = names_.File(request.key),
                                                   .metadata = std::move(metadata),
                                                   .stored_headers = std::move(headers),
                                                   .conditions = request.conditions},
                                                  context));
  return UploadId{id + '|' + tag};
}

Result<PartReceipt> OciStoreImpl::UploadPart(const UploadPartRequest& request,
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

Result<ObjectInfo> OciStoreImpl::CommitUpload(const CommitUploadRequest& request,
                                              const CallContext& context) {
  const UploadParts upload = TRY(SplitUploadId(request.upload));
  const Metadata metadata = TRY(EncodeAttributes(NodeKind::kFile, request.attributes));
  const StoredHeaders headers = HeadersOf(request.attributes);
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
    const bool has_attributes = MetadataTag(metadata, headers) == upload.metadata_tag;
    return AfterActing(Finish(request, std::move(sent), has_attributes, context));
  }
  const bool may_be_done = IsLostRace(facts.error()) || facts.error().code == ErrorCode::kNotFound;
  if (!context.retried || !may_be_done) return Fail(facts.error());
  const Result<ObjectHead> head = bucket_.Head(name, std::nullopt, context);
  if (!head) return Fail(IsOpen(head) ? head.error() : facts.error());
  ObjectInfo there = DescribeObject(request.key, NodeKind::kFile, *head);
  if (!SameContent(there, sent)) return Fail(facts.error());
  const bool has_attributes = head->facts.metadata == metadata && HasHeaders(*head, headers);
  return AfterActing(Finish(request, std::move(there), has_attributes, context));
}

Result<ObjectInfo> OciStoreImpl::Finish(const CommitUploadRequest& request, ObjectInfo info,
                                        bool has_attributes, const CallContext& context) {
  if (has_attributes) return info;
  return SetFileAttributes({.key = request.key,
                            .attributes = request.attributes,
                            .if_match = info.etag,
                            .size_bytes = info.size_bytes,
                            .set_tier = true},
                           context);
}

Status OciStoreImpl::AbortUpload(const AbortUploadRequest& request, const CallContext& context) {
  const UploadParts upload = TRY(SplitUploadId(request.upload));
  Status aborted = bucket_.AbortUpload(names_.File(request.key), upload.id, context);
  if (!aborted && aborted.error().code == ErrorCode::kNotFound) return {};
  return aborted;
}

}  // namespace skybridge::oci
