// How files get into a hierarchical account: whole, and in parts. Part of HierarchicalStore.
#include <fmt/format.h>

#include "backends/after_acting.h"
#include "backends/azure/dfs_requests.h"
#include "backends/azure/hierarchical_store.h"
#include "core/digest.h"

namespace skybridge::azure {
namespace {

ObjectKey UploadPath(const ObjectKey& target, const std::string& nonce) {
  return target.parent().child(std::string(kUploadPrefix) + nonce);
}

}  // namespace

// Everything that one commit works with.
struct HierarchicalStore::Publication {
  ObjectKey key;
  ObjectKey temporary;
  std::string nonce;
  WholeContent whole;
  MetadataMap metadata;
  ContentHeaders content = {};
  std::string tier = {};
  WantedAccess access = {};
  Conditions conditions;
};

Result<ObjectInfo> HierarchicalStore::Put(const PutRequest& request, const CallContext& context) {
  TRY_VOID(CheckAzureKey(request.key, capabilities_));
  if (request.kind == NodeKind::kDirectory) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("put '{}': directories are made otherwise", request.key.path));
  }
  if (request.body.size() > capabilities_.max_put_bytes) {
    return Fail(ErrorCode::kTooLarge,
                fmt::format("put '{}': {} bytes", request.key.path, request.body.size()));
  }
  auto info = PutFile(request, context);
  if (info) return WithAccess(*std::move(info), context);
  return Fail(ExplainWrite(request.key, info.error(), request.conditions, context));
}

Result<ObjectInfo> HierarchicalStore::PutFile(const PutRequest& request,
                                              const CallContext& context) const {
  if (blobs_.dfs_only()) return PutThroughUpload(request, context);
  const WantedAccess wanted = TRY(WantedOf(request.attributes, request.conditions));
  if (TRY(access_.IsLostByPut(request.key, wanted, context)))
    return PutBeside(request, wanted, context);
  return blobs_.Put(request, BlobName(request.key), context);
}

Result<WantedAccess> HierarchicalStore::WantedOf(const Attributes& attributes,
                                                 const Conditions& conditions) const {
  WantedAccess wanted{.access = attributes.access, .is_new = conditions.must_not_exist};
  const AccountIds* const ids = blobs_.account_ids();
  if (ids == nullptr) return wanted;
  if (!wanted.access) {
    if (attributes.mode) wanted.most = *attributes.mode & 0777;
    return wanted;
  }
  Attributes asked = attributes;
  if (wanted.access->owner.empty()) asked.uid = asked.gid = std::nullopt;
  const AccessControl change = TRY(AccessAsWanted(*ids, *wanted.access, asked));
  const bool as_it_is = change == AccessControl() && !wanted.access->owner.empty();
  if (as_it_is) {
    wanted.access.reset();
  } else {
    wanted.access = PathAccess::After(*wanted.access, change);
  }
  return wanted;
}

// What was written as it is shown: where modes and owners are the account's, one request more.
Result<ObjectInfo> HierarchicalStore::WithAccess(ObjectInfo info,
                                                 const CallContext& context) const {
  const AccountIds* const ids = blobs_.account_ids();
  if (ids == nullptr || !info.attributes) return info;
  info.attributes->access = TRY(AfterActing(access_.Read(info.key, context)));
  ShowAccess(*ids, info.kind, *info.attributes);
  return info;
}

// Put Blob carries no permissions: the blob is put under a hidden name and is renamed once it has
// them.
Result<ObjectInfo> HierarchicalStore::PutBeside(const PutRequest& request,
                                                const WantedAccess& wanted,
                                                const CallContext& context) const {
  DiscardRemains(context);
  const ObjectKey temporary = UploadPath(request.key, NewUploadId(context.call_id).value);
  PutRequest hidden = request;
  hidden.conditions = {};
  auto info = blobs_.Put(hidden, BlobName(temporary), context);
  if (info) {
    const Status handed_over = access_.HandOver(request.key, temporary, wanted, context);
    info = handed_over ? RenameOver(request, temporary, *std::move(info), context)
                       : Result<ObjectInfo>(Fail(handed_over.error()));
  }
  if (info) return info;
  Error error = AsWriteError(info.error(), request.conditions);
  DiscardTemporary(temporary, context);
  return blobs_.FindOwnPut(request, BlobName(request.key), std::move(error), context);
}

Result<ObjectInfo> HierarchicalStore::RenameOver(const PutRequest& request,
                                                 const ObjectKey& temporary, ObjectInfo put,
                                                 const CallContext& context) const {
  const HttpRequest rename =
      MakeRenamePathRequest({.url = DfsUrl(request.key),
                             .source = blobs_.names().RenameSource(BlobName(temporary)),
                             .source_if_match = put.etag,
                             .conditions = request.conditions});
  const HttpResponse response = TRY(blobs_.channel().Send(rename, request.key, context));
  const std::string* etag = response.headers.Find("ETag");
  // Old versions of the service do not name it.
  if (etag == nullptr)
    return blobs_.Describe(TRY(blobs_.Head(request.key, BlobName(request.key), context)));
  put.etag = StripETag(*etag);
  return put;
}

