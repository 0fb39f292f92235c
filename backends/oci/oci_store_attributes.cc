// Attributes and directories.
#include <utility>

#include "backends/after_acting.h"
#include "backends/known_version.h"
#include "backends/oci/description.h"
#include "backends/oci/metadata_rewrite.h"
#include "backends/oci/oci_store_impl.h"

namespace skybridge::oci {

Result<ObjectInfo> OciStoreImpl::SetAttributes(const SetAttributesRequest& request,
                                               const CallContext& context) {
  if (request.key.is_root() && names_.Directory(request.key).empty()) {
    return Fail(ErrorCode::kNotSupported, "the root of a bucket cannot keep attributes");
  }
  if (request.kind == NodeKind::kDirectory) {
    if (!request.key.is_root()) TRY_VOID(CheckObjectKey(request.key, capabilities_));
    return SetDirectoryAttributes(request, context);
  }
  TRY_VOID(CheckFileKey(request.key));
  return SetFileAttributes(request, context);
}

Result<ObjectInfo> OciStoreImpl::SetFileAttributes(const SetAttributesRequest& request,
                                                   const CallContext& context) {
  NewMetadata change{.metadata = TRY(EncodeAttributes(request.kind, request.attributes)),
                     .headers = HeadersOf(request.attributes)};
  if (!request.set_tier) change.headers.erase("storage-tier");
  const std::string name = names_.File(request.key);
  const bool known =
      request.if_match && request.size_bytes && *request.size_bytes <= kMaxWholeBytes;
  if (known && !context.retried) {
    const ObjectHead now =
        TRY(RewriteKnown(bucket_, name, *request.if_match, *request.size_bytes, change, context));
    return DescribeObject(request.key, request.kind, now);
  }
  const ObjectHead head = TRY(HeadToRewrite(request, context));
  const Metadata wanted = WithRecordedDigest(change.metadata, head.facts.metadata);
  const auto is_wanted = [&](const ObjectHead& there) {
    return there.facts.metadata == wanted && HasHeaders(there, change.headers);
  };
  if (request.if_match && request.if_match->value != head.facts.etag) {
    // Our own earlier attempt changed the ETag, or somebody else did.
    if (context.retried && is_wanted(head)) return DescribeObject(request.key, request.kind, head);
    return Fail(KeyError(ErrorCode::kPreconditionFailed, "set attributes of", request.key));
  }
  const auto replaced = ReplaceMetadata(bucket_, name, head, change, context);
  if (replaced && *replaced) return DescribeObject(request.key, request.kind, **replaced);
  if (!replaced && !(context.retried && IsLostRace(replaced.error())))
    return Fail(replaced.error());
  const ObjectHead now = TRY(AfterActing(bucket_.Head(name, std::nullopt, context)));
  // An earlier attempt that ended late may have been faster than this one.
  if (!replaced && !is_wanted(now)) return Fail(replaced.error());
  return DescribeObject(request.key, request.kind, now);
}

Result<ObjectHead> OciStoreImpl::HeadToRewrite(const SetAttributesRequest& request,
                                               const CallContext& context) {
  const ObjectInfo* const known = KnownVersion(request.info, request.if_match, context);
  if (known == nullptr || !known->attributes->content.empty())
    return bucket_.Head(names_.File(request.key), std::nullopt, context);
  return ObjectHead{.facts = {.etag = known->etag.value,
                              .last_modified = known->last_modified,
                              .digests = known->digests,
                              .metadata = TRY(EncodeAttributes(known->kind, *known->attributes))},
                    .size_bytes = known->size_bytes};
}

Result<ObjectInfo> OciStoreImpl::PutMarker(const ObjectKey& key, const Attributes& attributes,
                                           Conditions conditions, const CallContext& context) {
  if (names_.Directory(key).size() > kMaxNameBytes)
    return Fail(KeyError(ErrorCode::kNameTooLong, "make a directory of", key));
  Metadata metadata = TRY(EncodeAttributes(NodeKind::kDirectory, attributes));
  const ObjectFacts facts = TRY(bucket_.Put({.name = names_.Directory(key),
                                             .body = {},
                                             .metadata = std::move(metadata),
                                             .conditions = std::move(conditions)},
                                            context));
  return DescribeWritten(key, NodeKind::kDirectory, 0, attributes, facts);
}

Result<ObjectInfo> OciStoreImpl::SetDirectoryAttributes(const SetAttributesRequest& request,
                                                        const CallContext& context) {
  // A marker has no bytes that would have to stay: the version alone tells whether it is replaced.
  const bool known = request.if_match && !request.if_match->empty();
  if (known && !context.retried) {
    auto put = PutMarker(request.key, request.attributes, {.if_match = request.if_match}, context);
    if (put || !(IsLostRace(put.error()) || put.error().code == ErrorCode::kNotFound)) return put;
  }
  ObjectInfo there = TRY(FindDirectory(request.key, context));
  if (request.if_match && *request.if_match != there.etag) {
    if (context.retried && there.attributes == request.attributes) return there;
    return Fail(KeyError(ErrorCode::kPreconditionFailed, "set attributes of", request.key));
  }
  Conditions conditions{.must_not_exist = there.etag.empty()};
  if (!there.etag.empty()) conditions.if_match = there.etag;
  auto put = PutMarker(request.key, request.attributes, std::move(conditions), context);
  if (put) return put;
  Error error = std::move(put).error();
  if (context.retried && IsLostRace(error)) {
    Result<ObjectInfo> now = FindDirectory(request.key, context);
    if (IsOpen(now) || (now && now->attributes == request.attributes)) return now;
  }
  if (IsLostRace(error) && there.etag.empty()) {
    const auto in_the_way = bucket_.Head(names_.Directory(request.key), std::nullopt, context);
    const bool content = in_the_way && in_the_way->size_bytes > 0;
    error.code = content ? ErrorCode::kNotSupported : ErrorCode::kPreconditionFailed;
    if (content) error.message += ": the name of its marker has content";
  }
  return Fail(std::move(error));
}

Result<ObjectInfo> OciStoreImpl::MakeDirectory(const MakeDirectoryRequest& request,
                                               const CallContext& context) {
  TRY_VOID(CheckObjectKey(request.key, capabilities_));
  const auto ours = [&](const Result<ObjectInfo>& found) {
    return context.retried && found && found->kind == NodeKind::kDirectory &&
           !found->etag.empty() && found->attributes == request.attributes;
  };
  if (!request.nothing_there || context.retried) {
    Result<ObjectInfo> there = Head(request.key, context);
    if (there && !ours(there))
      return Fail(KeyError(ErrorCode::kAlreadyExists, "make directory", request.key));
    if (there || there.error().code != ErrorCode::kNotFound) return there;
  }
  Result<ObjectInfo> made =
      PutMarker(request.key, request.attributes, {.must_not_exist = true}, context);
  if (made || !context.retried || !IsLostRace(made.error())) return made;
  // An earlier attempt that ended late may have been faster than this one.
  Result<ObjectInfo> now = FindDirectory(request.key, context);
  if (ours(now) || IsOpen(now)) return now;
  return made;
}

Status OciStoreImpl::RemoveDirectory(const ObjectKey& key, const CallContext& context) {
  if (!capabilities_.can_delete) return Fail(NotThrough("remove directory", key));
  TRY_VOID(CheckObjectKey(key, capabilities_));
  const std::string marker = names_.Directory(key);
  const Listing listing = TRY(bucket_.List({.prefix = marker, .limit = 2}, context));
  for (const ListedObject& object : listing.objects) {
    if (object.name != marker || !IsMarker(object))
      return Fail(KeyError(ErrorCode::kNotEmpty, "remove directory", key));
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

}  // namespace skybridge::oci
