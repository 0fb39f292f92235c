// Renaming and deleting.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "backends/after_acting.h"
#include "backends/known_version.h"
#include "backends/oci/description.h"
#include "backends/oci/directory_rename.h"
#include "backends/oci/error.h"
#include "backends/oci/oci_store_impl.h"

namespace skybridge::oci {
namespace {

// By a digest, a version is known again after a lost reply.
bool HasDigest(const ObjectInfo& info) { return info.digests.md5 || info.digests.crc32c; }

}  // namespace

Result<ObjectInfo> OciStoreImpl::Rename(const RenameRequest& request, const CallContext& context) {
  if (!capabilities_.can_rename) return Fail(NotThrough("rename", request.source));
  TRY_VOID(CheckObjectKey(request.source, capabilities_));
  TRY_VOID(CheckObjectKey(request.destination, capabilities_));
  return request.kind == NodeKind::kDirectory ? RenameTree(request, context)
                                              : RenameFile(request, context);
}

Result<ObjectInfo> OciStoreImpl::RenameFile(const RenameRequest& request,
                                            const CallContext& context) {
  TRY_VOID(CheckFileKey(request.source));
  TRY_VOID(CheckFileKey(request.destination));
  // The reply to a rename describes nothing, so the source is looked at first, unless the caller
  // knows it; its version is pinned below.
  const ObjectInfo* const known =
      KnownVersion(request.source_info, request.source_if_match, context);
  Result<ObjectInfo> source = known != nullptr && HasDigest(*known)
                                  ? Result<ObjectInfo>(*known)
                                  : HeadFile(request.source, context);
  if (!source) return FindMoved(request, std::move(source).error(), /*source_gone=*/true, context);
  source->key = request.source;
  if (request.source_if_match && *request.source_if_match != source->etag) {
    return Fail(KeyError(ErrorCode::kPreconditionFailed, "rename", request.source));
  }
  if (request.source == request.destination) {
    if (request.destination_conditions.must_not_exist) {
      return Fail(KeyError(ErrorCode::kAlreadyExists, "rename", request.source));
    }
    return source;
  }
  if (source->size_bytes == 0 && request.destination.name().empty()) {
    return Fail(KeyError(ErrorCode::kInvalidName, "rename an empty file to the marker",
                         request.destination));
  }
  if (!request.no_directory_there) TRY_VOID(CheckNoDirectory(request, context));
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

Status OciStoreImpl::CheckNoDirectory(const RenameRequest& request, const CallContext& context) {
  if (!TRY(HasAnythingBelow(request.destination, context))) return {};
  const bool exclusive = request.destination_conditions.must_not_exist;
  return Fail(KeyError(exclusive ? ErrorCode::kAlreadyExists : ErrorCode::kIsDirectory, "rename to",
                       request.destination));
}

// The file at the destination, if it is the one that an earlier attempt of this rename moved there;
// else `error`.
Result<ObjectInfo> OciStoreImpl::FindMoved(const RenameRequest& request, Error error,
                                           bool source_gone, const CallContext& context) {
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

Result<ObjectInfo> OciStoreImpl::RenameTree(const RenameRequest& request,
                                            const CallContext& context) {
  const std::string source = names_.Directory(request.source);
  const std::string destination = names_.Directory(request.destination);
  if (destination == source) {
    if (request.destination_conditions.must_not_exist) {
      return Fail(KeyError(ErrorCode::kAlreadyExists, "rename", request.source));
    }
    return FindDirectory(request.source, context);
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
    const ObjectInfo own = TRY(FindDirectory(request.source, context));
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
  Result<ObjectInfo> there = AfterActing(FindDirectory(request.destination, context));
  if (there && may_be_done) recent_renames_.Forget(request.source, request.destination);
  return there;
}

Status OciStoreImpl::Delete(const DeleteRequest& request, const CallContext& context) {
  if (!capabilities_.can_delete) return Fail(NotThrough("delete", request.key));
  TRY_VOID(CheckFileKey(request.key));
  Status deleted = bucket_.Delete(names_.File(request.key), request.if_match, context);
  if (deleted || deleted.error().code != ErrorCode::kNotFound) return deleted;
  if (context.retried) return {};
  return Fail(MissingFile(request.key, std::move(deleted).error(), context));
}

std::vector<Status> OciStoreImpl::DeleteMany(std::span<const DeleteRequest> requests,
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
Status OciStoreImpl::DeleteBatch(std::span<const DeleteRequest> requests,
                                 std::span<Status> outcomes, const CallContext& context) {
  std::vector<NamedVersion> objects;
  std::unordered_map<std::string, std::size_t> position;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    outcomes[i] = CheckFileKey(requests[i].key);
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

}  // namespace skybridge::oci