// DFS cannot write a file whole: it grows under a hidden name, and the rename shows it.
Result<ObjectInfo> HierarchicalStore::PutThroughUpload(const PutRequest& request,
                                                       const CallContext& context) const {
  MetadataMap attributes = TRY(blobs_.Encode(request.kind, request.attributes));
  DiscardRemains(context);
  const std::string nonce = NewUploadId().value;
  const WholeContent whole{.size_bytes = request.body.size(), .crc32c = Crc32c(request.body)};
  const Publication publication{
      .key = request.key,
      .temporary = UploadPath(request.key, nonce),
      .nonce = nonce,
      .whole = whole,
      .metadata = CommitMetadata(std::move(attributes), nonce, whole, blobs_.channel().ServerNow()),
      .content = request.attributes.content,
      .tier = {},
      .access = TRY(WantedOf(request.attributes, request.conditions)),
      .conditions = request.conditions};
  auto info = SendWhole(publication, request.body, context);
  if (info) return info;
  Error error = AsWriteError(info.error(), request.conditions);
  DiscardTemporary(publication.temporary, context);
  return blobs_.FindOwnPut(request, BlobName(request.key), std::move(error), context);
}

// Whether it helps or not, the write has failed.
void HierarchicalStore::DiscardTemporary(const ObjectKey& temporary,
                                         const CallContext& context) const {
  const auto discard = [&] {
    return DeletePath(temporary, NodeKind::kFile, std::nullopt, context);
  };
  Status discarded = discard();
  // A cut connection says nothing of the next one.
  if (!discarded && discarded.error().code == ErrorCode::kUnavailable) discarded = discard();
  if (discarded || discarded.error().code == ErrorCode::kNotFound) return;
  MutexLock lock(mutex_);
  if (remains_.size() < kMaxRemains) remains_.push_back(temporary);
}

void HierarchicalStore::DiscardRemains(const CallContext& context) const {
  std::vector<ObjectKey> remains;
  {
    MutexLock lock(mutex_);
    remains.swap(remains_);
  }
  for (const ObjectKey& temporary : remains) DiscardTemporary(temporary, context);
}

Result<ObjectInfo> HierarchicalStore::SendWhole(const Publication& publication, ByteSpan body,
                                                const CallContext& context) const {
  const std::string url = DfsUrl(publication.temporary);
  TRY_VOID(blobs_.channel().Send(
      MakeCreatePathRequest({.url = url, .kind = NodeKind::kFile, .properties = {}}),
      publication.key, context));
  if (!body.empty()) {
    const HttpRequest append = MakeAppendRequest(
        {.url = url, .position_bytes = 0, .body = body, .checksum = blobs_.checksum()});
    TRY_VOID(blobs_.channel().Send(append, publication.key, context));
  }
  return Publish(publication, context);
}

// A write fails on a directory in more than one way, and alike when a part of the path is a file:
// look.
Error HierarchicalStore::ExplainWrite(const ObjectKey& key, Error error,
                                      const Conditions& conditions,
                                      const CallContext& context) const {
  const bool unclear =
      error.code == ErrorCode::kIsDirectory || error.code == ErrorCode::kConflict ||
      error.code == ErrorCode::kNotSupported || error.code == ErrorCode::kPreconditionFailed;
  const bool unasked = error.code == ErrorCode::kAlreadyExists && !conditions.must_not_exist;
  if (!unclear && !unasked) return error;
  const auto there = blobs_.Head(key, BlobName(key), context);
  if (there && conditions.must_not_exist) {
    error.code = ErrorCode::kAlreadyExists;
  } else if (there && there->is_directory) {
    error.code = ErrorCode::kIsDirectory;
  } else if (error.code == ErrorCode::kIsDirectory) {
    error.code = ErrorCode::kNotDirectory;
  }
  return error;
}

Result<UploadId> HierarchicalStore::StartUpload(const StartUploadRequest& request,
                                                const CallContext& context) {
  TRY_VOID(CheckAzureKey(request.key, capabilities_));
  if (request.append_to) {
    return Fail(ErrorCode::kNotSupported,
                fmt::format("'{}': this store cannot append", request.key.path));
  }
  TRY(blobs_.Encode(NodeKind::kFile, request.attributes));
  UploadId upload = NewUploadId(context.call_id);
  // Its attributes come with the commit, which has the last word on them.
  const HttpRequest create =
      MakeCreatePathRequest({.url = DfsUrl(UploadPath(request.key, upload.value)),
                             .kind = NodeKind::kFile,
                             .properties = {}});
  auto response = blobs_.channel().Send(create, request.key, context);
  // The hidden name belongs to this call: an earlier attempt has made it.
  const bool made_before =
      context.retried && !response && response.error().code == ErrorCode::kAlreadyExists;
  if (response || made_before) return upload;
  // The hidden name is ours alone: what is in the way is a file in its path.
  if (response.error().code == ErrorCode::kIsDirectory)
    response.error().code = ErrorCode::kNotDirectory;
  return Fail(std::move(response).error());
}

