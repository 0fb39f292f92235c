// HierarchicalStore: an account with hierarchical namespace (Azure Data Lake Storage Gen2). Real
// directories, atomic renames. Speaks both protocols of the account: Blob to list with metadata
// (one request for 5000 entries), read, write small files whole and set metadata; DFS for
// directories, large files, rename and delete.
//
// Where only DFS can be reached, DFS does everything: a listing then has no attributes, and a small
// file is put as a large one is, in four requests (create, append, flush, rename) instead of one.
//
// A large file grows in a hidden file beside its target (names.h, kUploadPrefix), which is created
// through DFS, since blocks of the Blob protocol are refused on such files; a rename publishes it
// whole, under the target's conditions, and gives it its attributes and the digest of the whole.
//
// A file that replaces another one keeps its owner, group and access control list (path_access.h).
// Its methods are in two files: hierarchical_write.cc holds how files get in.
#pragma once

#include <vector>

#include "backends/azure/blob_client.h"
#include "backends/azure/path_access.h"
#include "backends/azure/upload.h"
#include "backends/object_store.h"
#include "core/mutex.h"

namespace skybridge::azure {

class HierarchicalStore final : public ObjectStore {
 public:
  HierarchicalStore(const Options& options, HttpTransport& transport, const Clock& clock);

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
  struct Publication;

  std::string BlobName(const ObjectKey& key) const { return blobs_.names().BlobName(key); }
  std::string DfsUrl(const ObjectKey& key) const { return blobs_.names().DfsUrl(BlobName(key)); }
  Status CheckIsDirectory(const ObjectKey& key, const CallContext& context) const;
  Error ExplainWrite(const ObjectKey& key, Error error, const Conditions& conditions,
                     const CallContext& context) const;
  Status DeletePath(const ObjectKey& key, NodeKind kind, const std::optional<ETag>& if_match,
                    const CallContext& context) const;
  Result<bool> DeleteStaleUploads(const ObjectKey& directory, const CallContext& context) const;
  Result<ObjectInfo> PutFile(const PutRequest& request, const CallContext& context) const;
  Result<WantedAccess> WantedOf(const Attributes& attributes, const Conditions& conditions) const;
  Result<ObjectInfo> WithAccess(ObjectInfo info, const CallContext& context) const;
  Status GiveAccess(const MakeDirectoryRequest& request, const CallContext& context) const;
  Status ChangeAccess(const ObjectKey& key, const Attributes& attributes,
                      const CallContext& context) const;
  Result<ObjectInfo> PutBeside(const PutRequest& request, const WantedAccess& wanted,
                               const CallContext& context) const;
  Result<ObjectInfo> RenameOver(const PutRequest& request, const ObjectKey& temporary,
                                ObjectInfo put, const CallContext& context) const;
  Result<ObjectInfo> PutThroughUpload(const PutRequest& request, const CallContext& context) const;
  void DiscardTemporary(const ObjectKey& temporary, const CallContext& context) const;
  void DiscardRemains(const CallContext& context) const;
  Result<ObjectInfo> SendWhole(const Publication& publication, ByteSpan body,
                               const CallContext& context) const;
  Status FlushUpload(const Publication& publication, const CallContext& context) const;
  Result<ObjectInfo> Publish(const Publication& publication, const CallContext& context) const;
  Result<std::optional<ObjectInfo>> FindPublished(const Publication& publication,
                                                  const CallContext& context) const;

  const Capabilities capabilities_;
  const BlobClient blobs_;
  const PathAccess access_;
  // Hidden files of writes that failed, which could not be removed then: the next write tries
  // again. What a crash leaves is removed with its directory.
  static constexpr std::size_t kMaxRemains = 100;
  mutable Mutex mutex_;
  mutable std::vector<ObjectKey> remains_ GUARDED_BY(mutex_);
};

}  // namespace skybridge::azure
