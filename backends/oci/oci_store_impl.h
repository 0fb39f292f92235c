// OciStoreImpl: the store that MakeOciStore makes, its methods grouped by idea:
//   oci_store.cc             what it is, listing and reading
//   oci_store_write.cc       whole objects and uploads in parts
//   oci_store_attributes.cc  attributes and directories
//   oci_store_move.cc        renaming and deleting
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/object_store.h"
#include "backends/oci/bucket.h"
#include "backends/oci/object_names.h"
#include "backends/recent_renames.h"

namespace skybridge::oci {

// "OPERATION 'KEY'".
Error KeyError(ErrorCode code, std::string_view operation, const ObjectKey& key);
// What a pre-authenticated request cannot do.
Error NotThrough(std::string_view operation, const ObjectKey& key);
// The answer to a condition that did not hold, perhaps because an earlier attempt has done the
// work.
inline bool IsLostRace(const Error& error) {
  return error.code == ErrorCode::kPreconditionFailed || error.code == ErrorCode::kAlreadyExists;
}

Capabilities MakeCapabilities(const ObjectNames& names, bool is_pre_authenticated);

class OciStoreImpl final : public ObjectStore {
 public:
  OciStoreImpl(BucketOptions options, const ObjectKey& root, HttpTransport& transport,
               std::unique_ptr<IdentityProvider> identities, Clock& clock)
      : names_(root),
        capabilities_(MakeCapabilities(names_, !options.access.empty())),
        bucket_(std::move(options), transport, std::move(identities), clock) {}

  const Capabilities& capabilities() const override { return capabilities_; }
  Result<ProbeReply> Probe(const CallContext& context) override;
  Result<ListPage> List(const ListRequest& request, const CallContext& context) override;
  Result<ObjectInfo> Head(const ObjectKey& key, const CallContext& context) override;
  Result<ObjectInfo> HeadDirectory(const ObjectKey& key, const CallContext& context) override;
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
  // Errors: those of CheckObjectKey; kInvalidName for a key that cannot be a file's.
  Status CheckFileKey(const ObjectKey& key) const;
  Result<ObjectInfo> HeadFile(const ObjectKey& key, const CallContext& context);
  // By its prefix: with a marker two requests, else one.
  Result<ObjectInfo> FindDirectory(const ObjectKey& key, const CallContext& context);
  Result<bool> HasAnythingBelow(const ObjectKey& directory, const CallContext& context);
  // The error for a file that is not there: kIsDirectory if a directory is, else `otherwise`.
  Error MissingFile(const ObjectKey& key, Error otherwise, const CallContext& context);

  Result<ObjectInfo> SetFileAttributes(const SetAttributesRequest& request,
                                       const CallContext& context);
  // What a rewrite must carry over: asked for, unless the caller knows it.
  Result<ObjectHead> HeadToRewrite(const SetAttributesRequest& request, const CallContext& context);
  Result<ObjectInfo> SetDirectoryAttributes(const SetAttributesRequest& request,
                                            const CallContext& context);
  Result<ObjectInfo> PutMarker(const ObjectKey& key, const Attributes& attributes,
                               Conditions conditions, const CallContext& context);
  // Gives the object at `info` the attributes, unless it has them.
  Result<ObjectInfo> Finish(const CommitUploadRequest& request, ObjectInfo info,
                            bool has_attributes, const CallContext& context);

  Result<ObjectInfo> RenameFile(const RenameRequest& request, const CallContext& context);
  Status CheckNoDirectory(const RenameRequest& request, const CallContext& context);
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

}  // namespace skybridge::oci