Result<PartReceipt> HierarchicalStore::UploadPart(const UploadPartRequest& request,
                                                  const CallContext& context) {
  const std::string nonce = TRY(ParseUploadId(request.upload));
  TRY_VOID(CheckPart(request, capabilities_));
  const HttpRequest append = MakeAppendRequest({.url = DfsUrl(UploadPath(request.key, nonce)),
                                                .position_bytes = request.offset_bytes,
                                                .body = request.body,
                                                .checksum = blobs_.checksum()});
  TRY_VOID(blobs_.channel().Send(append, request.key, context));
  return MakeReceipt(request, {});
}

Result<ObjectInfo> HierarchicalStore::CommitUpload(const CommitUploadRequest& request,
                                                   const CallContext& context) {
  const std::string nonce = TRY(ParseUploadId(request.upload));
  const WholeContent whole = TRY(WholeOf(request));
  MetadataMap attributes = TRY(blobs_.Encode(NodeKind::kFile, request.attributes));
  const Publication publication{
      .key = request.key,
      .temporary = UploadPath(request.key, nonce),
      .nonce = nonce,
      .whole = whole,
      .metadata = CommitMetadata(std::move(attributes), nonce, whole, blobs_.channel().ServerNow()),
      .content = request.attributes.content,
      .tier = blobs_.dfs_only() ? "" : request.attributes.tier,
      .access = TRY(WantedOf(request.attributes, request.conditions)),
      .conditions = request.conditions};
  auto info = Publish(publication, context);
  if (info) return WithAccess(*std::move(info), context);
  if (info.error().retryable) return info;
  // An earlier attempt, perhaps before a restart, may have published the file: its mark tells.
  if (auto published = TRY(FindPublished(publication, context))) return *std::move(published);
  return Fail(AsWriteError(info.error(), request.conditions));
}

// A flush that was carried out before, without our knowing, leaves the file at its full length.
Status HierarchicalStore::FlushUpload(const Publication& publication,
                                      const CallContext& context) const {
  const HttpRequest flush = MakeFlushRequest({.url = DfsUrl(publication.temporary),
                                              .size_bytes = publication.whole.size_bytes,
                                              .content = publication.content});
  const auto response = blobs_.channel().Send(flush, publication.key, context);
  if (response) return {};
  if (response.error().retryable || response.error().code == ErrorCode::kNotFound)
    return Fail(response.error());
  const auto there = blobs_.Head(publication.key, BlobName(publication.temporary), context);
  if (IsOpen(there)) return Fail(there.error());
  if (there && there->size_bytes == publication.whole.size_bytes) return {};
  return Fail(response.error());
}

Result<ObjectInfo> HierarchicalStore::Publish(const Publication& publication,
                                              const CallContext& context) const {
  TRY_VOID(FlushUpload(publication, context));
  if (!publication.tier.empty()) {
    TRY_VOID(blobs_.SetTier(publication.key, BlobName(publication.temporary), publication.tier,
                            context));
  }
  TRY_VOID(access_.HandOver(publication.key, publication.temporary, publication.access, context));
  const HttpRequest rename =
      MakeRenamePathRequest({.url = DfsUrl(publication.key),
                             .source = blobs_.names().RenameSource(BlobName(publication.temporary)),
                             .properties = publication.metadata,
                             .source_if_match = std::nullopt,
                             .conditions = publication.conditions});
  const HttpResponse response = TRY(blobs_.channel().Send(rename, publication.key, context));
  const std::string* etag = response.headers.Find("ETag");
  // Old versions of the service do not name it.
  if (etag == nullptr)
    return blobs_.Describe(TRY(blobs_.Head(publication.key, BlobName(publication.key), context)));
  ObjectInfo made =
      blobs_.Describe(Sighting{.key = publication.key,
                               .size_bytes = publication.whole.size_bytes,
                               .etag = StripETag(*etag),
                               .last_modified = ParseTime(response.headers.Get("Last-Modified")),
                               .metadata = publication.metadata,
                               .content = publication.content,
                               .tier = publication.tier});
  made.digests.crc32c = publication.whole.crc32c;
  return made;
}

Result<std::optional<ObjectInfo>> HierarchicalStore::FindPublished(
    const Publication& publication, const CallContext& context) const {
  const std::optional<ObjectInfo> not_ours;
  auto there = blobs_.Head(publication.key, BlobName(publication.key), context);
  if (IsOpen(there)) return Fail(there.error());
  if (!there || there->size_bytes != publication.whole.size_bytes) return not_ours;
  MetadataMap metadata = *there->metadata;
  if (TakeUploadMark(metadata) != publication.nonce) return not_ours;
  return std::optional<ObjectInfo>(blobs_.Describe(*std::move(there)));
}

Status HierarchicalStore::AbortUpload(const AbortUploadRequest& request,
                                      const CallContext& context) {
  const std::string nonce = TRY(ParseUploadId(request.upload));
  Status deleted =
      DeletePath(UploadPath(request.key, nonce), NodeKind::kFile, std::nullopt, context);
  if (!deleted && deleted.error().code != ErrorCode::kNotFound) return deleted;
  return {};
}

}  // namespace skybridge::azure
